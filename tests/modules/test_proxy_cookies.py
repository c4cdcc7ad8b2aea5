"""Cookies of upstreams on their way to clients; nginx's own suite has the configuration's side."""

from __future__ import annotations

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.modules import MODULES
from pyngx.modules.proxy_cookies import edit_flags, parse_cookie
from tests.support.live import build_text


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        ("a", [("a", None)]),
        ("a=", [("a", "")]),
        (" a = b=c ; Path = / ;Secure", [("a", "b=c"), ("Path", "/"), ("Secure", None)]),
        ("a=b;", [("a", "b"), ("", None)]),
    ],
)
def test_a_cookie_is_taken_apart_as_nginx_does(value: str, parsed: list[tuple[str, str | None]]) -> None:
    assert parse_cookie(value) == parsed


@pytest.mark.parametrize(
    ("value", "wishes", "edited"),
    [
        ("a=b", {"secure", "httponly", "samesite=lax"}, "a=b; Secure; HttpOnly; SameSite=Lax"),
        ("a=b; secure", {"secure"}, "a=b; secure"),
        ("a=b; samesite=LAX", {"samesite=lax"}, "a=b; samesite=LAX"),
        ("a=b; samesite=lax; x", {"samesite=strict"}, "a=b; SameSite=Strict; x"),
        ("a=b; samesite=lax; samesite=none", {"samesite=strict"}, "a=b; SameSite=Strict; samesite=none"),
        ("a=b; Secure; HttpOnly; SameSite=None", {"nosecure", "nohttponly", "nosamesite"}, "a=b"),
        ("a=b", {"samesite=none", "samesite=strict"}, "a=b; SameSite=Strict"),
        ("secure=b", {"nosecure"}, "secure=b"),
    ],
)
def test_flags_come_and_go(value: str, wishes: set[str], edited: str) -> None:
    shown = (name if given is None else f"{name}={given}" for name, given in edit_flags(parse_cookie(value), wishes))
    assert "; ".join(shown) == edited


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("proxy_cookie_domain on;", 'invalid parameter "on"'),
        ("proxy_cookie_path / /x; proxy_cookie_path off;", '"proxy_cookie_path" directive is duplicate'),
        ("proxy_bind 127.0.0.1 transparent;", "transparent proxying is not supported"),
        ("proxy_bind localhost;", 'invalid address "localhost"'),
        ("proxy_bind 127.0.0.1:99999;", 'invalid address "127.0.0.1:99999"'),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_text(
            f"events {{ }} http {{ server {{ {text} location / {{ proxy_pass http://127.0.0.1:1; }} }} }}", MODULES
        )
