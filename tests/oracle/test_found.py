"""What random configurations have found, cut down to what showed it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.oracle.backend import Reply
from tests.oracle.pair import Pair, cases, needs_nginx, pair
from tests.oracle.wire import Ask, ask, chunked, shown

pytestmark = needs_nginx

CONFIGURATION = """
    server {
        listen LISTEN0; server_name localhost; root ROOT/;
        location /roots { return 200 "$document_root $request_filename"; }
        location /nested/ { alias ROOT/dir/;
            location /nested/deeper/ { return 200 $request_filename; }
            location ~ \\.txt$ { try_files $uri =405; }
            location ~ \\.none$ { try_files $uri /nested/$arg_a; }
        }
        location ~ ^/re/(.*)$ { alias ROOT/$1; try_files /a.txt $uri/ =405; }
        location /slash/ { try_files $uri =405; }
        location /index { alias ROOT/; index $arg_a a.txt; }
        location /indexfile/ { alias ROOT/a.txt; }
        location /realpath { root ROOT/none; return 200 "x${realpath_root}x"; }
        location /hidden/ { internal; location /hidden/inner { return 200 seen; } }
        location /status { return 302 "http://x/$status"; }
        location /page/ {
            location /page/301 { error_page 301 http://x/y; return 301 /z; }
            location /page/303 { error_page 302 /see; return 302; }
            location /page/412 { error_page 404 = /a.txt; return 404; }
        }
        location /see { return 303 /x; }
        location /empty { proxy_pass http://<empty>; }
        location /unsigned { proxy_pass_header Server; proxy_pass_header Date; proxy_pass http://<unsigned>; }
        location /accel { proxy_pass http://<accel>; }
        location /noport { proxy_pass http://127.0.0.1$arg_a; }
        location /typed { add_header Content-Type text/x; return 204; }
        location /twice { proxy_pass http://<twice>; }
        location /read { return 200 x; }
        location /tokens { return 200 x; }
        location = /both/ { absolute_redirect off; return 200 exact; }
        location /both/ { proxy_pass http://<twice>; }
        location /typed/twice { charset utf-8; add_header Content-Type text/x; proxy_pass http://<typed>; }
        location /last/proxied { empty_gif; proxy_pass http://<twice>; }
        location /last/pixel { proxy_pass http://<twice>; empty_gif; }
        location /unset { ssi on; ssi_types *; return 200 '<!--#echo var="early" -->|<!--#echo var="late" -->'; }
        location /never { set $early x; auth_request_set $early x; auth_request_set $late x; set $late x; }
    }
    server { listen LISTEN1 default_server; error_page 400 @bad; location @bad { return 200 "default $uri"; } }
    server { listen LISTEN1; server_name named; error_page 400 @bad; location @bad { return 200 "named $uri"; } }
"""
REPLIES = {
    "empty": Reply.of("204 None", "Content-Type: text/x"),
    "unsigned": Reply.of("200 OK", body=b"x"),
    "accel": Reply.of("200 OK", "X-Accel-Redirect: /a.txt", "Set-Cookie: a=b"),
    "typed": Reply.of("200 OK", "Content-Type: text/plain", body=b"x"),
    "twice": Reply.of("200 OK", "Expires: a", "Expires: b", "ETag: c", "ETag: d", "X: e", "X: f", body=b"x"),
}
REQUESTS = [
    *(ask(f"GET {path}") for path in ("/roots/x", "/nested/deeper/x", "/nested/a.txt", "/nested/x.none?a=see")),
    *(ask(f"GET {path}") for path in ("/re/dir", "/re/none", "/slash/a.txt/", "/index/", "/index/?a=dir")),
    *(ask(f"GET {path}") for path in ("/indexfile/", "/realpath", "/hidden/inner", "/status", "/page/301")),
    *(ask(f"GET {path}") for path in ("/page/303", "/unsigned", "/typed", "/twice", "/noport?a=:")),
    *(ask(f"GET {path}") for path in ("/typed/twice", "/both", "/unset", "/last/proxied", "/last/pixel")),
    ask("GET /accel", 'If-Match: "x"'),
    ask("GET /page/412", 'If-Match: "x"'),
    ask("GET /read HTTP/1.0", "Connection: keep-alive, close"),
    ask("POST /read", "Transfer-Encoding: chunked", body=chunked(b"abc")),
    ask("POST /read", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\nx"),
    ask("POST /status", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\nx"),
    ask("POST /slash/x", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\nx"),
    ask("HEAD /x y"),
    ask("GET /x y", port=1),
    ask("GET /x HTTP/1.0", "Host: named", "Transfer-Encoding: chunked", port=1),
    ask("GET /x HTTP/1.1", "Host: named", "Content-Length: x", port=1),
]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    tmp_path = tmp_path_factory.mktemp("found")
    root = tmp_path / "root"
    (root / "dir").mkdir(parents=True)
    for name in ("a.txt", "dir/a.txt"):
        (root / name).write_text(name)
        os.utime(root / name, (1_700_000_000, 1_700_000_000))
    with pair(tmp_path, CONFIGURATION, tuple(REPLIES), REPLIES) as running:
        yield running


@pytest.mark.parametrize("request_", cases(REQUESTS, new={"GET /twice", "GET /last/proxied"}))
def test_requests_are_answered_as_by_nginx(servers: Pair, request_: Ask) -> None:
    theirs, ours = servers.ask(request_)
    assert shown(ours) == shown(theirs)


def test_a_response_without_content_keeps_the_type_that_an_upstream_gave_it(servers: Pair) -> None:
    theirs, ours = servers.ask(ask("GET /empty"))
    assert theirs is not None
    assert ours is not None
    assert ours.get("content-type") == theirs.get("content-type") == ["text/x"]
