"""Bytes at a limited rate: what comes too early waits, and its source with it (ngx_http_write_filter_module.c)."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyngx.core.ports import Source

LEAST_DELAY = 0.001  # seconds; what is shorter isn't worth a timer


class Trickle:
    """Passes bytes on to `forward`, `rate` of them a second; the first second's at once.

    The source is held while anything waits, or would have to; so what waits is never more than what it gives at once.
    """

    __slots__ = (
        "_held",
        "_source",
        "_stalled",
        "_started",
        "_then",
        "_timer",
        "_waiting",
        "after",
        "forward",
        "rate",
        "sent",
    )

    def __init__(self, source: Source, started: float | None = None) -> None:
        """`started` is when the counting began, by the monotonic clock; now by default."""
        self.rate = 0  # bytes a second; 0: no limit
        self.after = 0  # bytes that don't count
        self.sent = 0
        self.forward: Callable[[bytes], None] = _nowhere
        self._source = source
        self._started = time.monotonic() if started is None else started
        self._waiting: deque[bytes] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._stalled = False  # who takes the bytes takes none for now
        self._held = False  # the source is paused
        self._then: Callable[[], None] | None = None

    @property
    def downstream(self) -> Downstream:
        """For whoever takes the bytes, to have them wait."""
        return Downstream(self)

    def write(self, data: bytes) -> None:
        """Pass on what may be passed on now."""
        self._waiting.append(data)
        if self._timer is None and not self._stalled:
            self._go_on()

    def when_empty(self, then: Callable[[], None]) -> None:
        """Call `then` once nothing waits any more: at once, or later."""
        if self._waiting:
            self._then = then
        else:
            self.stop()
            then()

    def stall(self) -> None:
        """Pass nothing on until `flow`."""
        self._stalled = True
        self._hold()

    def flow(self) -> None:
        """Go on."""
        self._stalled = False
        if self._timer is None:
            self._go_on()

    def stop(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self._then = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go_on(self) -> None:
        waiting = self._waiting
        while waiting and not self._stalled:
            delay = self._send(waiting)
            if delay >= LEAST_DELAY and (waiting or self._then is None):
                self._hold()
                self._timer = asyncio.get_running_loop().call_later(delay, self._fired)
                return
        if self._stalled:
            return
        if self._then is not None:
            then, self._then = self._then, None
            then()
        elif self._held:
            self._held = False
            self._source.resume_reading()

    def _send(self, waiting: deque[bytes]) -> float:
        """Pass on what may be, and give the seconds until there may be more."""
        data = waiting.popleft()
        rate = self.rate
        if not rate:
            self.forward(data)
            return 0.0
        allowed = int(rate * (time.monotonic() - self._started + 1)) - (self.sent - self.after)
        if allowed <= 0:
            waiting.appendleft(data)
            return -allowed / rate + LEAST_DELAY
        if len(data) > allowed:
            waiting.appendleft(data[allowed:])
            data = data[:allowed]
        before = max(self.sent - self.after, 0)
        self.sent += len(data)
        self.forward(data)
        return (max(self.sent - self.after, 0) - before) / rate

    def _fired(self) -> None:
        self._timer = None
        self._go_on()

    def _hold(self) -> None:
        if not self._held:
            self._held = True
            self._source.pause_reading()


class Downstream:
    """A trickle as a source."""

    __slots__ = ("_trickle",)

    def __init__(self, trickle: Trickle) -> None:
        self._trickle = trickle

    def pause_reading(self) -> None:
        self._trickle.stall()

    def resume_reading(self) -> None:
        self._trickle.flow()


def _nowhere(_data: bytes) -> None:
    raise AssertionError("nobody takes the bytes")
