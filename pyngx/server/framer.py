"""A response's bytes on an HTTP/1 connection: its framing is made here, never relayed (RFC 9112 6, 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from pyngx.core.exchange import Exchange
    from pyngx.core.ports import Fields

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BODILESS = frozenset({204, 304})


class Framer:
    """How one response goes out: by length, in chunks, or up to the end of the connection."""

    __slots__ = ("_chunked", "_header_timeout", "_left", "_none", "bytes_sent", "ends_by_close", "keeps_alive")

    def __init__(self, exchange: Exchange, keeps_alive: bool) -> None:
        response = exchange.response
        assert response is not None
        status = response.status
        self._none = exchange.method == "HEAD" or status in BODILESS or status < 200
        self._left = response.length
        unknown = response.length is None and not self._none
        settings = exchange.location.connection
        self._chunked = unknown and exchange.version == "1.1" and settings.chunked_transfer_encoding
        self.ends_by_close = unknown and not self._chunked
        self.keeps_alive = keeps_alive and not self.ends_by_close
        self._header_timeout = settings.keepalive_timeout[1]
        self.bytes_sent = 0

    @staticmethod
    def informational(status: int, fields: Fields) -> bytes:
        """A 1xx response."""
        return b"HTTP/1.1 %d \r\n%b\r\n" % (status, b"".join([b"%b: %b\r\n" % field for field in fields]))

    def head(self, status: int, reason: bytes, fields: Fields) -> bytes:
        """The head, with the fields that belong to the connection."""
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
        head = b"".join(lines)
        self.bytes_sent += len(head)
        return head

    def write(self, transport: asyncio.Transport, data: bytes) -> None:
        """Write a part of the body; what goes beyond its length is left out."""
        if self._none:
            return
        if self._chunked:
            size = b"%x\r\n" % len(data)
            transport.writelines((size, data, b"\r\n"))
            self.bytes_sent += len(size) + len(data) + 2
            return
        if self._left is not None:
            if len(data) > self._left:
                data = data[: self._left]
            self._left -= len(data)
        transport.write(data)
        self.bytes_sent += len(data)

    def finish(self, transport: asyncio.Transport, trailers: Fields) -> bool:
        """End the body; False if it is shorter than its head said."""
        if self._chunked:
            end = b"0\r\n%b\r\n" % b"".join([b"%b: %b\r\n" % field for field in trailers])
            transport.write(end)
            self.bytes_sent += len(end)
        return self._none or not self._left
