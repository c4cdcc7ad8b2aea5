import os
import re
import time
from pathlib import Path

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.http.dates import parse_http_date
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
LAST_MODIFIED = 1_700_000_000


def get(text: str, line: str = "GET / HTTP/1.1", prefix: str = "/prefix") -> FakeClient:
    return ask(configure(in_server(text), MODULES, prefix=prefix), line)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "html").mkdir()
    file = tmp_path / "html" / "t.html"
    file.write_bytes(b"SEE-THIS")
    os.utime(file, (LAST_MODIFIED, LAST_MODIFIED))
    return tmp_path


def test_fields_stand_in_nginx_order(root: Path) -> None:
    client = get('expires 1h; add_header X-A "$uri"; add_header X-B b;', "GET /t.html HTTP/1.1", str(root))
    assert client.names == [
        *("Server", "Date", "Content-Type", "Content-Length", "Last-Modified", "ETag"),
        *("Expires", "Cache-Control", "X-A", "X-B", "Accept-Ranges"),
    ]
    assert client.header("X-A") == "/t.html"
    assert client.header("Last-Modified") == "Tue, 14 Nov 2023 22:13:20 GMT"


@pytest.mark.parametrize(
    ("status", "fields"), [(200, "plain, always"), (404, "always"), (299, "always"), (308, "plain, always")]
)
def test_errors_get_only_what_is_always_added(status: int, fields: str) -> None:
    text = 'add_header X plain; add_header X always always; add_header Y "" always; expires 1h;'
    client = get(f"{text} location / {{ reply {status} x; }}")
    assert client.status == status
    assert client.header("X") == fields
    assert client.header("Y") is None
    assert (client.header("Expires") is not None) is (fields != "always")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("location / { reply 200 x; }", "server"),
        ("location / { add_header X own; reply 200 x; }", "own"),
        ("location / { add_header X own; add_header_inherit merge; reply 200 x; }", "own, server"),
        ("location / { add_header_inherit off; reply 200 x; }", None),
        ("add_header_inherit merge; location / { add_header X own; reply 200 x; }", "own, server"),
        ("add_header_inherit off; location / { reply 200 x; }", None),
        (
            "location / { add_header X a; location /b { add_header_inherit merge; add_header X b; reply 200 x; } }",
            "b, a",
        ),
    ],
)
def test_own_fields_replace_outer_ones_unless_told_otherwise(text: str, expected: str | None) -> None:
    assert get(f"add_header X server; {text}", "GET /b HTTP/1.1").header("X") == expected


def test_cache_control_is_added_beside_what_is_there_and_expires_replaces_all_of_it() -> None:
    reply_ = "reply 200 x Cache-Control a Cache-Control b Expires never Set-Cookie c;"
    added = get(f"location / {{ add_header Cache-Control no-store; {reply_} }}")
    assert added.header("Cache-Control") == "a, b, no-store"
    expired = get(f"location / {{ expires 1; add_header Cache-Control public; {reply_} }}")
    assert expired.header("Cache-Control") == "max-age=1, public"
    assert expired.names.count("Expires") == 1
    assert expired.header("Expires") != "never"


def test_there_is_one_etag_and_one_last_modified(root: Path) -> None:
    text = """add_header ETag '"own"'; add_header Last-Modified "Mon, 28 Sep 1970 06:00:00 GMT";
        add_header X $sent_http_etag;"""
    client = get(text, "GET /t.html HTTP/1.1", str(root))
    assert client.header("ETag") == '"own"'
    assert client.header("Last-Modified") == "Mon, 28 Sep 1970 06:00:00 GMT"
    assert client.header("X") == '"own"'
    without = get('add_header ETag ""; add_header Last-Modified "";', "GET /t.html HTTP/1.1", str(root))
    assert (without.header("ETag"), without.header("Last-Modified")) == (None, None)


def test_the_same_holds_for_fields_that_came_with_the_response() -> None:
    reply_ = "reply 200 x ETag old Last-Modified old;"
    assert get(f"location / {{ add_header ETag new; {reply_} }}").header("ETag") == "new"
    without = get(f'location / {{ add_header ETag ""; add_header Last-Modified ""; {reply_} }}')
    assert (without.header("ETag"), without.header("Last-Modified")) == (None, None)


def test_sent_fields_are_variables(root: Path) -> None:
    text = 'add_header X "$sent_http_etag|$sent_http_last_modified|$sent_http_content_length|$sent_http_content_type";'
    client = get(text, "GET /t.html HTTP/1.1", str(root))
    assert client.header("X") == '"6553f100-8"|Tue, 14 Nov 2023 22:13:20 GMT|8|text/html'


def test_a_value_cannot_write_another_field() -> None:
    assert get("add_header X $uri; location / { reply 200 x; }", "GET /a%0d%0aSet-Cookie:b HTTP/1.1").fields[-2:] == [
        ("X", "/a Set-Cookie:b"),
        ("Accept-Ranges", "bytes"),
    ]
    text = "location / { add_header P \"default-src 'self';\n            img-src *\"; reply 200 x; }"
    assert get(text).header("P") == "default-src 'self'; img-src *"


