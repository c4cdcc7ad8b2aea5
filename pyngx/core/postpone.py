"""A body in which subrequests have their places: what comes out first waits for what belongs before it.

It is the body filter that stands behind those that ask for subrequests and before those that see the whole body, as
compression does (ngx_http_postpone_filter_module.c).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyngx.core.subrequest import make_subrequest, subrequests_of

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange
    from pyngx.core.ports import Fields

WAITING_LIMIT = 64 * 1024  # bytes that wait for their turn before their source has to


class Part:
    """A subrequest's place in a body, and the receiver of its answer."""

    __slots__ = ("_on_end", "_otherwise", "_postponed", "_waiting", "exchange", "has_ended", "is_first")

    wants_body = True
    has_parts = breaks_whole = True

    def __init__(self, postponed: Postponed, on_end: Callable[[], None] | None, otherwise: bytes) -> None:
        self._postponed = postponed
        self._on_end = on_end
        self._otherwise = otherwise  # what is given for nothing
        self._waiting = bytearray()
        self.exchange: Exchange | None = None
        self.is_first = False
        self.has_ended = False

    def head_received(self, status: int) -> None:
        """The head of a part means nothing to the whole."""

    def body_received(self, data: bytes) -> None:
        """Pass it on, or keep it until all before it is there."""
        self._otherwise = b""
        if self.is_first:
            self._postponed.give(data)
            return
        self._waiting += data
        if len(self._waiting) > WAITING_LIMIT and self.exchange is not None and not self.exchange.paused:
            self.exchange.pause_writing()

    def flush(self) -> None:
        """Show what is there."""
        if self.is_first:
            self._postponed.give_all()

    def ended(self) -> None:
        """The subrequest is over: go on, first with what waited for that."""
        if self._otherwise:
            self.body_received(self._otherwise)
        self.has_ended = True
        if self._on_end is not None:
            self._on_end()
        self._postponed.advance()

    def broken(self) -> None:
        """So is the whole."""

    def take(self) -> bytes:
        """What waited for this to be the first."""
        data = bytes(self._waiting)
        self._waiting.clear()
        return data

    def stall(self) -> None:
        """The client takes no more for now."""
        if self.exchange is not None:
            self.exchange.pause_writing()

    def flow(self) -> None:
        """It does again."""
        if self.exchange is not None and self.exchange.paused:
            self.exchange.resume_writing()


class Memory:
    """The receiver of an answer that is wanted whole, up to a size, and goes nowhere by itself."""

    __slots__ = ("_body", "_part", "_then")

    wants_body = True
    has_parts = False
    breaks_whole = True

    def __init__(self, part: Part, then: Callable[[int, bytes], None]) -> None:
        self._part = part
        self._then = then  # is given the status and the body
        self._body = bytearray()

    def head_received(self, status: int) -> None:
        """The status is asked for at the end."""

    def body_received(self, data: bytes) -> None:
        """Keep it, if there is room; what doesn't fit breaks the request, as nginx has it."""
        assert self._part.exchange is not None
        exchange = self._part.exchange
        self._body += data
        if len(self._body) > exchange.location.inner_body_limit and not exchange.ended:
            exchange.log("error", "subrequest_too_big", "too big subrequest response")
            exchange.fail()

    def flush(self) -> None:
        """It is whole or nothing."""

    def ended(self) -> None:
        """Hand it over."""
        assert self._part.exchange is not None
        self._then(self._part.exchange.status, bytes(self._body))
        self._part.ended()

    def broken(self) -> None:
        """So is the whole."""


