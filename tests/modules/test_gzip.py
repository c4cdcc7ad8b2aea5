import gzip as gzip_file
import zlib
from pathlib import Path

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.generation import Generation
from pyngx.modules import core, gzip, headers, index, log, not_modified, range_filter, static
from tests.support import reply
from tests.support.configure import answer, ask, configure, exchange, in_server, make_runtime
from tests.support.fake_client import FakeClient
from tests.support.memory_logs import MemoryLogs

MODULES = (
    core.MODULE,
    not_modified.MODULE,
    headers.MODULE,
    gzip.MODULE,
    range_filter.MODULE,
    reply.MODULE,
    index.MODULE,
    static.MODULE,
    log.MODULE,
)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
HTML = f"{LETTERS} Content-Type text/html"


def get(location: str, uri: str = "/", method: str = "GET", version: str = "1.1", **fields: str) -> FakeClient:
    generation = configure(in_server(location), MODULES)
    sent = {"Host": "localhost", "Accept-Encoding": "gzip"} | {
        name.replace("_", "-"): value for name, value in fields.items()
    }
    return ask(
        generation,
        f"{method} {uri} HTTP/{version}",
        [(name.encode(), value.encode()) for name, value in sent.items() if value],
    )


def at(directives: str, answer: str = f"reply 200 {HTML};") -> str:
    return f"location / {{ gzip on; {directives} {answer} }}"


def is_compressed(client: FakeClient) -> bool:
    compressed = client.header("Content-Encoding") == "gzip"
    assert (client.body[:2] == b"\x1f\x8b") is compressed
    assert (client.header("Content-Length") is None) is compressed
    return compressed


@pytest.mark.parametrize("how", ["reply", "stream"])
def test_a_response_is_compressed(how: str) -> None:
    client = get(at("", f"{how} 200 {HTML} Etag '\"x\"' Accept-Ranges bytes;"))
    assert is_compressed(client)
    assert gzip_file.decompress(client.body) == LETTERS.encode()
    assert client.header("ETag") == 'W/"x"'
    assert client.header("Accept-Ranges") is None
    assert client.header("Vary") is None


def test_nothing_is_compressed_unless_it_is_on() -> None:
    assert not is_compressed(get(at("gzip off;").replace("gzip on;", "")))


def test_a_head_says_what_a_get_would() -> None:
    client = get(at(""), method="HEAD")
    assert (client.header("Content-Encoding"), client.body) == ("gzip", b"")


@pytest.mark.parametrize(
    ("directives", "answer", "compressed"),
    [
        ("gzip_min_length 26;", f"reply 200 {HTML};", True),
        ("gzip_min_length 27;", f"reply 200 {HTML};", False),
        ("", f"reply 200 {LETTERS} Content-Type text/plain;", False),
        ("gzip_types text/plain;", f"reply 200 {LETTERS} Content-Type TEXT/plain;", True),
        ("gzip_types text/plain;", f"reply 200 {HTML};", True),
        ("gzip_types Text/CSS; gzip_types text/plain;", f"reply 200 {LETTERS} Content-Type text/css;", True),
        ("gzip_types *;", f"reply 200 {LETTERS};", True),
        ("", f"reply 200 {LETTERS};", False),
        ("", f"stream 200 {LETTERS} Content-Type 'text/html; charset=utf-8';", True),
        ("", f"stream 200 {LETTERS} Content-Type 'text/html; version=1';", False),
        ("", f"reply 200 {LETTERS} Content-Type 'text/html; charset=utf-8';", True),
        ("", f"reply 200 {HTML} Content-Encoding br;", False),
        ("", f"stream 403 {HTML};", True),
        ("", f"stream 404 {HTML};", True),
        ("", f"stream 201 {HTML};", False),
        ("", f"stream 500 {HTML};", False),
    ],
)
def test_what_is_compressed(directives: str, answer: str, compressed: bool) -> None:
    client = get(at(directives, answer))
    assert (client.header("Content-Encoding") == "gzip") is compressed


def test_error_pages_of_our_own_are_compressed() -> None:
    client = get(at("", "reply 404;"))
    assert b"404 Not Found" in gzip_file.decompress(client.body)


@pytest.mark.parametrize(
    ("directives", "version", "fields", "compressed"),
    [
        ("", "1.1", {"Accept_Encoding": ""}, False),
        ("", "1.1", {"Accept_Encoding": "gzip;q=0"}, False),
        ("", "1.0", {}, False),
        ("gzip_http_version 1.0;", "1.0", {}, True),
        ("", "1.1", {"Via": "1.1 x"}, False),
        ("gzip_proxied any;", "1.1", {"Via": "1.1 x"}, True),
        ("gzip_proxied any off;", "1.1", {"Via": "1.1 x"}, False),
        ("gzip_proxied auth;", "1.1", {"Via": "1.1 x"}, True),  # nothing speaks against it
        ("gzip_proxied auth; expires max;", "1.1", {"Via": "1.1 x"}, False),
        ("gzip_proxied auth; expires max;", "1.1", {"Via": "1.1 x", "Authorization": "x"}, True),
        ("gzip_proxied expired; expires -1;", "1.1", {"Via": "1.1 x"}, True),
        ("gzip_proxied expired; expires 1h;", "1.1", {"Via": "1.1 x"}, False),
        ("gzip_proxied expired; add_header Expires x;", "1.1", {"Via": "1.1 x"}, False),
        ("gzip_proxied no-store; add_header Cache-Control 'a, no-store';", "1.1", {"Via": "1.1 x"}, True),
        ("gzip_proxied private; add_header Cache-Control no-store;", "1.1", {"Via": "1.1 x"}, False),
        ("gzip_proxied no_etag; add_header ETag '\"x\"';", "1.1", {"Via": "1.1 x"}, False),
        ("gzip_proxied no_last_modified; add_header ETag '\"x\"';", "1.1", {"Via": "1.1 x"}, True),
        ("gzip_disable bot;", "1.1", {"User_Agent": "a Robot"}, False),
        ("gzip_disable bot;", "1.1", {"User_Agent": "x"}, True),
        ("gzip_disable bot;", "1.1", {}, True),
        ("gzip_disable msie6;", "1.1", {"User_Agent": "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)"}, False),
        ("gzip_disable msie6;", "1.1", {"User_Agent": "Mozilla/4.0 (MSIE 6.0; Windows NT 5.1; SV1)"}, True),
        ("gzip_disable msie6;", "1.1", {"User_Agent": "Mozilla/4.0 (MSIE 5.5) Opera 6"}, True),
        ("gzip_disable msie6;", "1.1", {"User_Agent": "Mozilla/4.0 (MSIE 7.0)"}, True),
        ("gzip_disable x msie6;", "1.1", {"User_Agent": "MSIE 4.0"}, False),
        ("gzip_disable x msie6;", "1.1", {"User_Agent": "MSIE 4."}, True),
    ],
)
def test_who_gets_it(directives: str, version: str, fields: dict[str, str], compressed: bool) -> None:
    client = get(at(directives), version=version, **fields)
    assert is_compressed(client) is compressed


