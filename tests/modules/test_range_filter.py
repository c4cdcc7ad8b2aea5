import os
import re
from pathlib import Path

import pytest

from pyngx.core.generation import Generation
from pyngx.modules import core, headers, index, not_modified, range_filter, static, try_files
from tests.support import reply
from tests.support.configure import ask, configure, in_server
from tests.support.fake_client import FakeClient

MODULES = (
    core.MODULE,
    not_modified.MODULE,
    headers.MODULE,
    range_filter.MODULE,
    try_files.MODULE,
    reply.MODULE,
    index.MODULE,
    static.MODULE,
)
CONTENT = b"".join(b"X%03dXXXXXX" % number for number in range(100))
TIME = "Tue, 14 Nov 2023 22:13:20 GMT"


@pytest.fixture
def generation(tmp_path: Path) -> Generation:
    (tmp_path / "html").mkdir()
    for name in ("t.html", "two", "none", "other"):
        file = tmp_path / "html" / name
        file.write_bytes(CONTENT)
        os.utime(file, (1_700_000_000, 1_700_000_000))
    text = """
        add_header X y; add_header Z y always;
        location /two { max_ranges 2; }
        location /none { max_ranges 0; }
        location /other { add_header Last-Modified "Mon, 28 Sep 1970 06:00:00 GMT"; }
        location /bytes { reply 200 0123456789; }
        location /pieces { stream 200 0123456789 Accept-Ranges none Content-Range old; }
        location /trailed { add_trailer A b; reply 200 0123456789; }
        location /page { error_page 416 /bytes; reply 200 x; }
    """
    return configure(in_server(text), MODULES, prefix=str(tmp_path))


def get(generation: Generation, uri: str, ranges: str, if_range: str = "", method: str = "GET") -> FakeClient:
    fields = [(b"Host", b"localhost"), (b"Range", ranges.encode())]
    if if_range:
        fields.append((b"If-Range", if_range.encode()))
    return ask(generation, f"{method} {uri} HTTP/1.1", fields)


@pytest.mark.parametrize(
    ("ranges", "start", "end"),
    [
        ("bytes=0-8", 0, 9),
        ("bytes=-10", 990, 1000),
        ("bytes=990-", 990, 1000),
        ("bytes=990-1990", 990, 1000),
        ("BYTES=500-500", 500, 501),
        ("bytes=0-9, 100000-", 0, 10),
    ],
)
def test_one_range(generation: Generation, ranges: str, start: int, end: int) -> None:
    client = get(generation, "/t.html", ranges)
    assert client.status == 206
    assert client.header("Content-Range") == f"bytes {start}-{end - 1}/1000"
    assert client.header("Content-Length") == str(end - start)
    assert client.body == CONTENT[start:end]
    assert client.header("Content-Type") == "text/html"


def test_fields_of_a_part_are_those_of_the_whole(generation: Generation) -> None:
    names = ["Server", "Date", "Content-Type", "Content-Length", "Last-Modified", "ETag", "X", "Z"]
    assert get(generation, "/t.html", "bytes=1-2").names == [*names, "Content-Range"]
    assert ask(generation, "GET /t.html HTTP/1.1").names == [*names, "Accept-Ranges"]


def test_several_ranges(generation: Generation) -> None:
    client = get(generation, "/t.html", "bytes=0-9, -10, 10-19")
    boundary = re.fullmatch(r"multipart/byteranges; boundary=(\d{20})", client.header("Content-Type") or "")
    assert boundary is not None
    parts = ((0, 9), (990, 999), (10, 19))
    expected = b"".join(
        b"\r\n--%s\r\nContent-Type: text/html\r\nContent-Range: bytes %d-%d/1000\r\n\r\n%s"
        % (boundary[1].encode(), first, last, CONTENT[first : last + 1])
        for first, last in parts
    )
    assert client.body == expected + b"\r\n--%s--\r\n" % boundary[1].encode()
    assert client.header("Content-Length") == str(len(client.body))
    assert client.header("Content-Range") is None


@pytest.mark.parametrize("ranges", ["bytes=100000-", "bytes=alpha", "bytes=10-alpha", "bytes=10", "bytes=10-11 12-"])
def test_what_cannot_be_satisfied(generation: Generation, ranges: str) -> None:
    client = get(generation, "/t.html", ranges)
    assert client.status == 416
    assert client.header("Content-Range") == "bytes */1000"
    assert client.names == ["Server", "Date", "Content-Type", "Content-Length", "Content-Range", "Z"]
    assert b"416 Requested Range Not Satisfiable" in client.body


@pytest.mark.parametrize(
    ("uri", "ranges"),
    [
        ("/t.html", "bytes=0-10001, 0-0"),
        ("/t.html", "pages=1-2"),
        ("/two", "bytes=0-9, -10, 10-19"),
        ("/none", "bytes=0-9"),
    ],
)
def test_what_is_ignored(generation: Generation, uri: str, ranges: str) -> None:
    client = get(generation, uri, ranges)
    assert (client.status, client.body) == (200, CONTENT)
    assert client.header("Accept-Ranges") == (None if uri == "/none" else "bytes")


@pytest.mark.parametrize(
    ("uri", "condition", "status"),
    [
        ("/t.html", TIME, 206),
        ("/t.html", "wrong", 200),
        ("/t.html", '"6553f100-3e8"', 206),
        ("/t.html", '"x"', 200),
        ("/other", TIME, 200),
        ("/other", "Mon, 28 Sep 1970 06:00:00 GMT", 206),
    ],
)
def test_if_range(generation: Generation, uri: str, condition: str, status: int) -> None:
    assert get(generation, uri, "bytes=0-9", condition).status == status


def test_head_is_answered_as_get(generation: Generation) -> None:
    client = get(generation, "/t.html", "bytes=0-8", method="HEAD")
    assert (client.status, client.header("Content-Length"), client.body) == (206, "9", b"")


def test_bytes_at_hand_are_cut(generation: Generation) -> None:
    assert get(generation, "/bytes", "bytes=3-5").body == b"345"
    assert b"\r\n\r\n89\r\n" in get(generation, "/bytes", "bytes=0-0,-2").body


@pytest.mark.parametrize(("ranges", "body"), [("0-1", b"01"), ("2-5", b"2345"), ("4-7", b"4567"), ("-1", b"9")])
def test_a_body_in_pieces_is_cut_as_it_passes(generation: Generation, ranges: str, body: bytes) -> None:
    client = get(generation, "/pieces", f"bytes={ranges}")
    assert (client.status, client.body) == (206, body)
    assert client.header("Accept-Ranges") is None
    assert (client.header("Content-Range") or "").endswith("/10")


def test_a_body_in_pieces_has_one_range(generation: Generation) -> None:
    client = get(generation, "/pieces", "bytes=0-1,4-5")
    assert (client.status, client.body, client.header("Accept-Ranges")) == (200, b"0123456789", "bytes")


def test_a_part_may_have_trailers(generation: Generation) -> None:
    client = get(generation, "/trailed", "bytes=-2")
    assert (client.status, client.body, client.trailers) == (206, b"89", [("A", "b")])
    assert client.header("Content-Length") is None


def test_an_error_page_may_stand_in_for_416(generation: Generation) -> None:
    client = get(generation, "/page", "bytes=9-")
    assert (client.status, client.body) == (416, b"0123456789")
    assert client.header("Content-Range") == "bytes */1"
