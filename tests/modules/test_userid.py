"""`userid`: cookies that tell clients apart."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.generation import Generation
from pyngx.modules import core, headers, rewrite, userid
from tests.support.configure import ask, configure, in_server, messages
from tests.support.fake_client import FakeClient

MODULES = (core.MODULE, rewrite.MODULE, userid.MODULE, headers.MODULE)
SHOW = "add_header Got $uid_got; add_header Set $uid_set; return 200;"
OWN = b64encode(bytes(range(1, 17))).decode()


def serve(text: str) -> Generation:
    return configure(in_server(f"{text} {SHOW}"), MODULES)


def get(text: str | Generation, cookie: str = "") -> FakeClient:
    fields = [(b"Host", b"a")] + ([(b"Cookie", cookie.encode())] if cookie else [])
    return ask(serve(text) if isinstance(text, str) else text, "GET / HTTP/1.1", fields)


def test_a_new_client_gets_an_identifier_with_address_and_time() -> None:
    client = get("userid on;")
    found = re.fullmatch(r"uid=([\w+/]{22}==); path=/", client.header("Set-Cookie") or "")
    assert found is not None
    assert b64decode(found[1])[:4] == bytes([127, 0, 0, 1])
    assert re.fullmatch(r"uid=0100007F[0-9A-F]{24}", client.header("Set") or "")
    assert client.header("Got") is None


def test_no_two_clients_get_the_same() -> None:
    generation = serve("userid on;")
    assert len({get(generation).header("Set-Cookie") for _ in range(100)}) == 100


def test_a_client_that_has_one_is_known_by_it() -> None:
    client = get("userid on;", f"a=b; uid={OWN}")
    assert (client.header("Got"), client.header("Set-Cookie")) == ("uid=04030201080706050C0B0A09100F0E0D", None)


@pytest.mark.parametrize(("kind", "got"), [("log", True), ("off", False)])
def test_others_get_none(kind: str, got: bool) -> None:
    client = get(f"userid {kind};", f"uid={OWN}")
    assert (client.header("Got") is not None, client.header("Set-Cookie"), client.header("Set")) == (got, None, None)


def test_the_cookie_is_as_the_settings_say() -> None:
    client = get(
        "userid v1; userid_name id; userid_domain a.example; userid_path /x; userid_expires max; userid_service 7;"
        'userid_flags httponly secure samesite=lax; userid_p3p "policyref=x";'
    )
    assert re.fullmatch(
        r"id=[\w+/]{22}==; expires=Thu, 31-Dec-37 23:55:55 GMT; domain=a.example; path=/x"
        "; secure; httponly; samesite=lax",
        client.header("Set-Cookie") or "",
    )
    assert (client.header("Set") or "").startswith("id=00000007")
    assert client.header("P3P") == "policyref=x"
    assert re.search(
        r"; expires=\w{3}, \d\d-\w{3}-\d\d [\d:]{8} GMT;",
        get("userid on; userid_expires 1h;").header("Set-Cookie") or "",
    )


def test_a_cookie_without_the_mark_is_sent_once_more() -> None:
    generation = serve("userid on; userid_mark z;")
    assert get(generation, f"uid={OWN}").header("Set-Cookie") == f"uid={OWN[:22]}z=; path=/"
    assert get(generation, f"uid={OWN[:22]}z=").header("Set-Cookie") is None


def test_a_client_may_be_given_another() -> None:
    generation = serve("userid on; set $uid_reset $arg_r;")
    cookie = [(b"Host", b"a"), (b"Cookie", f"uid={OWN}".encode())]
    assert ask(generation, "GET /?r=0 HTTP/1.1", cookie).header("Set-Cookie") is None
    assert ask(generation, "GET /?r=1 HTTP/1.1", cookie).header("Set-Cookie") is not None
    assert messages(generation) == []
    assert ask(generation, "GET /?r=log HTTP/1.1", cookie).header("Set-Cookie") is not None
    assert messages(generation) == ['userid cookie "uid=04030201080706050C0B0A09100F0E0D" was reset']


@pytest.mark.parametrize(("cookie", "what"), [("uid=short", "too short"), (f"uid={'?' * 24}", "invalid")])
def test_what_is_no_identifier_is_told_and_replaced(cookie: str, what: str) -> None:
    generation = serve("userid on;")
    assert get(generation, cookie).header("Set-Cookie") is not None
    assert messages(generation) == [f"client sent {what} userid cookie"]


def test_a_mark_is_one_character() -> None:
    with pytest.raises(ConfigError, match='value must be "off" or a single letter'):
        serve("userid_mark ab;")
