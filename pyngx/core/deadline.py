"""A point in time that moves on with every sign of life."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Deadline:
    """Calls `expired` when its time has come.

    Moving it costs one assignment: a timer that fires too early arms itself again.
    """

    __slots__ = ("_at", "_expired", "_loop", "_seconds", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, expired: Callable[[], None]) -> None:
        self._loop = loop
        self._expired = expired
        self._at: float | None = None
        self._seconds = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Expire after that long from now, and not before."""
        self._seconds = seconds
        self._at = at = self._loop.time() + seconds
        if self._timer is not None and self._timer.when() > at:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(at, self._fire)

    def touch(self) -> None:
        """Begin the time anew, if it runs."""
        if self._at is not None:
            self._at = self._loop.time() + self._seconds

    def stop(self) -> None:
        """Don't expire until set again."""
        self._at = None

    def close(self) -> None:
        """Never expire, and let go of the timer."""
        self._at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        if self._at is None:
            return
        if self._at > self._loop.time():
            self._timer = self._loop.call_at(self._at, self._fire)
            return
        self._at = None
        self._expired()
