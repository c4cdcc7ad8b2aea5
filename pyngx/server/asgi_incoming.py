"""The request's side of an ASGI exchange: its body while somebody wants it, and the news that the client has left.

ASGI tells both through `receive`, so who watches for the client's leaving is given parts of the body that nobody wants
yet. They are held up to a bound; past it nothing is received, and the host holds the client back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pyngx.core.body import RequestBody
    from pyngx.server.asgi_types import Leave, Receive, Received

    Spawn = Callable[[Coroutine[object, object, None], str], asyncio.Task[None]]

HELD = 64 * 1024  # bytes of the body that are held while nobody reads


class Incoming:
    """Feeds a request's body from `receive`; calls `left` if the client leaves first."""

    def __init__(self, receive: Receive, body: RequestBody, left: Leave, spawn: Spawn) -> None:
        self._receive = receive
        self._body = body
        self._left = left
        self._spawn = spawn
        self._task: asyncio.Task[None] | None = None
        self._reading = False
        self._discarding = False
        self._held: deque[bytes] = deque()
        self._size = 0  # bytes in _held
        self._whole = True  # the last part came
        self._wakeup: asyncio.Future[None] | None = None
        self._discarded: asyncio.Future[None] | None = None
        self.shy = False  # receiving would have the host send 100 Continue, so wait until the body is wanted

    def expect(self, shy: bool) -> None:
        """There is a body; `shy` says that the client waits for 100 Continue."""
        self._whole = False
        self.shy = shy

    def take(self, message: Received) -> None:
        """Hold what a message brings."""
        if self._whole:
            return
        if (data := message.get("body", b"")) and not self._discarding:
            self._held.append(data)
            self._size += len(data)
        self._whole = not message.get("more_body", False)

    def watch(self) -> None:
        """Notice from now on when the client leaves."""
        if self._task is None and not self.shy:
            self._task = self._spawn(self._run(), "receive")

    def pause(self) -> None:
        """Hold what comes."""
        self._reading = False

    def resume(self) -> None:
        """Deliver what is held and what comes; never before this returns."""
        if not self._reading:
            self._reading = True
            self.shy = False
            asyncio.get_running_loop().call_soon(self._deliver)
            self.watch()

    async def discard(self, seconds: float) -> None:
        """Forget the rest of the body, for a while: closing on bytes unread would reset the connection."""
        if self.shy or self._whole:
            return
        self._discarding = True
        self._held.clear()
        self._size = 0
        self._discarded = asyncio.get_running_loop().create_future()
        self.watch()
        self._wake()
        try:
            await asyncio.wait_for(self._discarded, seconds)
        except TimeoutError:
            pass

    def stop(self) -> None:
        """The exchange is over."""
        self._reading = False
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            if self._size >= HELD:
                self._wakeup = asyncio.get_running_loop().create_future()
                await self._wakeup
            try:
                message = await self._receive()
            except OSError:  # some hosts raise where others say disconnect
                break
            if message["type"] == "http.disconnect":
                break
            self.take(message)
            self._deliver()
        self._finish_discarding()
        self._left()

    def _deliver(self) -> None:
        body, held = self._body, self._held
        while held and self._reading:
            data = held.popleft()
            self._size -= len(data)
            body.feed(data)
        if self._whole and not held and not body.complete:
            body.end()
        if self._whole:
            self._finish_discarding()
        if self._size < HELD:
            self._wake()

    def _wake(self) -> None:
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)

    def _finish_discarding(self) -> None:
        if self._discarded is not None and not self._discarded.done():
            self._discarded.set_result(None)
