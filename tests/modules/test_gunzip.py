import gzip as gzip_file
from pathlib import Path

import pytest

from pyngx.core.exchange import Exchange
from pyngx.core.generation import Generation
from pyngx.modules import core, gunzip, gzip, gzip_static, headers, index, not_modified, range_filter, static
from tests.support.configure import answer, ask, configure, exchange, in_server, messages
from tests.support.fake_client import FakeClient

MODULES = (
    core.MODULE,
    not_modified.MODULE,
    headers.MODULE,
    gunzip.MODULE,
    gzip.MODULE,
    range_filter.MODULE,
    index.MODULE,
    gzip_static.MODULE,
    static.MODULE,
)
TEXT = b"".join(b"X%03dXXXXXX" % number for number in range(100))
PACKED = gzip_file.compress(TEXT, mtime=0)
HOST = (b"Host", b"localhost")
GZIP = (b"Accept-Encoding", b"gzip")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "html").mkdir()
    for name, data in {
        "a.html.gz": PACKED,
        "a.html": b"plain",
        "two.gz": PACKED * 2,
        "cut.gz": PACKED[:-9],
        "bad.gz": PACKED[:20] + b"\xff" * 2000,
        "empty.gz": gzip_file.compress(b""),
        "nothing.gz": b"",
        "plain": b"plain",
        "directory": b"plain",
    }.items():
        (tmp_path / "html" / name).write_bytes(data)
    (tmp_path / "html" / "directory.gz").mkdir()
    return tmp_path


def make(folder: Path, text: str) -> Generation:
    return configure(in_server(text), MODULES, prefix=str(folder))


def get(folder: Path, text: str, uri: str, *fields: tuple[bytes, bytes], method: str = "GET") -> FakeClient:
    return ask(make(folder, text), f"{method} {uri} HTTP/1.1", [HOST, *fields])


def test_a_file_that_was_compressed_before_is_sent_to_who_takes_it(folder: Path) -> None:
    client = get(folder, "gzip_static on;", "/a.html", GZIP)
    assert (client.body, client.header("Content-Encoding")) == (PACKED, "gzip")
    assert client.header("Content-Type") == "text/html"
    assert client.header("Content-Length") == str(len(PACKED))
    assert client.header("ETag")
    assert client.header("Vary") is None
    client = get(folder, "gzip_static on;", "/a.html")
    assert (client.body, client.header("Content-Encoding"), client.header("Vary")) == (b"plain", None, None)
    assert get(folder, "gzip_static off;", "/a.html", GZIP).body == b"plain"
    assert get(folder, "gzip_static always;", "/a.html").body == PACKED
    assert get(folder, "gzip_static on;", "/a.html", GZIP, method="HEAD").header("Content-Encoding") == "gzip"


def test_it_varies_where_there_are_two(folder: Path) -> None:
    text = "gzip_static on; gzip_vary on;"
    assert get(folder, text, "/a.html").header("Vary") == "Accept-Encoding"
    assert get(folder, text, "/a.html", GZIP).header("Vary") == "Accept-Encoding"
    assert get(folder, text, "/plain", GZIP).header("Vary") is None
    assert get(folder, "gzip_static always; gzip_vary on;", "/a.html").header("Vary") is None


@pytest.mark.parametrize("uri", ["/plain", "/directory"])
def test_without_a_compressed_file_the_plain_one_is_sent(folder: Path, uri: str) -> None:
    assert get(folder, "gzip_static always;", uri).body == b"plain"


def test_a_part_of_a_compressed_file(folder: Path) -> None:
    client = get(folder, "gzip_static on;", "/a.html", GZIP, (b"Range", b"bytes=1-2"))
    assert (client.status, client.body) == (206, PACKED[1:3])


@pytest.mark.parametrize(("uri", "body"), [("/a.html", TEXT), ("/two", TEXT * 2), ("/empty", b""), ("/nothing", b"")])
def test_what_is_compressed_is_unpacked_for_who_does_not_take_it(folder: Path, uri: str, body: bytes) -> None:
    client = get(folder, "gunzip on; gzip_static always; gzip_vary on;", uri)
    assert (client.body, client.finished) == (body, True)
    assert client.header("Content-Encoding") is None
    assert client.header("Content-Length") is None
    assert (client.header("ETag") or "").startswith("W/")
    assert client.header("Vary") == "Accept-Encoding"


def test_it_is_left_alone_for_who_takes_it(folder: Path) -> None:
    client = get(folder, "gunzip on; gzip_static always; gzip_vary on;", "/a.html", GZIP)
    assert (client.body, client.header("Content-Encoding")) == (PACKED, "gzip")
    assert client.header("Vary") == "Accept-Encoding"


def test_what_is_not_compressed_is_left_alone(folder: Path) -> None:
    client = get(folder, "gunzip on; gzip_vary on;", "/plain")
    assert (client.body, client.header("Vary")) == (b"plain", None)


@pytest.mark.parametrize("uri", ["/cut", "/bad"])
def test_what_cannot_be_unpacked_is_broken_off(folder: Path, uri: str) -> None:
    generation = make(folder, "gunzip on; gzip_static always;")
    client = ask(generation, f"GET {uri} HTTP/1.1", [HOST])
    assert (client.aborted, client.finished) == (True, False)
    assert any(message.startswith("inflate() failed") for message in messages(generation))


def test_who_sends_what_cannot_be_unpacked_may_stop(folder: Path) -> None:
    generation = make(folder, "gunzip on; gzip_static always;")
    asked: Exchange = exchange(generation, "GET /bad HTTP/1.1")
    left = []
    asked.on_gone = lambda: left.append(True)
    answer(asked)
    assert left == [True]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_members_may_end_anywhere(size: int) -> None:
    failures: list[str] = []
    unpacker = gunzip.Gunzip(failures.append)
    packed = PACKED * 3
    parts = [unpacker.feed(packed[at : at + size]) + unpacker.flush() for at in range(0, len(packed), size)]
    assert b"".join(parts) + unpacker.finish() == TEXT * 3
    assert failures == []
