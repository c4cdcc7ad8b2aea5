"""Recognise a WebSocket opening handshake (RFC 6455 4.1) among requests that ask for an upgrade."""

import base64
import hashlib
import re
from typing import Final

from pyngx.http.headers import Headers, connection_options, list_members

_ONLY_WEBSOCKET: Final = frozenset({b"websocket"})
# 16 bytes in base64: 22 characters, of which the last holds 2 bits, and the padding.
_KEY: Final = re.compile(rb"[A-Za-z0-9+/]{21}[AQgw]==")
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def is_handshake(method: str, http_version: str, headers: Headers) -> bool:
    """Whether the request opens a WebSocket.

    An Upgrade that offers anything else beside websocket is none: the upstream could choose the other, and a tunnel
    that speaks h2c hides its requests from every rule of the proxy.
    """
    if b"upgrade" not in headers or method != "GET" or http_version != "1.1":
        return False
    return (
        list_members(headers.all(b"upgrade")) == _ONLY_WEBSOCKET
        and b"upgrade" in connection_options(headers)
        and headers.all(b"sec-websocket-version") == [b"13"]
        and _has_one_key(headers)
    )


def accept(key: bytes) -> bytes:
    """The Sec-WebSocket-Accept that answers `key` (RFC 6455 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def _has_one_key(headers: Headers) -> bool:
    keys = headers.all(b"sec-websocket-key")
    return len(keys) == 1 and _KEY.fullmatch(keys[0]) is not None
