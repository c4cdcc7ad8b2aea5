"""Credentials of Basic authentication (RFC 7617), read as generously as nginx reads them (ngx_http_core_module.c)."""

import re
from base64 import b64decode
from typing import Final

_BASIC: Final = re.compile(rb"basic +([A-Za-z0-9+/]*)(?:=.*)?", re.IGNORECASE | re.DOTALL)


def read_basic(value: bytes) -> tuple[bytes, bytes] | None:
    """User and password of an Authorization field; None where there is no user in it."""
    match = _BASIC.fullmatch(value)
    if match is None or len(match[1]) % 4 == 1:
        return None
    user, colon, password = b64decode(match[1] + b"=" * (-len(match[1]) % 4)).partition(b":")
    return (user, password) if user and colon else None
