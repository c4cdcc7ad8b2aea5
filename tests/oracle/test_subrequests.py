"""Subrequests by auth_request and server-side includes, as nginx has them."""

from __future__ import annotations

import os
from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle.pair import Pair, cases, needs_nginx, pair
from tests.oracle.wire import Ask, ask, shown, words

pytestmark = needs_nginx

CONFIGURATION = """
    log_format line '"$request" $uri $args $request_uri $request_method $status $request_length';
    map $uri $mapped { default "map $uri"; }
    server {
        listen LISTEN0; server_name localhost; root ROOT; access_log OWN/logs/line.log line;
        set $server "$server;$uri";
        if ($arg_stop) { return 418; }
        location / { ssi on; }
        location /off/ { alias ROOT/; }
        location /silent/ { alias ROOT/; ssi on; ssi_silent_errors on; }
        location /modified/ { alias ROOT/; ssi on; ssi_last_modified on; }
        location /typed/ { alias ROOT/; ssi on; ssi_types text/css; }
        location /short/ { alias ROOT/; ssi on; ssi_value_length 8; }
        location /echo { default_type text/html;
            return 200 "$uri|$args|$request_uri|$request_method|$is_args|$document_uri|$server|$mapped"; }
        location /internal { internal; return 200 internal; }
        location /401 { add_header X-Inner x always; return 401; }
        location /403 { return 403; }
        location /404 { return 404; }
        location /500 { return 500 text; }
        location /204 { return 204; }
        location /301 { return 301 /echo; }
        location /page404 { error_page 404 /echo; return 404; }
        location /page200 { error_page 404 =200 /echo; return 404; }
        location /named { error_page 404 @named; return 404; }
        location @named { return 200 "named $uri"; }
        location /again { rewrite ^ /echo?again last; }
        location /try { try_files /none /echo?tried; }
        location /proxy/ { ssi on; proxy_pass http://LISTEN1/; }
        location /logged { log_subrequest on; return 200 "logged"; }
        location /denied/ { alias ROOT/; auth_request /403; }

        location /gif { empty_gif; }
        location /add/ { add_before_body /echo?x; add_after_body /off/text.txt; default_type text/html;
            location /add/text { return 200 text; }
            location /add/empty { return 200; }
            location /add/201 { return 201 text; }
            location /add/plain { default_type text/plain; return 200 text; }
            location /add/types { default_type text/plain; addition_types text/plain; return 200 text; }
            location /add/error { add_before_body /404; add_after_body /nowhere; return 200 text; }
            location /add/after { add_before_body ""; return 200 text; }
            location /add/ssi { ssi on; return 200 "<!--#include virtual='/echo' --><!--"; }
            location /add/self { add_after_body /add/self; return 200 text; }
            location /add/proxy/ { proxy_pass http://LISTEN1/; }
            location /add/files/ { alias ROOT/; }
        }

        location /a/ { root ROOT/plain; auth_request_set $user $upstream_http_x_user;
            auth_request_set $inner "$uri|$args|$request_method|$status|$sent_http_x_inner|$server";
            add_header X-User "[$user]" always; add_header X-Seen "$inner" always;
            location /a/204 { auth_request /204; }
            location /a/200 { auth_request /echo; }
            location /a/401 { auth_request /401; }
            location /a/403 { auth_request /403; }
            location /a/404 { auth_request /404; }
            location /a/500 { auth_request /500; }
            location /a/301 { auth_request /301; }
            location /a/none { auth_request /nowhere; }
            location /a/file { auth_request /off/text.txt; }
            location /a/page404 { auth_request /page404; }
            location /a/page200 { auth_request /page200; }
            location /a/named { auth_request /named; }
            location /a/again { auth_request /again; }
            location /a/internal { auth_request /internal; }
            location /a/logged { auth_request /logged; }
            location /a/args { auth_request /echo?x=y; }
            location /a/proxy { auth_request /proxy/user; }
            location /a/proxy401 { auth_request /proxy/401; }
            location /a/error { auth_request /401; error_page 401 = /echo; }
            location /a/named401 { auth_request /401; error_page 401 @named; }
            location /a/off { auth_request /403; location /a/off/x { auth_request off; } }
        }
    }
    server {
        listen LISTEN1; server_name localhost; root ROOT; access_log off;
        location /user { add_header X-User me; return 204; }
        location /401 { add_header WWW-Authenticate 'Basic realm="x"' always; add_header WWW-Authenticate two always;
            return 401; }
        location /echo { default_type text/html; return 200 "$request_method $request_uri $http_x_a"; }
    }
"""
HERE = Path(__file__).parent
INCLUDES = (HERE / "ssi_includes.txt").read_text().splitlines()  # the parameters of `include`
PAGES = [literal_eval(line) for line in (HERE / "ssi_pages.txt").read_text().splitlines()]
BLOCKS = {"b": "stub", "page": "[<!--#echo var='uri' -->]"}


