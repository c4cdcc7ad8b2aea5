"""An open WebSocket to a peer, and what its handshake brought."""

from __future__ import annotations

from typing import TYPE_CHECKING

from websockets.protocol import Side

from pyngx.core.websocket import OpenWebSocket

if TYPE_CHECKING:
    from pyngx.core.ports import Closed, Timeouts
    from pyngx.upstream.connection import Connection


class UpstreamWebSocket:
    """A `WebSocketPeer`."""

    __slots__ = ("_handshake", "_socket", "fields", "subprotocol")

    def __init__(
        self, connection: Connection, fields: list[tuple[bytes, bytes]], message_limit: int, timeouts: Timeouts
    ) -> None:
        """Take the connection over after a 101 that had these fields."""
        chosen = next((value for name, value in fields if name.lower() == b"sec-websocket-protocol"), None)
        self.subprotocol = chosen.decode() if chosen is not None else None
        self.fields = fields
        self._handshake = (0, 0)
        self._socket = OpenWebSocket(Side.CLIENT, connection, message_limit, timeouts.read)
        connection.user = self._socket

    def __repr__(self) -> str:
        return f"<UpstreamWebSocket {self._socket}>"

    def begin(self, rest: bytes, sent: int, received: int) -> None:
        """Hear what came right behind the 101; `sent` and `received` are what the handshake took, in bytes."""
        self._handshake = sent, received - len(rest)
        if rest:
            self._socket.data_received(rest)

    @property
    def bytes_sent(self) -> int:
        """Bytes written, the handshake's among them."""
        return self._handshake[0] + self._socket.bytes_sent

    @property
    def bytes_received(self) -> int:
        """Bytes read, the handshake's among them."""
        return self._handshake[1] + self._socket.bytes_received

    async def receive(self) -> str | bytes | Closed:
        """The next message, or how it all ended."""
        return await self._socket.receive()

    async def send(self, message: str | bytes) -> None:
        """Send one message, and wait while the peer is slow. What it can't hear any more is dropped."""
        await self._socket.send(message)

    async def close(self, closed: Closed) -> None:
        """Say goodbye, and wait for the answer, but not for ever."""
        await self._socket.close(closed)
