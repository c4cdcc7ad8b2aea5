"""Requests that wait for a server of a group when none can be had at once: `queue` of ngx_http_upstream_module.

The first that waits is given what becomes free before anybody new can take it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyngx.upstream.group import Choose, Group
    from pyngx.upstream.peer import Peer

LOOK_AGAIN = 1.0  # seconds after which the queue looks by itself: nobody tells when a fail_timeout is over

Served = Callable[["Peer | None"], None]
"""Called with the peer that is there, counted as connected; None when the time is up."""


class Queue:
    """The waiting requests of one group."""

    __slots__ = ("_limit", "_look", "_timeout", "_waiters")

    def __init__(self, limit: int, timeout: float = 60.0) -> None:
        self._limit = limit
        self._timeout = timeout  # seconds
        self._waiters: deque[Waiter] = deque()
        self._look: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Queue {len(self._waiters)}/{self._limit}>"

    def adopt(self, old: Queue) -> None:
        """Go on with those that wait in a former generation's."""
        self._waiters = old._waiters

    def join(self, group: Group, tried: set[Peer], choose: Choose | None, served: Served) -> Waiter | None:
        """Wait for a peer; None where too many do already."""
        if len(self._waiters) >= self._limit:
            return None
        waiter = Waiter(self, group, tried, choose, served)
        waiter.timer = asyncio.get_running_loop().call_later(self._timeout, waiter.expire)
        self._waiters.append(waiter)
        self._look_later()
        return waiter

    def freed(self) -> None:
        """Something may have become free: give it to those that waited longest."""
        now = time.monotonic() if self._waiters else 0.0
        for waiter in list(self._waiters):
            peer = waiter.group.select(waiter.tried, now, waiter.choose)
            if peer is not None:
                self._waiters.remove(waiter)
                waiter.serve(peer)
            elif not waiter.tried:  # who has tried none could have had any
                break

    def remove(self, waiter: Waiter) -> None:
        """Somebody waits no longer."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)

    def _look_later(self) -> None:
        if self._look is None and self._waiters:
            self._look = asyncio.get_running_loop().call_later(LOOK_AGAIN, self._look_now)

    def _look_now(self) -> None:
        self._look = None
        self.freed()
        self._look_later()


class Waiter:
    """A request in a queue."""

    __slots__ = ("_peer", "_queue", "_served", "choose", "group", "timer", "tried")

    def __init__(self, queue: Queue, group: Group, tried: set[Peer], choose: Choose | None, served: Served) -> None:
        self.group = group
        self.tried = tried
        self.choose = choose
        self.timer: asyncio.TimerHandle | None = None
        self._queue = queue
        self._served = served
        self._peer: Peer | None = None

    def leave(self) -> None:
        """Wait no longer; what was kept for it is free again."""
        self._stop()
        self._queue.remove(self)
        peer, self._peer = self._peer, None
        if peer is not None:
            self.group.release(peer)

    def serve(self, peer: Peer) -> None:
        """There is a peer: say so when whoever has freed it is done."""
        self._stop()
        self._peer = peer
        asyncio.get_running_loop().call_soon(self._tell)

    def expire(self) -> None:
        """The time is up."""
        self._queue.remove(self)
        self._served(None)

    def _stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def _tell(self) -> None:
        peer, self._peer = self._peer, None
        if peer is not None:
            self._served(peer)
