"""Listings, charsets and compression on nginx and on pyngx: status, fields and bodies are the same."""

import gzip as gzip_file
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyngx.core.generation import Generation
from pyngx.http.body_reader import BodyReader
from pyngx.modules import autoindex, charset, core, gzip, headers, index, not_modified, range_filter, static
from tests.support.configure import ask, configure
from tests.support.nginx import ask_nginx, needs_nginx, nginx

MODULES = (
    core.MODULE,
    not_modified.MODULE,
    headers.MODULE,
    charset.MODULE,
    gzip.MODULE,
    range_filter.MODULE,
    index.MODULE,
    autoindex.MODULE,
    static.MODULE,
)
CONFIGURATION = """
    charset_map a b { 61 C0; 62 C1; }
    charset_map k utf-8 { C6 D184; C1 D0B0; }
    server {
        listen LISTEN; server_name localhost; root html; etag on;
        types { text/html html; text/plain txt; } default_type text/plain;
        autoindex on;
        location /rough/ { alias PREFIX/html/; autoindex_exact_size off; autoindex_localtime on; }
        location /utf8/ { alias PREFIX/html/; charset utf-8; }
        location /xml/ { alias PREFIX/html/; autoindex_format xml; }
        location /json/ { alias PREFIX/html/; autoindex_format json; charset utf-8; charset_types *; }
        location /jsonp/ { alias PREFIX/html/; autoindex_format jsonp; }
        location /gzip/ { alias PREFIX/html/; gzip on; gzip_vary on; gzip_types text/plain; gzip_min_length 100; }
        location /old/ { alias PREFIX/html/; gzip on; gzip_proxied no_last_modified; gzip_http_version 1.0; }
        location /ab/ { alias PREFIX/html/; charset b; source_charset a; charset_types text/plain; }
        location /uk/ { alias PREFIX/html/; charset k; source_charset utf-8; }
        location /ku/ { alias PREFIX/html/; charset utf-8; source_charset k; }
    }"""
SIZES = {"a": 0, "b": 9999, "c": 10_000, "d": 10_752, "e": 1024 * 1024 - 1, "f": 1_572_864, "g": 5_905_580_032}
NAMES = ("x" * 50, "x" * 51, "<&>\"'" * 11, "q?#% :+", "ф" * 24, "ф" * 51, "ф" * 30 + "<" * 21, "\n\t\x01\\")
GZIP = (b"Accept-Encoding", b"gzip")
REQUESTS: list[tuple[str, list[tuple[bytes, bytes]]]] = [
    *((f"GET {uri}", []) for uri in ("/", "/rough/", "/utf8/", "/xml/", "/json/", "/jsonp/", "/dir/", "/json/dir/")),
    *((f"GET {uri}", []) for uri in ("/none/", "/dir", "/t.html/", "/with/", "/xml/dir/")),
    *((f"GET /jsonp/dir/?callback={name}", []) for name in ("f", "a.b_C9", "", "a-b", "x" * 128, "x" * 129)),
    ("HEAD /json/", []),
    ("POST /dir/", []),
    *((f"GET /gzip/{name}", [GZIP]) for name in ("t.html", "long.txt", "t.txt", "none", "a", "dir/")),
    *((f"GET /gzip/{name}", []) for name in ("t.html", "long.txt", "none")),
    ("HEAD /gzip/long.txt", [GZIP]),
    ("GET /gzip/long.txt", [GZIP, (b"Range", b"bytes=1-2")]),
    ("GET /gzip/long.txt", [GZIP, (b"Via", b"1.1 x")]),
    ("GET /old/long.html", [GZIP, (b"Via", b"1.1 x")]),
    ("GET /gzip/long.txt", [GZIP, (b"If-None-Match", b'W/"6553f100-7d0"')]),
    *(
        (f"GET /gzip/long.txt?{at}", [(b"Accept-Encoding", value)])
        for at, value in enumerate(
            (
                b"gzip;q=0",
                b"gzip; q=0.001",
                b"x-gzip",
                b"deflate, gzip;q=1.",
                b"gzip;q=0.0001",
                b"*",
                b"GZIP",
                b"gzip ;",
            )
        )
    ),
    *(
        (f"GET {where}{name}", [])
        for where in ("/ab/", "/uk/", "/ku/")
        for name in ("t.html", "t.txt", "u.txt")
        if where + name != "/ku/u.txt"
    ),  # docs/differences.md
    ("GET /ab/t.txt", [(b"Range", b"bytes=1-2")]),
    ("GET /uk/t.txt", [(b"Range", b"bytes=1-2")]),
]
UNLIKE = frozenset({"Server", "Date", "Connection", "Content-Length", "Transfer-Encoding", "Location"})


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prefix = tmp_path_factory.mktemp("prefix")
    html = prefix / "html"
    (html / "dir").mkdir(parents=True)
    (html / "with").mkdir()
    (html / "with" / "index.html").write_text("index")
    for name, text in {"t.html": "abc", "t.txt": "abc", "u.txt": "aфа\u20ac", "long.txt": "x" * 2000}.items():
        (html / name).write_text(text)
    (html / "long.html").write_text("x" * 2000)
    for name in NAMES:
        (html / name).touch()
    for name, size in SIZES.items():
        (html / name).touch()
        os.truncate(html / name, size)
    (html / "link").symlink_to("nowhere")
    (html / "to-dir").symlink_to("dir")
    os.mkfifo(html / "fifo")
    (html / ".hidden").touch()
    (html / os.fsdecode(b"\xff\xd1")).touch()
    for at, path in enumerate(sorted(html.iterdir())):
        if path.name != "link":
            os.utime(path, (1_700_000_000 + 86_400 * at * (path.suffix == ""), 1_700_000_000 + at * 4000))
    os.utime(html / "long.txt", (1_700_000_000, 1_700_000_000))
    return prefix


@pytest.fixture(scope="module")
def port(prefix: Path) -> Iterator[int]:
    with nginx(CONFIGURATION.replace("PREFIX", str(prefix)), prefix) as port:
        yield port


@pytest.fixture(scope="module")
def generation(prefix: Path) -> Generation:
    text = CONFIGURATION.replace("PREFIX", str(prefix)).replace("LISTEN", "80")
    return configure(f"events {{ }} http {{ {text} }}", MODULES, prefix=str(prefix))


@needs_nginx
@pytest.mark.parametrize(("line", "fields"), REQUESTS)
def test_nginx_answers_the_same(
    port: int, generation: Generation, line: str, fields: list[tuple[bytes, bytes]]
) -> None:
    fields = [(b"Host", b"localhost"), *fields]
    theirs = ask_nginx(port, f"{line} HTTP/1.1", fields)
    ours = ask(generation, f"{line} HTTP/1.1", fields)
    assert ours.status == theirs.status
    assert comparable(ours.fields) == comparable(theirs.fields)
    is_chunked = ("Transfer-Encoding", "chunked") in theirs.fields
    our_body = decoded(ours.body)
    their_body = decoded(BodyReader(None).feed(theirs.body) if is_chunked else theirs.body)
    if b"<center>" not in our_body:  # built-in pages name the product
        assert our_body == their_body


def comparable(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in fields if name not in UNLIKE)


def decoded(body: bytes) -> bytes:
    return gzip_file.decompress(body) if body.startswith(b"\x1f\x8b") else body
