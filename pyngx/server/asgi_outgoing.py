"""The response's side of an ASGI exchange: the core's calls wait in a queue, one coroutine sends them on.

Parts that wait go out as one message, and the end with the last of them. So a small response is two messages.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pyngx.core.ports import Fields
    from pyngx.server.asgi_types import Send, Sent

HIGH_WATER = 64 * 1024  # bytes that wait before the source is paused
LOW_WATER = 16 * 1024  # and when it may go on


class ResponseAborted(Exception):
    """Leaves the application so that the host closes the connection instead of ending the response."""


class Flow(Protocol):
    """Who is told of a slow client: the exchange."""

    def pause_writing(self) -> None:
        """No more for now."""

    def resume_writing(self) -> None:
        """Go on."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a host takes a response: as an HTTP request's, or as a refusal of a WebSocket."""

    prefix: str = "http.response"
    refuses_bare: bool = False  # a WebSocket host without responses: its own 403 is all that can be said
    trailers: bool = False
    early_hints: bool = False


class Outgoing:
    """A response on its way to a host's `send`."""

    def __init__(self, send: Send, kind: Kind, flow: Flow) -> None:
        self._send = send
        self._kind = kind
        self._flow = flow
        self._first: list[Sent] = []  # the head, and what goes before it
        self._parts: list[bytes] = []
        self._size = 0  # bytes in _parts
        self._paused = False
        self._trailing = False  # the head announced trailers
        self._trailers: Fields = ()
        self._ended = False
        self._wakeup: asyncio.Future[None] | None = None
        self.aborted = False
        self.over = False  # nothing is sent any more
        self.started = False  # the head was sent

    @property
    def waits(self) -> bool:
        """Whether there is something to do for `pump`."""
        return bool(self._first or self._parts or self._ended or self.aborted)

    def hint(self, links: list[bytes]) -> None:
        """Queue a 103, where the host knows them."""
        if self._kind.early_hints:
            self._first.append({"type": f"{self._kind.prefix}.early_hint", "links": links})
            self._wake()

    def head(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        """Queue the head."""
        if self._kind.refuses_bare:
            self._first.append({"type": "websocket.close", "code": 1000})
        else:
            message: Sent = {"type": f"{self._kind.prefix}.start", "status": status, "headers": fields}
            if self._kind.trailers and any(name.lower() == b"trailer" for name, _ in fields):
                message["trailers"] = self._trailing = True
            self._first.append(message)
        self._wake()

    def body(self, data: bytes) -> None:
        """Queue a part of the body."""
        if self.over:
            return
        self._parts.append(data)
        self._size += len(data)
        self._wake()
        if self._size > HIGH_WATER and not self._paused:
            self._paused = True
            self._flow.pause_writing()

    def end(self, trailers: Fields) -> None:
        """The response is whole."""
        self._ended = True
        self._trailers = trailers
        self._wake()

    def abort(self) -> None:
        """The response won't be whole; what waits is sent still."""
        self.aborted = True
        self._wake()

    def stop(self) -> None:
        """Nobody takes it any more."""
        self.over = True
        self._parts.clear()
        self._size = 0
        self._wake()
        self._relax()

    async def pump(self, last: Linger) -> None:
        """Send all until the end; `last` is awaited before the message that ends the response."""
        while not self.over:
            if self._first:
                first, self._first = self._first, []
                for message in first:
                    self.started = True
                    await self._send(message)
            elif self._parts or self._ended:
                await self._send_body(last)
            elif self.aborted:
                return
            else:
                self._wakeup = asyncio.get_running_loop().create_future()
                await self._wakeup

    async def _send_body(self, last: Linger) -> None:
        parts, self._parts = self._parts, []
        self._size = 0
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        ended = self._ended
        if not self._kind.refuses_bare:
            kind = f"{self._kind.prefix}.body"
            if ended and last.needed:
                await self._send({"type": kind, "body": data, "more_body": True})
                await last.linger()
                data = b""
            await self._send({"type": kind, "body": data, "more_body": not ended})
            if ended and self._trailing:
                trailers = list(self._trailers)
                await self._send({"type": f"{self._kind.prefix}.trailers", "headers": trailers, "more_trailers": False})
        self.over = self.over or ended
        if self._size <= LOW_WATER:
            self._relax()

    def _wake(self) -> None:
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)

    def _relax(self) -> None:
        if self._paused:
            self._paused = False
            self._flow.resume_writing()


class Linger(Protocol):
    """What has to be waited for before a response ends."""

    @property
    def needed(self) -> bool:
        """Whether there is anything."""

    async def linger(self) -> None:
        """Wait."""
