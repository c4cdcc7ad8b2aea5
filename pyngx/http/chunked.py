"""The chunked coding, decoded as it comes (RFC 9112 7.1), without I/O."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

# A size, and extensions that are read over; more than 15 digits can't be a size that anybody means.
# A bare LF is no end of a line here: RFC 9112 2.2 tolerates it in heads only, and who reads over it finds another end.
_SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n\x00]*)?\r\n")
_BEGUN: Final = re.compile(rb"[0-9A-Fa-f]{1,15}[ \t]*(?:;[^\r\n\x00]*)?\r?")  # as much of it as may be there
_TRAILER: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00\r\n]*)\r\n")
MAX_LINE: Final = 4096  # bytes of a size line or a trailer; longer ones serve nobody
MAX_TRAILERS: Final = 16384  # bytes in all


class BadChunk(Exception):
    """A body that isn't chunked as it should be."""


class _State(Enum):
    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILERS = auto()
    DONE = auto()


class ChunkedDecoder:
    """Takes the bytes of a chunked body, and gives its content."""

    __slots__ = ("_buffer", "_left", "_state", "_trailer_bytes", "rest", "trailers")

    def __init__(self) -> None:
        self._state = _State.SIZE
        self._buffer = b""
        self._left = 0
        self._trailer_bytes = 0
        self.trailers: list[tuple[bytes, bytes]] = []
        self.rest = b""  # what came behind the body

    @property
    def done(self) -> bool:
        """Whether the last chunk and the trailers are there."""
        return self._state is _State.DONE

    def feed(self, data: bytes) -> bytes:
        """The content in the bytes; raises BadChunk."""
        data = self._buffer + data if self._buffer else data
        self._buffer = b""
        parts: list[bytes] = []
        at = 0
        while at < len(data) and self._state is not _State.DONE:
            if self._state is _State.DATA:
                part = data[at : at + self._left]
                parts.append(part)
                at += len(part)
                self._left -= len(part)
                if not self._left:
                    self._state = _State.DATA_END
                continue
            end = self._line_end(data, at)
            if end < 0:
                self._buffer = data[at:]
                break
            self._take_line(data, at, end)
            at = end
        if self._state is _State.DONE:
            self.rest = data[at:]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _line_end(self, data: bytes, at: int) -> int:
        if self._state is _State.DATA_END and data[at : at + 1] != b"\r":
            raise BadChunk("a chunk is longer than its size")
        end = data.find(b"\n", at) + 1
        if (end or len(data)) - at > MAX_LINE:
            raise BadChunk("a line of the chunked coding is too long")
        if not end and self._state is _State.SIZE and not _BEGUN.fullmatch(data, at):
            raise BadChunk(f"invalid chunk size {data[at : at + 20]!r}")
        return end or -1

    def _take_line(self, data: bytes, at: int, end: int) -> None:
        match self._state:
            case _State.SIZE:
                match = _SIZE_LINE.match(data, at, end)
                if match is None:
                    raise BadChunk(f"invalid chunk size {data[at : min(end, at + 20)]!r}")
                self._left = int(match[1], 16)
                self._state = _State.DATA if self._left else _State.TRAILERS
            case _State.DATA_END:
                if data[at:end] != b"\r\n":
                    raise BadChunk("a chunk is longer than its size")
                self._state = _State.SIZE
            case _:
                self._take_trailer(data[at:end])

    def _take_trailer(self, line: bytes) -> None:
        if line == b"\r\n":
            self._state = _State.DONE
            return
        match = _TRAILER.fullmatch(line)
        self._trailer_bytes += len(line)
        if match is None or self._trailer_bytes > MAX_TRAILERS:
            raise BadChunk(f"invalid trailer {line[:40]!r}")
        self.trailers.append((match[1], match[2].rstrip(b" \t")))
