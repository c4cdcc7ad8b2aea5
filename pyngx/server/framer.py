"""A response's bytes on an HTTP/1 connection: its framing is made here, never relayed (RFC 9112 6, 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.http.status import reason as reason_of

if TYPE_CHECKING:
    import asyncio

    from pyngx.core.exchange import Exchange
    from pyngx.core.ports import Fields

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
SMALL = 16 * 1024  # bytes below which a copy costs less than a second write
BODILESS = frozenset({204, 304})


class Framer:
    """How one response goes out: by length, in chunks, or up to the end of the connection."""

    __slots__ = (
        *("_bare", "_chunked", "_head", "_header_timeout", "_left", "_none"),
        *("bytes_sent", "ends_by_close", "keeps_alive"),
    )

    def __init__(self, exchange: Exchange, keeps_alive: bool) -> None:
        response = exchange.response
        assert response is not None
        status = response.status
        self._none = exchange.method == "HEAD" or status in BODILESS or status < 200
        self._left = response.length
        unknown = self._left is None and not self._none
        settings = exchange.location.connection
        self._chunked = unknown and exchange.version == "1.1" and settings.chunked_transfer_encoding
        self.ends_by_close = unknown and not self._chunked
        self.keeps_alive = keeps_alive and not self.ends_by_close
        self._bare = exchange.version == "0.9"
        self._header_timeout = settings.keepalive_timeout[1]
        self._head = b""  # not sent yet: a body that follows at once goes with it, for a write costs more than a copy
        self.bytes_sent = 0

    @staticmethod
    def informational(exchange: Exchange, status: int, fields: Fields) -> bytes:
        """A 1xx response; nothing for clients that don't know any (RFC 9110 15.2)."""
        if exchange.version != "1.1":
            return b""
        lines = b"".join([b"%b: %b\r\n" % field for field in fields])
        return b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, reason_of(status), lines)

    def take_head(self, status: int, reason: bytes, fields: Fields) -> None:
        """Make the head, with the fields of the connection; it goes out with what follows, or by `flush`.

        HTTP/0.9 has none.
        """
        if self._bare:
            return
        lines = [b"HTTP/1.1 %d %b\r\n" % (status, reason)]
        lines += [b"%b: %b\r\n" % field for field in fields]
        if self._chunked:
            lines.append(b"Transfer-Encoding: chunked\r\n")
        if status == 101:
            lines.append(b"\r\n")
        elif not self.keeps_alive:
            lines.append(b"Connection: close\r\n\r\n")
        elif self._header_timeout:
            lines.append(b"Connection: keep-alive\r\nKeep-Alive: timeout=%d\r\n\r\n" % self._header_timeout)
        else:
            lines.append(b"Connection: keep-alive\r\n\r\n")
        self._head = head = b"".join(lines)
        self.bytes_sent += len(head)

    def flush(self, transport: asyncio.Transport) -> None:
        """Send the head, if it waits."""
        if self._head:
            transport.write(self._head)
            self._head = b""

    def write(self, transport: asyncio.Transport, data: bytes) -> None:
        """Write a part of the body; what goes beyond its length is left out."""
        if self._none:
            return
        if self._chunked:
            self._write_chunk(transport, data)
            return
        if self._left is not None:
            if len(data) > self._left:
                data = data[: self._left]
            self._left -= len(data)
        self.bytes_sent += len(data)
        head, self._head = self._head, b""
        if head and len(data) >= SMALL:
            transport.writelines((head, data))
        else:
            transport.write(head + data if head else data)

    def finish(self, transport: asyncio.Transport, trailers: Fields) -> bool:
        """End the body; False if it is shorter than its head said."""
        if self._chunked:
            end = b"0\r\n%b\r\n" % b"".join([b"%b: %b\r\n" % field for field in trailers])
            self.bytes_sent += len(end)
            transport.write(self._head + end)
            self._head = b""
        else:
            self.flush(transport)
        return self._none or not self._left

    def _write_chunk(self, transport: asyncio.Transport, data: bytes) -> None:
        size = b"%x\r\n" % len(data)
        self.bytes_sent += len(size) + len(data) + 2
        if len(data) < SMALL:
            transport.write(b"%b%b%b\r\n" % (self._head, size, data))
        else:
            transport.writelines((self._head + size, data, b"\r\n"))
        self._head = b""
