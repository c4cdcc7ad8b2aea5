"""Credentials of Basic authentication."""

from __future__ import annotations

from base64 import b64encode

import pytest

from pyngx.http.basic import read_basic


def basic(credentials: bytes) -> bytes:
    return b"Basic " + b64encode(credentials)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (basic(b"Aladdin:open sesame"), (b"Aladdin", b"open sesame")),
        (basic(b"user:"), (b"user", b"")),
        (basic(b"a:b:c"), (b"a", b"b:c")),
        (basic("jürgen:ü".encode()), ("jürgen".encode(), "ü".encode())),
        (basic(b"\xff:x"), (b"\xff", b"x")),
        (b"bAsIc   " + b64encode(b"user:pw"), (b"user", b"pw")),
        (b"Basic dXNlcjpw=whatever", (b"user", b"p")),
        (b"Basic dXNlcjo", (b"user", b"")),
        (b"Basic dXNlcjp", (b"user", b"")),
        (basic(b":pw"), None),
        (basic(b"user"), None),
        (b"Basic ", None),
        (b"Basic", None),
        (b"Basic dXNlc", None),
        (b"Basic dXNl cjpw", None),
        (b"Basic dXNl-jpw", None),
        (b"Bearer dXNlcjpw", None),
        (b"", None),
    ],
)
def test_user_and_password(value: bytes, found: tuple[bytes, bytes] | None) -> None:
    assert read_basic(value) == found