@pytest.mark.parametrize(
    ("expires", "date", "cache_control"),
    [
        ("epoch", "Thu, 01 Jan 1970 00:00:01 GMT", "no-cache"),
        ("max", "Thu, 31 Dec 2037 23:55:55 GMT", "max-age=315360000"),
        ("2048", 2048, "max-age=2048"),
        ("+1h", 3600, "max-age=3600"),
        ("0", 0, "max-age=0"),
        ("-2048", -2048, "no-cache"),
        ("off", None, None),
    ],
)
@pytest.mark.parametrize("through_variable", [False, True])
def test_expires(expires: str, date: str | int | None, cache_control: str | None, through_variable: bool) -> None:
    written = "$arg_e" if through_variable else expires
    now = int(time.time())
    client = get(f"expires {written}; location / {{ reply 200 x; }}", f"GET /?e={expires} HTTP/1.1")
    assert client.header("Cache-Control") == cache_control
    found = client.header("Expires")
    if isinstance(date, int):
        assert found is not None
        assert now + date <= (parse_http_date(found.encode()) or 0) <= time.time() + date
    else:
        assert found == date


@pytest.mark.parametrize("value", ["", "bad", "epochs", "@25h"])
def test_a_variable_without_sense_adds_nothing(value: str) -> None:
    client = get("expires $arg_e; location / { reply 200 x; }", f"GET /?e={value} HTTP/1.1")
    assert client.header("Expires") is None


def test_expires_at_a_time_of_day() -> None:
    client = get("expires @15h30m33s; location / { reply 200 x; }")
    expires = parse_http_date((client.header("Expires") or "").encode())
    assert expires is not None
    assert time.strftime("%H:%M:%S", time.localtime(expires)) == "15:30:33"
    assert time.time() < expires <= time.time() + 25 * 3600
    assert re.fullmatch(r"max-age=\d+", client.header("Cache-Control") or "")


def test_expires_after_modification(root: Path) -> None:
    client = get("expires modified 2048;", "GET /t.html HTTP/1.1", str(root))
    assert client.header("Expires") == "Tue, 14 Nov 2023 22:47:28 GMT"
    assert client.header("Cache-Control") == "no-cache"
    passed_on = 'stream 200 x Last-Modified "Mon, 28 Sep 1970 06:00:00 GMT";'
    client = get(f"location / {{ expires modified 2048; {passed_on} }}")
    assert client.header("Expires") == "Mon, 28 Sep 1970 06:34:08 GMT"
    assert get("expires modified 60; location / { reply 200 x; }").header("Cache-Control") == "max-age=60"
    variable = "expires modified $arg_e; location / { reply 200 x; }"
    assert get(variable, "GET /?e=epoch HTTP/1.1").header("Expires") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("expires bad;", '"expires" directive invalid value'),
        ("expires modified max;", '"expires" directive invalid value'),
        ("expires 1500ms;", '"expires" directive invalid value'),
        ("expires always 1h;", '"expires" directive invalid value'),
        ("expires modified @1h;", '"expires" directive daily time cannot be used with "modified" parameter'),
        ("expires @25h;", '"expires" directive daily time value must be less than 24 hours'),
        ("add_header X y sometimes;", 'invalid parameter "sometimes"'),
        ('add_header "X:" y;', 'invalid field name "X:"'),
        ("add_header_inherit maybe;", 'invalid value "maybe"'),
        ("add_header X $nothing;", 'unknown "nothing" variable'),
    ],
)
def test_what_is_wrong_is_told(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configure(in_server(text), MODULES)
    assert caught.value.diagnostics[0].message == message


TRAILERS = """add_trailer X-Var $host; add_trailer X-Always $host always; add_trailer X-Empty '';
    add_trailer X-Sent $sent_http_accept_ranges; add_trailer X-Again $sent_trailer_x_var;
    location /nx { reply 404; } location / { reply 200 SEE-THIS; } location /own { add_trailer A b; reply 200 x; }"""


def test_trailers_follow_a_body_without_length() -> None:
    client = get(TRAILERS)
    assert client.header("Content-Length") is None
    assert client.body == b"SEE-THIS"
    assert client.trailers == [
        ("X-Var", "localhost"),
        ("X-Always", "localhost"),
        ("X-Sent", "bytes"),
        ("X-Again", "localhost"),
    ]


def test_trailers_of_errors_are_those_with_always() -> None:
    assert get(TRAILERS, "GET /nx HTTP/1.1").trailers == [("X-Always", "localhost")]


@pytest.mark.parametrize("line", ["GET / HTTP/1.0", "HEAD / HTTP/1.1"])
def test_no_trailers_where_they_cannot_be_sent(line: str) -> None:
    client = get(TRAILERS, line)
    assert client.trailers == []
    assert client.header("Content-Length") == "8"


def test_trailers_inherit_as_fields_do() -> None:
    assert get(TRAILERS, "GET /own HTTP/1.1").trailers == [("A", "b")]


def test_a_block_that_adds_nothing_has_no_filter() -> None:
    text = in_server("location / { add_header_inherit merge; reply 200 x; }")
    generation = configure(text, (core.MODULE, headers.MODULE, reply.MODULE))
    (servers,) = generation.addresses.values()
    assert servers.default.location.header_filters == ()