def lay_out(root: Path) -> None:
    """Pages, and what they include."""
    for folder in ("dir", "plain"):
        (root / folder).mkdir(parents=True)
    files = {
        "text.txt": "text",
        "text.html": "<!--#echo var='uri' -->",
        "empty.html": "",
        "dir/index.html": "index <!--#echo var='uri' -->",
        "self.html": "(<!--#include virtual='/self.html' -->)",
        "inner.html": "<!--#set var='v' value='inner' -->[<!--#echo var='uri' --><!--#echo var='v' -->]",
        "nested.html": "<!--#include virtual='/echo' -->",
        "wrong.html": "a<!--#wrong -->b",
    }
    blocks = "".join(f"<!--#block name='{name}' -->{text}<!--#endblock -->" for name, text in BLOCKS.items())
    for number, include in enumerate(INCLUDES):
        files[f"i{number}.html"] = f"{blocks}a<!--#include {include} -->b<!--#echo var='v' encoding='none' -->c"
    for number, text in enumerate(PAGES):
        files[f"t{number}.html"] = text
    for name, text in files.items():
        (root / name).write_bytes(text.encode("latin-1"))
        os.utime(root / name, (1_700_000_000, 1_700_000_000))


AUTH = (
    *("204", "200", "401", "403", "404", "500", "301", "none", "file", "page404", "page200", "named", "again"),
    *("internal", "logged", "args", "proxy", "proxy401", "error", "named401", "off", "off/x"),
)
QUERY = 'v=v1&q=<&">&empty='
# nginx closes the connection over an empty message of errors, and over an include within what is kept; an empty form of
# times is an error for it.
OURS = {
    *(number for number, text in enumerate(PAGES) if "errmsg=''" in text or "timefmt=''" in text),
    len(PAGES) + INCLUDES.index('virtual="/nested.html" set="v"'),
}
OF_PAGES = [
    *(ask(f"GET /t{number}.html?{QUERY}", "X-A: a") for number in range(len(PAGES))),
    *(ask(f"GET /i{number}.html?v=v1", "X-A: a") for number in range(len(INCLUDES))),
]
ADDED = words("/text /empty /201 /plain /types /error /after /ssi /self /proxy/echo /proxy/text.html /files/text.html")
REQUESTS = [
    *(ask(f"{method} /add{path}") for method in ("GET", "HEAD", "POST") for path in ADDED),
    ask("GET /add/files/text.html", "Range: bytes=0-1"),
    *(ask(f"{method} /gif") for method in ("GET", "HEAD", "POST")),
    ask("GET /gif", "If-Modified-Since: Mon, 28 Sep 1970 06:00:00 GMT"),
    ask("GET /gif", "Range: bytes=0-1"),
    *(ask(f"{method} /a/{name}") for method in ("GET", "HEAD", "POST") for name in AUTH),
    ask("POST /a/proxy", body=b"body"),
    *(ask(f"GET {path}") for path in ("/off/i0.html", "/silent/wrong.html", "/modified/text.html", "/typed/text.html")),
    *(ask(f"GET {path}") for path in ("/short/text.html", "/short/t24.html", "/empty.html", "/proxy/text.html")),
    ask("HEAD /i0.html"),
    ask("GET /t0.html", "Range: bytes=0-1"),
    ask("GET /i0.html", "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT"),
    ask("GET /i0.html HTTP/1.0"),
]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    tmp_path = tmp_path_factory.mktemp("subrequests")
    lay_out(tmp_path / "root")
    with pair(tmp_path, CONFIGURATION) as running:
        yield running


@pytest.mark.parametrize(
    "request_", cases(REQUESTS, new={str(request) for request in REQUESTS if "/a/proxy401" in request.line})
)
def test_requests_are_answered_as_by_nginx(servers: Pair, request_: Ask) -> None:
    theirs, ours = servers.ask(request_)
    assert shown(ours) == shown(theirs)


@pytest.mark.parametrize("request_", cases(OF_PAGES, (), {str(OF_PAGES[number]) for number in OURS}))
def test_pages_are_as_those_of_nginx(servers: Pair, request_: Ask) -> None:
    theirs, ours = servers.ask(request_)
    assert shown(ours) == shown(theirs)


def test_subrequests_are_logged_as_by_nginx(servers: Pair) -> None:
    log = servers.nginx.own / "logs/line.log"
    count = log.read_bytes().count(b"\n") if log.exists() else 0
    page = INCLUDES.index('virtual="/logged"')
    for path in ("/a/logged", f"/i{page}.html?logged"):
        servers.ask(ask(f"GET {path}"))
    theirs, ours = servers.logged("logs/line.log", count + 4)
    assert [line for line in ours if "logged" in line] == [line for line in theirs if "logged" in line]
