"""What is left of the core module: built-in pages for old browsers, where redirects point, bodies in files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.oracle.pair import Pair, cases, needs_nginx, pair
from tests.oracle.wire import Ask, ask, shown, words

pytestmark = needs_nginx

CONFIGURATION = """
    map $request_body_file $in_file { default no; ~. yes; }
    map $request_body $in_memory { default no; ~. $request_body; }
    server {
        listen LISTEN0; server_name first.example second.example; root ROOT;
        location / { return 404; }
        location /301 { return 301 /to; } location /303 { return 303 /to; }
        location /302 { return 302 http://e.example/; }
        location /400 { return 400; } location /494 { return 494; } location /500 { return 500; }
        location /503 { error_page 503 http://e.example/x; return 503; }
        location /error301 { error_page 503 =301 http://e.example/x?a=b"c; return 503; }
        location /text { return 404 "own text"; }
        location /refresh/ {
            msie_refresh on;
            location /refresh/301 { return 301 /to; }
            location /refresh/302 { return 302 "http://e.example/?a=b'c&d<e>"; }
            location /refresh/303 { return 303 /to; }
            location /refresh/308 { return 308 /to; }
            location /refresh/503 { error_page 503 http://e.example/x; return 503; }
            location /refresh/header { add_header X-A b; return 301 /to; }
        }
        location /plain/ { msie_padding off; location /plain/404 { return 404; } }
        location /named/ { server_name_in_redirect on; location /named/x { return 301 /to; } }
        location /noport/ { port_in_redirect off; location /noport/x { return 301 /to; } }
        location /relative/ { absolute_redirect off; location /relative/x { return 301 /to; } }
        location /both/ { server_name_in_redirect on; port_in_redirect off; location /both/x { return 301 /to; } }
        location /dir { alias ROOT/dir; server_name_in_redirect on; }
        location /body/ {
            proxy_set_header X-File $in_file; proxy_set_header X-Memory $in_memory;
            location /body/on { client_body_in_file_only on; proxy_pass http://<back>; }
            location /body/clean { client_body_in_file_only clean; proxy_pass http://<back>; }
            location /body/off { client_body_in_file_only off; proxy_pass http://<back>; }
            location /body/one { client_body_in_single_buffer on; proxy_pass http://<back>; }
            location /body/small { client_body_buffer_size 1k; proxy_pass http://<back>; }
            location /body/get { client_body_in_file_only clean; proxy_method GET; proxy_pass http://<back>; }
        }
    }
    server { listen LISTEN1; server_name *.wild.example; location / { server_name_in_redirect on; return 301 /to; } }
"""
AGENTS = (
    *("", "curl/7", "MSIE 6.0", "Mozilla/4.0 (compatible; MSIE 7.0; Windows)", "MSIE 6.", "MSIE 6.0 Opera", "Opera"),
    "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",
    "Mozilla/5.0 Gecko/2010 Chrome/1 Firefox/3",
)
PATHS = words(
    "/none /301 /302 /303 /400 /494 /500 /503 /error301 /text /refresh/301 /refresh/302 /refresh/303 /plain/404"
)
MORE_PATHS = words("/refresh/308 /refresh/503 /refresh/header")
HOSTS = words("first.example second.example other.example first.example:1 SECOND.example. [::1] 127.0.0.1:PORT0")


def requests() -> Iterator[Ask]:
    for path in (*PATHS, *MORE_PATHS):
        yield from (ask(f"GET {path}", f"User-Agent: {agent}") for agent in AGENTS)
        yield ask(f"HEAD {path}", f"User-Agent: {AGENTS[3]}")
        yield ask(f"GET {path} HTTP/1.0", f"User-Agent: {AGENTS[3]}")
    for path in words("/named/x /noport/x /relative/x /both/x /301 /302 /dir /dir?a=b"):
        yield from (ask(f"GET {path}", f"Host: {host}") for host in HOSTS)
        yield ask(f"GET {path} HTTP/1.0")
    yield from (ask("GET /", f"Host: {host}", port=1) for host in HOSTS)


def bodies() -> Iterator[Ask]:
    for place in words("on clean off one small get"):
        for body in (b"", b"abc", b"x" * 20_000):
            yield ask(f"POST /body/{place}", body=body)
        yield ask(f"GET /body/{place}")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    path = tmp_path_factory.mktemp("core")
    (path / "root" / "dir").mkdir(parents=True)
    with pair(path, CONFIGURATION, ("back",)) as found:
        yield found


@pytest.mark.parametrize("request_", cases(requests()))
def test_both_answer_alike(both: Pair, request_: Ask) -> None:
    theirs, ours = both.ask(request_)
    assert shown(ours) == shown(theirs)


@pytest.mark.parametrize("request_", cases(bodies()))
def test_both_keep_bodies_alike(both: Pair, request_: Ask) -> None:
    theirs, ours = both.passed(request_)
    for one, other in zip(theirs, ours, strict=True):
        assert other.body == one.body
        assert [dict(other.fields)[name] for name in ("x-file", "x-memory")] == [
            dict(one.fields)[name] for name in ("x-file", "x-memory")
        ]
