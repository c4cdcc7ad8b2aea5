"""add_before_body and add_after_body, and the pixel of empty_gif."""

from __future__ import annotations

import pytest

from pyngx.modules import MODULES
from tests.support.configure import ask, configure, in_server, make_runtime
from tests.support.fake_client import FakeClient
from tests.support.fake_upstream import FakeTransport, says

ADDS = "add_before_body /before; add_after_body /after;"
ADDED = "location /before { return 200 [; } location /after { return 200 ]; }"


def get(text: str, line: str = "GET / HTTP/1.1") -> FakeClient:
    runtime = make_runtime()
    runtime.transport = FakeTransport(says(200, (b"Content-Type", b"text/html"), (b"ETag", b'"x"'), body=b"body"))
    return ask(configure(in_server(f"access_log off; default_type text/html; {text}"), MODULES, runtime), line)


@pytest.mark.parametrize(
    ("location", "body"),
    [
        (f"{ADDS} return 200 body;", b"[body]"),
        (f"{ADDS} proxy_pass http://127.0.0.1:1;", b"[body]"),
        (f"{ADDS} return 202 body;", b"body"),
        (f"{ADDS} default_type text/css; return 200 body;", b"body"),
        (f"{ADDS} default_type text/css; addition_types text/css; return 200 body;", b"[body]"),
        ("add_after_body /after; return 200 body;", b"body]"),
        (f"{ADDS} ssi on; return 200 \"<!--#include virtual='/before' -->\";", b"[[]"),
    ],
)
def test_bodies_get_something_before_and_behind(location: str, body: bytes) -> None:
    client = get(f"location / {{ {location} }} {ADDED}")
    assert (client.body, client.finished) == (body, True)


def test_an_empty_body_gets_it_too() -> None:
    assert get(f"location / {{ {ADDS} return 200; }} {ADDED}").body == b"[]"


def test_a_head_alone_has_nothing_added() -> None:
    client = get(f"location / {{ {ADDS} return 200 body; }} {ADDED}", "HEAD / HTTP/1.1")
    assert (client.body, client.finished, client.header("Content-Length")) == (b"", True, None)


def test_what_is_added_has_nothing_added() -> None:
    assert get("location / { add_after_body /; return 200 x; }").body == b"xx"


def test_the_head_says_that_it_is_not_the_same() -> None:
    client = get(f"location / {{ {ADDS} proxy_pass http://127.0.0.1:1; }} {ADDED}")
    assert (client.header("ETag"), client.header("Content-Length")) == ('W/"x"', None)


def test_a_pixel() -> None:
    client = get("location / { empty_gif; }")
    assert (client.status, client.header("Content-Type"), len(client.body)) == (200, "image/gif", 43)
    assert client.header("Last-Modified") == "Mon, 28 Sep 1970 06:00:00 GMT"
    assert get("location / { empty_gif; }", "POST / HTTP/1.1").status == 405
