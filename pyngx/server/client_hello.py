"""The first message of a TLS client, read before the handshake begins: it decides which virtual server takes it.

Only what that takes is understood. Whatever is wrong with the message, OpenSSL says so to the client: it reads the same
bytes afterwards (RFC 8446 4.1.2, RFC 6066 3).
"""

from __future__ import annotations

from pyngx.core.tls_facts import ClientHello

LONGEST = 64 * 1024  # bytes of a message, beyond which we don't look at it
_HANDSHAKE = 0x16
_CLIENT_HELLO = 1
_SERVER_NAME, _GROUPS, _SIGNATURES = 0, 10, 13
_HOST_NAME = 0


def is_tls(first: int) -> bool:
    """Whether a connection that begins with this byte means to speak TLS (as ngx_http_ssl_handshake tells it)."""
    return first == _HANDSHAKE or bool(first & 0x80)


class HelloReader:
    """Takes the message out of its records as they come: it may be spread over many small ones."""

    __slots__ = ("_at", "_message")

    def __init__(self) -> None:
        self._at = 0  # where the next record begins
        self._message = bytearray()

    def read(self, data: bytes | bytearray) -> ClientHello | None:
        """What the client offers, nothing if it can't be told; None where more has to come behind this `data`."""
        try:
            return _read(bytes(self._message[4:])) if self._gather(data) else None
        except (IndexError, ValueError):
            return ClientHello()

    def _gather(self, data: bytes | bytearray) -> bool:
        """Whether the message is whole."""
        message = self._message
        while True:
            if len(message) >= 4:
                length = int.from_bytes(message[1:4], "big")
                if message[0] != _CLIENT_HELLO or length > LONGEST:
                    raise ValueError("no client hello")
                if len(message) >= 4 + length:
                    return True
            start = self._at + 5
            if len(data) < start:
                return False
            length = int.from_bytes(data[start - 2 : start], "big")
            if data[self._at] != _HANDSHAKE or not length:
                raise ValueError("no handshake record")
            if len(data) < start + length:
                return False
            message += data[start : start + length]
            self._at = start + length


def _read(message: bytes) -> ClientHello:
    at = 2 + 32  # the version and the random bytes
    at += 1 + message[at]  # the session's identifier
    ciphers, at = _vector(message, at, 2)
    at += 1 + message[at]  # methods of compression
    if at >= len(message):
        return ClientHello(ciphers=_pairs(ciphers))
    extensions = _extensions(_vector(message, at, 2)[0])
    return ClientHello(
        _server_name(extensions.get(_SERVER_NAME, b"")),
        _pairs(ciphers),
        _pairs(_inner(extensions.get(_GROUPS, b""))),
        _pairs(_inner(extensions.get(_SIGNATURES, b""))),
    )


def _extensions(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        kind = int.from_bytes(data[at : at + 2], "big")
        value, at = _vector(data, at + 2, 2)
        found.setdefault(kind, value)
    return found


def _server_name(extension: bytes) -> str:
    names = _inner(extension)
    at = 0
    while at < len(names):
        name, end = _vector(names, at + 1, 2)
        if names[at] == _HOST_NAME:
            return name.decode("utf-8", "surrogateescape")
        at = end
    return ""


def _inner(extension: bytes) -> bytes:
    return _vector(extension, 0, 2)[0] if extension else b""


def _vector(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    """A value behind its length, and where it ends."""
    start = at + size
    end = start + int.from_bytes(data[at:start], "big")
    if end > len(data):
        raise ValueError("a value is cut off")
    return data[start:end], end


def _pairs(data: bytes) -> tuple[bytes, ...]:
    return tuple(data[at : at + 2] for at in range(0, len(data) - 1, 2))
