"""A message's body as its bytes come, whatever it is framed by (RFC 9112 6.3), without I/O."""

from __future__ import annotations

from pyngx.http.chunked import ChunkedDecoder


class BodyReader:
    """Takes bytes, gives content; `done` once the body is whole, and `rest` is what came behind it."""

    __slots__ = ("_chunks", "_left", "done", "rest")

    def __init__(self, length: int | None) -> None:
        """A body of `length` bytes, or a chunked one."""
        self._chunks = ChunkedDecoder() if length is None else None
        self._left = length or 0
        self.done = length == 0
        self.rest = b""

    @property
    def trailers(self) -> list[tuple[bytes, bytes]]:
        """The fields behind a chunked body."""
        return self._chunks.trailers if self._chunks is not None else []

    def feed(self, data: bytes) -> bytes:
        """The content in the bytes; raises BadChunk."""
        chunks = self._chunks
        if chunks is not None:
            data = chunks.feed(data)
            if chunks.done:
                self.done = True
                self.rest = chunks.rest
            return data
        left = self._left - len(data)
        if left > 0:
            self._left = left
            return data
        self._left = 0
        self.done = True
        if left:
            self.rest = data[left:]
            return data[:left]
        return data
