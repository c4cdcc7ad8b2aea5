import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.generation import Generation
from pyngx.core.records import Try
from pyngx.http.headers import Headers
from pyngx.modules import charset, core, error_log, gzip, proxy, range_filter
from tests.support import reply
from tests.support.configure import answer, ask, configure, exchange, in_server
from tests.support.fake_client import FakeClient
from tests.support.memory_logs import MemoryLogs

MODULES = (
    core.MODULE,
    error_log.MODULE,
    charset.MODULE,
    gzip.MODULE,
    range_filter.MODULE,
    reply.MODULE,
    proxy.MODULE,
)
MAPS = "charset_map B A { 58 59; C0 E0; } charset_map K utf-8 { c0 D18E; c1 D0B0; }"


def make(location: str, answer: str = "reply 200 X Content-Type text/html") -> Generation:
    text = f"error_log e info; location / {{ {location} {answer}; }}"
    return configure(f"events {{ }} http {{ {MAPS} server {{ listen 80; {text} }} }}", MODULES)


def get(location: str, answer: str = "reply 200 X Content-Type text/html", query: str = "") -> FakeClient:
    return ask(make(location, answer), f"GET /{query} HTTP/1.1")


@pytest.mark.parametrize(
    ("location", "answer", "content_type"),
    [
        ("charset utf-8;", "reply 200 X Content-Type text/html", "text/html; charset=utf-8"),
        ("charset utf-8;", "reply 200 X Content-Type application/RSS+xml", "application/RSS+xml; charset=utf-8"),
        ("charset utf-8;", "reply 200 X Content-Type image/gif", "image/gif"),
        ("charset utf-8;", "reply 200 X", None),
        ("charset utf-8; charset_types image/gif;", "reply 200 X Content-Type image/gif", "image/gif; charset=utf-8"),
        ("charset utf-8; charset_types image/gif;", "reply 200 X Content-Type text/plain", "text/plain"),
        ("charset utf-8; charset_types image/gif;", "reply 200 X Content-Type text/html", "text/html; charset=utf-8"),
        ("charset utf-8; charset_types *;", "reply 200 X Content-Type x/y", "x/y; charset=utf-8"),
        ("charset off;", "reply 200 X Content-Type text/html", "text/html"),
        ("source_charset A;", "reply 200 X Content-Type text/html", "text/html"),
        ("charset utf-8; source_charset UTF-8;", "reply 200 X Content-Type text/html", "text/html; charset=utf-8"),
        ("charset utf-8;", "reply 404", "text/html; charset=utf-8"),
        ("charset utf-8;", "stream 301 X Content-Type text/html", "text/html"),
        ("charset A;", "stream 200 X Content-Type 'text/html; charset=b'", "text/html; charset=b"),
        ("charset utf-8;", "reply 200 X Content-Type text/html Content-Encoding br", "text/html; charset=utf-8"),
    ],
)
def test_the_charset_is_said(location: str, answer: str, content_type: str | None) -> None:
    client = get(location, answer)
    assert client.header("Content-Type") == content_type
    if client.status == 200:
        assert client.body == b"X"


def test_the_charset_may_be_that_of_a_variable() -> None:
    assert get("charset $arg_c;", query="?c=x").header("Content-Type") == "text/html; charset=x"
    assert get("charset $arg_c;", query="?c=").header("Content-Type") == "text/html"
    assert get("charset $arg_c;").header("Content-Type") == "text/html"
    client = get("charset A; source_charset $arg_s;", query="?s=B")
    assert (client.header("Content-Type"), client.body) == ("text/html; charset=A", b"Y")


