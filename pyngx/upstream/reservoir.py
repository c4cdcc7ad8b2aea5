"""What an upstream sends faster than its client takes it: held in memory, then in a temporary file.

The upstream is done with as soon as it can be, however slow the client is (ngx_event_pipe.c). While the client keeps
up, a part costs one question. A client that is behind for a moment only holds its upstream for that moment: a pause and
a resumption cost less than the way over a file.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import deque
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange
    from pyngx.core.ports import Fields, Source

PATIENCE = 0.002  # seconds that an upstream is held for a client before the file is resorted to
READ_BACK = 64 * 1024
TURN = 1024 * 1024  # bytes that one client is given before others have their turn
FILTERED_TURN = READ_BACK  # the same where body filters work on them
EXPANDED_PIECE = 1024  # bytes that filters are given at once where they may make a thousand times as much of them


@dataclass(frozen=True, slots=True)
class Buffers:
    """How much is held, and where; sizes in bytes."""

    memory: int = 8 * 4096
    file: int = 1024 * 1024 * 1024  # 0: no file at all
    write_size: int = 0  # written to the file at once; 0: as much as there is
    read_size: int = READ_BACK  # read back at once
    directory: str | None = None  # None: the system's own for temporary files


@dataclass(slots=True)
class Stretch:
    """A run of bytes in the file."""

    start: int
    end: int


class Reservoir:
    """An outlet that holds what the client doesn't take."""

    __slots__ = (
        "_broken",
        "_buffers",
        "_discards",
        "_ending",
        "_exchange",
        "_file",
        "_file_end",
        "_given",
        "_held",
        "_in_memory",
        "_parts",
        "_rests",
        "_source",
        "_spilling",
        "_timer",
        "_trailers",
        "_turn",
    )

    def __init__(self, exchange: Exchange, source: Source, buffers: Buffers) -> None:
        self._exchange = exchange
        self._source = source
        self._buffers = buffers
        self._parts: deque[bytes | Stretch] = deque()
        self._in_memory = 0
        self._file: IO[bytes] | None = None
        self._file_end = 0
        self._spilling = False  # what comes goes to the file, until all of it is taken
        self._broken = False  # the file can't be written
        self._held = False  # the source waits
        self._timer: asyncio.TimerHandle | None = None
        self._turn: asyncio.Handle | None = None  # the next one to give some more
        self._rests = False  # the source has had its share of this turn
        self._given = 0  # bytes in this turn, as far as filters work on them
        self._ending = ""  # what is to follow when all is taken: "end" or "fail"
        self._trailers: Fields = ()
        self._discards = False

    def __repr__(self) -> str:
        in_file = sum(part.end - part.start for part in self._parts if isinstance(part, Stretch))
        return f"<Reservoir memory={self._in_memory} file={in_file}{' held' if self._held else ''}>"

    # called by the exchange: it is its source

    def pause_reading(self) -> None:
        """Nothing to do: `write` asks the exchange."""

    def resume_reading(self) -> None:
        """The client takes more."""
        if self._parts:
            self._drain()

    # called by the relay

    def write(self, data: bytes) -> None:
        """Pass a part on, or hold it."""
        exchange = self._exchange
        if exchange.paused or self._parts:
            self._hold(data)
            return
        if exchange.body_filters:
            self._write_in_turns(data)
        else:
            exchange.write(data)

    def end(self, trailers: Fields) -> None:
        """End the exchange when the client has all of the body."""
        self._ending, self._trailers = "end", trailers
        self._finish()

    def fail(self) -> None:
        """Break the exchange off when the client has all that came."""
        self._ending = "fail"
        self._finish()

    def discard(self) -> None:
        """Let the upstream finish for nobody."""
        self._discards = True
        self._forget()
        self._wake()
        self._release()

    def close(self) -> None:
        """The exchange is over."""
        self._ending = ""
        self._forget()
        if self._file is not None:
            self._file.close()
            self._file = None

    # private, for holding

    def _hold(self, data: bytes) -> None:
        if self._discards:
            return
        if self._spilling and self._spill(data):
            return
        self._keep(data)
        if self._in_memory > self._buffers.memory and not self._held and not self._ending:
            self._held = True
            if not self._rests:
                self._source.pause_reading()
            if self._buffers.file and not self._spilling and not self._broken:
                self._stop_timer()
                self._timer = asyncio.get_running_loop().call_later(PATIENCE, self._resort_to_file)

    def _write_in_turns(self, data: bytes) -> None:
        """Have a source that has had its share wait for others: filters take their time, and it may send for ever."""
        piece = EXPANDED_PIECE if self._exchange.expands else FILTERED_TURN
        self._exchange.write(data[:piece])
        for at in range(piece, len(data), piece):
            self._keep(data[at : at + piece])
        self._given += len(data)
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._next_turn)
        if self._given > FILTERED_TURN and not self._rests:
            self._rests = True
            if not self._held:
                self._source.pause_reading()

    def _keep(self, data: bytes) -> None:
        self._parts.append(data)
        self._in_memory += len(data)

    def _resort_to_file(self) -> None:
        """The client is slow: move to the file what waits in memory, and have the upstream go on."""
        self._timer = None
        if not self._held:
            return
        self._spilling = True
        parts, self._parts = self._parts, deque()
        self._in_memory = 0
        for part in parts:
            if isinstance(part, Stretch):
                self._parts.append(part)
            elif not self._spill(part):
                self._keep(part)
        if self._in_memory <= self._buffers.memory:
            self._release()

    def _spill(self, data: bytes) -> bool:
        """Write a part to the file, if there is room; the last one may go over the limit, as nginx's may."""
        start = self._file_end
        if start >= self._buffers.file or self._broken:
            return False
        try:
            self._write_file(data, start)
        except OSError as error:
            self._broken = True
            self._exchange.log(
                "crit", "temp_file_failed", f"a response can't be buffered in a temporary file: {error}; upstream waits"
            )
            return False
        self._file_end = end = start + len(data)
        last = self._parts[-1] if self._parts else None
        if isinstance(last, Stretch) and last.end == start:
            last.end = end
        else:
            self._parts.append(Stretch(start, end))
        return True

    def _write_file(self, data: bytes, at: int) -> None:
        file = self._file or self._open_file()
        view = memoryview(data)
        size = self._buffers.write_size or len(data)
        while view:
            written = os.pwrite(file.fileno(), view[:size], at)
            at += written
            view = view[written:]

    def _open_file(self) -> IO[bytes]:
        directory = self._buffers.directory
        if directory is not None:
            os.makedirs(directory, mode=0o700, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=directory, prefix="pyngx-", buffering=0)  # noqa: SIM115 -- see close()
        self._exchange.log("warn", "response_buffered", "an upstream response is buffered to a temporary file")
        return self._file

    # private, for giving

    def _drain(self) -> None:
        exchange, parts = self._exchange, self._parts
        given = 0
        turn = FILTERED_TURN if exchange.body_filters else TURN
        while parts and not exchange.paused:
            if given >= turn:
                if self._turn is None:
                    self._turn = asyncio.get_running_loop().call_soon(self._next_turn)
                break
            data = self._take()
            if not data:  # somebody truncated the file
                self.close()
                exchange.fail()
                return
            before = exchange.body_bytes_sent
            exchange.write(data)
            given += max(len(data), exchange.body_bytes_sent - before)
        if not self._parts:
            self._empty()
        if self._in_memory <= self._buffers.memory // 2:
            self._release()
        self._finish()

    def _next_turn(self) -> None:
        self._turn = None
        self._given = 0
        if self._parts:
            self._drain()
        if self._turn is None:
            self._wake()

    def _take(self) -> bytes:
        """The next part."""
        part = self._parts[0]
        if not isinstance(part, Stretch):
            self._in_memory -= len(part)
            self._parts.popleft()
            return part
        assert self._file is not None
        size = EXPANDED_PIECE if self._exchange.expands else self._buffers.read_size
        data = os.pread(self._file.fileno(), min(size, part.end - part.start), part.start)
        part.start += len(data)
        if part.start == part.end:
            self._parts.popleft()
        return data

    def _empty(self) -> None:
        """The client has caught up: the file is as good as new."""
        self._spilling = False
        if self._file is not None and self._file_end:
            self._file.truncate(0)
            self._file_end = 0

    def _release(self) -> None:
        if self._held:
            self._held = False
            if not self._rests:
                self._source.resume_reading()

    def _wake(self) -> None:
        """It is the source's turn again."""
        if self._rests:
            self._rests = False
            if not self._held:
                self._source.resume_reading()

    def _finish(self) -> None:
        ending = self._ending
        if self._parts or not ending:
            return
        self.close()
        if ending == "end":
            self._exchange.end(self._trailers)
        else:
            self._exchange.fail()

    def _forget(self) -> None:
        self._parts.clear()
        self._in_memory = 0
        self._stop_timer()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