def test_a_response_that_depends_on_who_asks_says_so() -> None:
    assert get(at("gzip_vary on;")).header("Vary") == "Accept-Encoding"
    assert get(at("gzip_vary on;"), Accept_Encoding="").header("Vary") == "Accept-Encoding"
    assert get(at("gzip_vary on;", f"reply 200 {LETTERS};")).header("Vary") is None
    assert get(at("gzip_vary on; add_header Vary Accept-Encoding;")).header("Vary") == "Accept-Encoding"


def test_a_part_of_what_is_compressed_is_not_served(tmp_path: Path) -> None:
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "a.html").write_text(LETTERS)
    generation = configure(in_server("gzip on;"), MODULES, prefix=str(tmp_path))
    asked = [(b"Host", b"localhost"), (b"Range", b"bytes=0-1")]
    assert ask(generation, "GET /a.html HTTP/1.1", asked).status == 206
    client = ask(generation, "GET /a.html HTTP/1.1", [*asked, (b"Accept-Encoding", b"gzip")])
    assert (client.status, client.header("Content-Range")) == (200, None)
    assert (client.header("ETag") or "").startswith("W/")


def test_the_ratio_is_logged() -> None:
    runtime = make_runtime()
    text = at("access_log a ratio;", f"reply 200 {LETTERS * 100} Content-Type text/html;")
    text = f"events {{ }} http {{ log_format ratio $gzip_ratio; server {{ {text} }} }}"
    generation = configure(text, MODULES, runtime)
    client = ask(generation, "GET / HTTP/1.1", [(b"Host", b"x"), (b"Accept-Encoding", b"gzip")])
    ask(generation, "GET / HTTP/1.1")
    assert isinstance(runtime.logs, MemoryLogs)
    ratio, none = runtime.logs.files["/prefix/a"].lines
    assert float(ratio) == pytest.approx(2600 / len(client.body), abs=0.0051)
    assert none == "-"


def test_a_part_can_be_read_when_its_source_pauses() -> None:
    generation = configure(in_server(at("")), MODULES)
    asked = exchange(generation, "GET / HTTP/1.1", [(b"Host", b"x"), (b"Accept-Encoding", b"gzip")])
    client = answer(asked)
    compressor = gzip.Gzip(1, 15, 8)
    reader = zlib.decompressobj(31)
    assert compressor.flush() == b""  # there is nothing to be read yet
    assert reader.decompress(compressor.feed(b"data: 1\n\n") + compressor.flush()) == b"data: 1\n\n"
    assert compressor.flush() == b""
    assert reader.decompress(compressor.feed(b"data: 2\n\n") + compressor.flush()) == b"data: 2\n\n"
    reader.decompress(compressor.finish())
    assert reader.eof
    assert gzip_file.decompress(client.body) == LETTERS.encode()


@pytest.mark.parametrize("length", [20, 700, 20_000, 100_000])
@pytest.mark.parametrize("directives", ["", "gzip_window 512; gzip_hash 512;", "gzip_comp_level 9; gzip_hash 128k;"])
def test_memory_follows_the_length(directives: str, length: int) -> None:
    client = get(at(directives, f"reply 200 {'x' * length} Content-Type text/html;"))
    assert gzip_file.decompress(client.body) == b"x" * length


@pytest.mark.parametrize(
    ("directive", "message"),
    [
        ("gzip_comp_level 10;", "value must be between 1 and 9"),
        ("gzip_window 64k;", '"gzip_window" directive must be 512, 1k, 2k, 4k, 8k, 16k, or 32k'),
        ("gzip_hash 256;", '"gzip_hash" directive must be 512, 1k, 2k, 4k, 8k, 16k, 32k, 64k, or 128k'),
        ("gzip_http_version 2;", 'invalid value "2"'),
        ("gzip_proxied nothing;", 'invalid value "nothing"'),
        ("gzip_disable (;", 'invalid regular expression "("'),
    ],
)
def test_what_makes_no_sense_is_told(directive: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        configure(in_server(directive), MODULES)
    assert raised.value.diagnostics[0].message.startswith(message)
    assert raised.value.diagnostics[0].span is not None


def test_a_generation_without_gzip_has_no_filter() -> None:
    generation: Generation = configure(in_server("location / { }"), (core.MODULE, gzip.MODULE))
    server = next(iter(generation.addresses.values())).default
    assert server.location.header_filters == ()
