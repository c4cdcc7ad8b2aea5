"""Recognise a WebSocket opening handshake (RFC 6455 4.1) among requests that ask for an upgrade."""

import base64
import hashlib
import re
from collections.abc import Iterable
from typing import Final

from pyngx.http.headers import Field, Headers, connection_options, list_members

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


def find_problem(asked: Iterable[Field], answered: Headers) -> str:
    """What is wrong with the fields of a 101, for a request that has asked for a WebSocket; empty if nothing.

    Who says 101 to anything, because a client got it to, hasn't read the handshake: it goes on speaking HTTP, and a
    tunnel to it would carry requests past every rule. Protocols other than websocket have no such proof.
    """
    request = Headers(asked)
    if (request.get(b"upgrade") or b"").lower() != b"websocket":
        return ""
    upgrade = answered.get(b"upgrade") or b""
    if upgrade.lower() != b"websocket":
        return f"switched to {upgrade!r} rather than to websocket"
    key = request.get(b"sec-websocket-key")
    if key is not None and answered.all(b"sec-websocket-accept") != [accept(key)]:
        return "sent a Sec-WebSocket-Accept that doesn't fit the key"
    return ""


def _has_one_key(headers: Headers) -> bool:
    keys = headers.all(b"sec-websocket-key")
    return len(keys) == 1 and _KEY.fullmatch(keys[0]) is not None