@pytest.mark.parametrize(
    ("location", "answer", "content_type", "body", "length"),
    [
        ("charset A; source_charset B;", "reply 200 aX Content-Type text/html", "A", b"aY", "2"),
        ("charset B; source_charset A;", "reply 200 aY Content-Type text/html", "B", b"aX", "2"),
        ("charset b; source_charset a;", "reply 200 aY Content-Type text/html", "b", b"aX", "2"),
        ("charset K; source_charset utf-8;", "reply 200 aюб Content-Type text/html", "K", None, None),
        ("charset B; override_charset on;", "stream 200 aY Content-Type 'text/html; charset=A'", "B", b"aX", "2"),
        ("charset B; override_charset on;", "stream 200 aY Content-Type 'text/html; charset=\"A\"'", "B", b"aX", "2"),
    ],
)
def test_a_body_is_recoded(location: str, answer: str, content_type: str, body: bytes | None, length: str) -> None:
    client = get(location, answer)
    assert client.header("Content-Type") == f"text/html; charset={content_type}"
    assert client.body == (body if body is not None else b"a\xc0&#1073;")
    assert client.header("Content-Length") == length


def test_what_is_encoded_already_is_left_alone() -> None:
    client = get("charset A; source_charset B;", "reply 200 X Content-Type text/html Content-Encoding br")
    assert (client.header("Content-Type"), client.body) == ("text/html", b"X")


def test_a_part_of_a_recoded_body() -> None:
    generation = make("charset A; source_charset B;", "reply 200 aXbX Content-Type text/html")
    client = ask(generation, "GET / HTTP/1.1", [(b"Host", b"x"), (b"Range", b"bytes=1-2")])
    assert (client.status, client.body) == (206, b"Yb")


def test_a_way_that_nobody_knows_is_told_and_the_response_left_alone() -> None:
    generation = make("charset B; override_charset on;", "stream 200 X Content-Type 'text/html; charset=other'")
    client = ask(generation, "GET / HTTP/1.1")
    assert (client.header("Content-Type"), client.body) == ("text/html; charset=other", b"X")
    logs = generation.runtime.logs
    assert isinstance(logs, MemoryLogs)
    assert [log.messages for log in logs.errors.values()] == [['no "charset_map" between the charsets "other" and "B"']]


@pytest.mark.parametrize(("ignored", "body"), [("", b"Y"), ("proxy_ignore_headers X-Accel-Charset;", b"X")])
def test_an_upstream_may_choose(ignored: str, body: bytes) -> None:
    generation = make(f"charset B; source_charset B; {ignored}", "stream 200 X Content-Type text/html")
    asked = exchange(generation, "GET / HTTP/1.1")
    asked.tries.append(Try("a", 0.0, fields=Headers([(b"X-Accel-Charset", b"A")])))
    assert answer(asked).body == body


def test_a_recoded_body_is_compressed_behind_that() -> None:
    generation = make("charset A; source_charset B; gzip on; gzip_min_length 0;")
    client = ask(generation, "GET / HTTP/1.1", [(b"Host", b"x"), (b"Accept-Encoding", b"gzip")])
    assert client.header("Content-Type") == "text/html; charset=A"
    assert client.header("Content-Encoding") == "gzip"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("charset_map a A { }", '"charset_map" between the same charsets "a" and "A"'),
        ("charset_map UTF-8 a { }", '"charset_map" with "utf-8" charset should be given in the second column'),
        ("charset_map a b { } charset_map B A { }", 'duplicate "charset_map" between "B" and "A"'),
        ("charset_map a b { 100 1; }", 'invalid value "100"'),
        ("charset_map a b { 10 x; }", 'invalid value "x"'),
        ("charset_map a b { 10; }", "invalid parameters number"),
        ("charset_map a utf-8 { 80 F09F9880; }", 'invalid value "F09F9880"'),
        ("charset_map a utf-8 { 80 62; }", 'invalid value "62"'),
        ("charset_map a utf-8 { 80 D1; }", 'invalid value "D1"'),
        ("charset a; source_charset b; server { }", 'no "charset_map" between the charsets "b" and "a"'),
    ],
)
def test_what_makes_no_sense_is_told(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        configure(f"events {{ }} http {{ {text} }}", MODULES)
    assert raised.value.diagnostics[0].message == message
    assert raised.value.diagnostics[0].span is not None


def test_off_costs_nothing() -> None:
    generation = configure(in_server("location / { }"), (core.MODULE, charset.MODULE))
    assert next(iter(generation.addresses.values())).default.location.header_filters == ()