class Postponed:
    """The parts of a body in their order. Bytes at hand are never behind the first part without need."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._queue: deque[bytes | Part] = deque()  # begins with a part, if there is anything
        self._queued = 0  # bytes of our own among it
        self._ready: list[bytes] = []
        self._gathers = 0
        self._stalled = False  # the client is slow
        self._holds_source = False
        self._last: list[Callable[[], None]] = []
        self._ends = False
        self._trailers: Fields = ()

    def __repr__(self) -> str:
        parts = [part.exchange.uri for part in self._queue if isinstance(part, Part) and part.exchange is not None]
        return f"<Postponed parts={parts} queued={self._queued}>"

    # called by the exchange: it is one of its filters

    def feed(self, data: bytes) -> bytes:
        """Pass a part of the exchange's own body on, or keep it until all before it is there."""
        if not self._queue and not self._ready:
            return data
        self.write(data)
        return self._take()

    def flush(self) -> bytes:
        """Give what is there."""
        return self._take()

    def finish(self) -> bytes:
        """The same: `end` has seen to it that there is no more."""
        return self._take()

    def end(self, trailers: Fields) -> None:
        """The exchange's own body is whole: end it as soon as all parts are."""
        if self._ends or self._exchange.ended:
            return
        self._ends, self._trailers = True, trailers
        self._gathers += 1
        data = b""
        for body_filter in self._exchange.body_filters[: self._place]:
            passed = body_filter.feed(data) if data else b""
            data = passed + body_filter.finish()
        self.write(data)
        for begin in self._last:
            begin()
        self._gathers -= 1
        self._settle()

    def stall(self) -> None:
        """The client takes no more for now."""
        self._stalled = True
        if self._queue:
            self._first.stall()

    def flow(self) -> bool:
        """It does again; gives whether the exchange's own source may go on."""
        self._stalled = False
        if self._queue:
            self._first.flow()
        return self._queued <= WAITING_LIMIT

    # called by those that ask for subrequests

    def gather(self) -> None:
        """Send nothing until `release`: more is coming at once."""
        self._gathers += 1

    def release(self) -> None:
        """Send what came meanwhile; within a filter's `feed`, with what that gives."""
        self._gathers -= 1

    def write(self, data: bytes) -> None:
        """Put bytes behind all that is there so far."""
        if not data:
            return
        if not self._queue:
            self._ready.append(data)
            return
        self._queue.append(data)
        self._queued += len(data)
        exchange = self._exchange
        if self._queued > WAITING_LIMIT and not self._holds_source:
            self._holds_source = True
            exchange.paused = True
            if exchange.source is not None:
                exchange.source.pause_reading()

    def include(
        self, uri: str, args: str, on_end: Callable[[], None] | None = None, otherwise: bytes = b""
    ) -> Exchange:
        """Put the answer of a subrequest behind all that is there so far; `otherwise` stands for an empty one.

        It is posted only. Raises Refused where there are too many within each other.
        """
        part = Part(self, on_end, otherwise)
        part.exchange = exchange = make_subrequest(self._exchange, uri, args, part)
        self._add(part, exchange)
        return exchange

    def keep(self, uri: str, args: str, then: Callable[[int, bytes], None], on_end: Callable[[], None]) -> None:
        """Have a subrequest whose answer goes to `then`, as a status and a body; raises Refused as `include` does."""
        part = Part(self, on_end, b"")
        part.exchange = exchange = make_subrequest(self._exchange, uri, args, Memory(part, then))
        self._add(part, exchange)

    def at_end(self, begin: Callable[[], None]) -> None:
        """Have something called when all of the exchange's own body is there."""
        self._last.append(begin)

    # called by parts

    def give(self, data: bytes) -> None:
        """Bytes of the first part."""
        self._ready.append(data)
        self.push()

    def give_all(self) -> None:
        """The first part has no more for now."""
        if not self._gathers:
            self.push()
            self._exchange.flush()

    def advance(self) -> None:
        """Go on to the next part, if the first has ended."""
        queue = self._queue
        while queue:
            first = queue[0]
            if isinstance(first, Part):
                if not first.is_first:
                    first.is_first = True
                    self._ready.append(first.take())
                    if not self._stalled:
                        first.flow()  # may bring us here again
                        continue
                    first.stall()
                if not first.has_ended:
                    break
            else:
                self._queued -= len(first)
                self._ready.append(first)
            if queue and queue[0] is first:
                queue.popleft()
        self._settle()

    def push(self) -> None:
        """Send what is ready."""
        if self._ready and not self._gathers:
            self._exchange.write_behind(self._place + 1, self._take())

    # private

    @property
    def _place(self) -> int:
        return self._exchange.body_filters.index(self)

    @property
    def _first(self) -> Part:
        first = self._queue[0]
        assert isinstance(first, Part)
        return first

    def _add(self, part: Part, exchange: Exchange) -> None:
        part.is_first = not self._queue
        self._queue.append(part)
        subrequests_of(exchange).post(exchange)

    def _take(self) -> bytes:
        data = b"".join(self._ready)
        self._ready.clear()
        return data

    def _settle(self) -> None:
        """Send what is ready, have the source go on, and end if that is all."""
        self.push()
        exchange = self._exchange
        if self._holds_source and self._queued <= WAITING_LIMIT:
            self._holds_source = False
            if not self._stalled:
                exchange.resume_source()
        if self._ends and not self._queue and not self._gathers and not exchange.ended:
            exchange.end_behind(self._place, self._trailers)
