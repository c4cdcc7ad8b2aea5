"""The same configuration and requests on nginx and on pyngx: status, fields in order, body."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyngx.core.generation import Generation
from pyngx.modules import core, error_log, headers, index, log, not_modified, range_filter, static, try_files
from tests.support.configure import ask, configure
from tests.support.memory_logs import MemoryLogs
from tests.support.nginx import ask_nginx, needs_nginx, nginx

MODULES = (
    error_log.MODULE,
    core.MODULE,
    not_modified.MODULE,
    headers.MODULE,
    range_filter.MODULE,
    try_files.MODULE,
    index.MODULE,
    static.MODULE,
    log.MODULE,
)
CONFIGURATION = """
    log_format all '$uri|$args|$is_args|$request_completion|$remote_user|$status|$body_bytes_sent|$http_x|$arg_a|'
        '$sent_http_etag|$sent_http_last_modified|$sent_http_content_length|$server_name|$content_type|'
        '$sent_http_content_type|$sent_http_content_range|$request_method|$request|$http_user_agent';
    log_format escaped escape=json '{"x":"$http_x","missing":"$http_missing"}';
    server {
        listen LISTEN; server_name localhost; root html; access_log logs/all.log all; etag on;
        types { text/html html; } default_type text/plain;
        add_header X "$uri"; add_header Always $request_method always;
        location /expires { alias PREFIX/html; expires max; add_header Cache-Control public; }
        location /modified { alias PREFIX/html; expires modified -5; }
        location /own { alias PREFIX/html; add_header ETag '"own"'; add_header Last-Modified ""; }
        location /two { alias PREFIX/html; max_ranges 1; if_modified_since before; }
        location /page { alias PREFIX/html; error_page 412 404 /t.html; }
        location /json { alias PREFIX/html; access_log logs/json.log escaped if=$arg_log; access_log logs/all.log all; }
    }"""
TIME = b"Tue, 14 Nov 2023 22:13:20 GMT"
ETAG = b'"6553f100-a"'
REQUESTS: list[tuple[str, list[tuple[bytes, bytes]]]] = [
    ("GET /t.html", []),
    ("HEAD /t.html?a=b", []),
    ("GET /nx?", []),
    ("GET /dir", []),
    ("GET /t.html", [(b"If-None-Match", ETAG)]),
    ("GET /t.html", [(b"If-None-Match", b'"x", W/' + ETAG)]),
    ("GET /t.html", [(b"If-Modified-Since", TIME), (b"If-None-Match", b'"x"')]),
    ("GET /t.html", [(b"If-Modified-Since", TIME), (b"Range", b"bytes=0-1")]),
    ("GET /two/t.html", [(b"If-Modified-Since", b"Tue, 14 Nov 2024 22:13:20 GMT")]),
    ("GET /t.html", [(b"If-Match", b'"x"')]),
    ("GET /page/t.html", [(b"If-Match", b'"x"')]),
    ("GET /page/nx", [(b"If-Match", b'"x"'), (b"Range", b"bytes=0-1")]),
    ("GET /t.html", [(b"If-Unmodified-Since", b"Tue, 14 Nov 2022 22:13:20 GMT")]),
    ("GET /t.html", [(b"Range", b"bytes=0-1")]),
    ("HEAD /t.html", [(b"Range", b"bytes=-3")]),
    ("GET /t.html", [(b"Range", b"bytes=0-1, 4-5,-1")]),
    ("GET /t.html", [(b"Range", b"bytes=0-9,0-0")]),
    ("GET /two/t.html", [(b"Range", b"bytes=0-1,3-4")]),
    ("GET /t.html", [(b"Range", b"bytes=2-3"), (b"If-Range", ETAG)]),
    ("GET /t.html", [(b"Range", b"bytes=2-3"), (b"If-Range", b'"x"')]),
    ("GET /own/t.html", [(b"Range", b"bytes=2-3"), (b"If-Range", b'"own"')]),
    ("GET /own/t.html", [(b"Range", b"bytes=2-3"), (b"If-Range", TIME)]),
    ("GET /expires/t.html", [(b"X", b'quo"te\\\xc3\xa9\xff'), (b"User-Agent", b"x\ty")]),
    ("GET /modified/t.html", []),
    ("GET /json/t.html?log=1", [(b"X", b'quo"te\\\t\xc3\xa9\xff')]),
    ("GET /json/t.html?log=0", [(b"X", b"not logged")]),
    ("GET /t.html", [(b"Authorization", b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")]),
    ("GET /t.html", [(b"Authorization", b"bASIC  dXNlcjpw=more")]),
    ("GET /t.html", [(b"Authorization", b"Basic dXNlcg==")]),
    ("GET /t.html", [(b"Authorization", b"Bearer dXNlcjpw")]),
]
BOUNDARY = re.compile(rb"\d{20}")
UNLIKE = frozenset({"Server", "Date", "Connection"})  # our own name, the time, and the server's part of the work


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prefix = tmp_path_factory.mktemp("prefix")
    (prefix / "html" / "dir").mkdir(parents=True)
    (prefix / "html" / "t.html").write_text("0123456789")
    os.utime(prefix / "html" / "t.html", (1_700_000_000, 1_700_000_000))
    return prefix


@pytest.fixture(scope="module")
def port(prefix: Path) -> Iterator[int]:
    with nginx(CONFIGURATION.replace("PREFIX", str(prefix)), prefix) as port:
        yield port


@pytest.fixture(scope="module")
def generation(prefix: Path) -> Generation:
    text = CONFIGURATION.replace("PREFIX", str(prefix)).replace("LISTEN", "80")
    return configure(f"events {{ }} http {{ server_tokens nginx; {text} }}", MODULES, prefix=str(prefix))


@needs_nginx
@pytest.mark.parametrize(("line", "fields"), REQUESTS)
def test_nginx_answers_the_same(
    port: int, generation: Generation, line: str, fields: list[tuple[bytes, bytes]]
) -> None:
    fields = [(b"Host", b"localhost"), *fields]
    theirs = ask_nginx(port, f"{line} HTTP/1.1", fields)
    ours = ask(generation, f"{line} HTTP/1.1", fields)
    assert ours.status == theirs.status
    assert comparable(ours.fields, ours.status) == comparable(theirs.fields, theirs.status)
    if b"<center>" not in ours.body:  # built-in pages name the product
        assert BOUNDARY.sub(b"B", ours.body) == BOUNDARY.sub(b"B", theirs.body)


@needs_nginx
def test_nginx_logs_the_same(prefix: Path, port: int, generation: Generation) -> None:
    files = generation.runtime.logs
    assert isinstance(files, MemoryLogs)
    for name in ("all.log", "json.log"):
        path = str(prefix / "logs" / name)
        ours = BOUNDARY.sub(b"B", files.files[path].data)
        theirs = BOUNDARY.sub(b"B", Path(path).read_bytes())
        assert [logged(line) for line in ours.split(b"\n")] == [logged(line) for line in theirs.split(b"\n")]


def logged(line: bytes) -> list[bytes]:
    """Without what may differ: the size of built-in pages, and whether nginx calls a 412 complete."""
    parts = line.split(b"|")
    if len(parts) > 11 and parts[5] in {b"404", b"412", b"301"}:
        parts[3] = b"-"
        if parts[9] == b"-":
            parts[6] = parts[11] = b"-"
    return parts


def comparable(fields: list[tuple[str, str]], status: int) -> list[tuple[str, str]]:
    sizes = {"Content-Length"} if status >= 300 else set[str]()
    return [
        (name, "" if name in sizes or name == "Location" else BOUNDARY.sub(b"B", value.encode()).decode())
        for name, value in fields
        if name not in UNLIKE
    ]
