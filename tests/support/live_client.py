"""The client's side of an exchange without a socket: it writes down what it is told, and does what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyngx.core.ports import Closed, Fields, WebSocketClient

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange


class LiveClient:
    """A `Client` that keeps what is sent to it."""

    def __init__(self, websocket: FakeWebSocket | None = None) -> None:
        self.exchange: Exchange | None = None  # set by who makes it
        self.status = 0
        self.reason = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.informational: list[tuple[int, Fields]] = []
        self.parts: list[bytes] = []
        self.trailers: Fields = ()
        self.finished = False
        self.aborted = False
        self.reading = False
        self._websocket = websocket
        self._moved = asyncio.Event()

    def __repr__(self) -> str:
        end = "finished" if self.finished else "aborted" if self.aborted else "open"
        return f"<LiveClient {self.status} {len(self.body)} bytes {end}>"

    # asked by tests

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    @property
    def over(self) -> bool:
        return self.finished or self.aborted

    def header(self, name: str) -> str | None:
        """All values of a field, joined by ", "; None if it wasn't sent."""
        values = [value.decode("latin-1") for field, value in self.fields if field.decode().lower() == name.lower()]
        return ", ".join(values) if values else None

    async def until_over(self) -> None:
        """Wait until the response has ended, whole or broken."""
        while not self.over:
            await self.next_move()

    async def next_move(self) -> None:
        """Wait until something is sent."""
        self._moved.clear()
        await asyncio.wait_for(self._moved.wait(), 5)

    # called by the core

    def send_informational(self, status: int, fields: Fields) -> None:
        self.informational.append((status, fields))
        self._moved.set()

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        assert not self.status, "a second head"
        assert not self.over, "a head after the end"
        self.status, self.reason, self.fields = status, reason, list(fields)
        self._moved.set()

    def send_body(self, data: bytes) -> None:
        assert self.status, "a body before the head"
        assert not self.over, "a body after the end"
        self.parts.append(data)
        self._moved.set()

    def flush(self) -> None:
        pass

    def finish(self, trailers: Fields = ()) -> None:
        assert not self.over, "a second end"
        self.finished = True
        self.trailers = trailers
        self._moved.set()

    def abort(self) -> None:
        assert not self.over, "a second end"
        self.aborted = True
        self._moved.set()

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True
        self._moved.set()

    @property
    def bytes_sent(self) -> int:
        return len(self.body)

    def websocket(self) -> WebSocketClient | None:
        return self._websocket


class FakeWebSocket:
    """A `WebSocketClient`: the test puts messages in with `say`, and reads what came from `sent`."""

    def __init__(self, subprotocols: Sequence[str] = ()) -> None:
        self.subprotocols = subprotocols
        self.accepted: tuple[str | None, list[tuple[bytes, bytes]]] | None = None
        self.sent: list[str | bytes] = []
        self.closed: Closed | None = None  # by us
        self.slow: asyncio.Event | None = None  # what sending waits for
        self._incoming: asyncio.Queue[str | bytes | Closed] = asyncio.Queue()
        self._moved = asyncio.Event()

    # asked by tests

    def say(self, message: str | bytes | Closed) -> None:
        """The client sends a message, or closes."""
        self._incoming.put_nowait(message)

    async def next_move(self) -> None:
        """Wait until something is sent, or the handshake is answered, or the connection closed."""
        self._moved.clear()
        await asyncio.wait_for(self._moved.wait(), 5)

    # called by the core

    @property
    def is_open(self) -> bool:
        return self.closed is None

    async def accept(self, subprotocol: str | None, fields: Fields) -> None:
        assert self.accepted is None, "accepted twice"
        self.accepted = (subprotocol, list(fields))
        self._moved.set()

    async def receive(self) -> str | bytes | Closed:
        assert self.accepted is not None, "received before it was accepted"
        return await self._incoming.get()

    async def send(self, message: str | bytes) -> None:
        assert self.accepted is not None, "sent before it was accepted"
        assert self.closed is None, "sent after it was closed"
        if self.slow is not None:
            await self.slow.wait()
        self.sent.append(message)
        self._moved.set()

    async def close(self, closed: Closed) -> None:
        assert self.closed is None, "closed twice"
        self.closed = closed
        self._incoming.put_nowait(closed)
        self._moved.set()
