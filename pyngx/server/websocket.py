"""A client's WebSocket, message by message, on a connection of `HttpProtocol`: the handshake, and what follows it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from websockets.protocol import Side

from pyngx.core.answers import Response
from pyngx.core.ports import Closed
from pyngx.core.websocket import ABNORMAL, OpenWebSocket
from pyngx.http.codec import text, wire
from pyngx.http.headers import Headers, is_token
from pyngx.http.websocket import accept, is_handshake

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange
    from pyngx.core.ports import Fields

LINGER = 5.0  # seconds that a client has to close the connection after the last word
# Fields of a 101 that are this handshake's own (RFC 6455 4.2.2), or that no 101 has.
_OWN = frozenset(
    {
        b"connection",
        b"upgrade",
        b"content-length",
        b"transfer-encoding",
        b"sec-websocket-accept",
        b"sec-websocket-extensions",
        b"sec-websocket-protocol",
    }
)


@dataclass(frozen=True, slots=True)
class WebSocketLimits:
    """What all WebSockets of a server have in common."""

    max_message: int  # bytes
    opened: set[OpenWebSocket]  # those that a shutdown closes


def find_handshake(exchange: Exchange, transport: asyncio.Transport, limits: WebSocketLimits) -> ClientWebSocket | None:
    """The request as a WebSocket handshake that waits for its answer; None if it is none."""
    if exchange.body.expected or not is_handshake(exchange.original_method, exchange.version, exchange.headers):
        return None
    return ClientWebSocket(exchange, transport, limits)


class ClientWebSocket:
    """A `ports.WebSocketClient`. No extension is ever agreed on."""

    __slots__ = ("_exchange", "_limits", "_socket", "_transport", "subprotocols")

    def __init__(self, exchange: Exchange, transport: asyncio.Transport, limits: WebSocketLimits) -> None:
        offered = b",".join(exchange.headers.all(b"sec-websocket-protocol")).split(b",")
        self.subprotocols = [text(name) for one in offered if (name := one.strip(b" \t"))]
        self._exchange = exchange
        self._transport = transport
        self._limits = limits
        self._socket: OpenWebSocket | None = None

    def __repr__(self) -> str:
        return f"<ClientWebSocket {self._socket or 'waiting'}>"

    @property
    def bytes_sent(self) -> int:
        """Bytes written after the 101."""
        return self._socket.bytes_sent if self._socket is not None else 0

    @property
    def is_open(self) -> bool:
        """Whether what is sent may still be heard."""
        return self._socket is not None and self._socket.is_open

    async def accept(self, subprotocol: str | None, fields: Fields) -> None:
        """Answer 101, with the head that any response of its location has; ValueError for what is no subprotocol."""
        exchange = self._exchange
        if exchange.ended or self._socket is not None:
            return
        exchange.response = response = self._answer(subprotocol, fields)
        exchange.location.send_head(exchange, response)
        line = _Line(self._transport, self._limits.opened)
        self._socket = OpenWebSocket(Side.SERVER, line, self._limits.max_message)
        line.carry(self._socket)
        exchange.client.open_tunnel(line)

    async def receive(self) -> str | bytes | Closed:
        """The next message, or how it all ended."""
        return await self._socket.receive() if self._socket is not None else Closed(ABNORMAL)

    async def send(self, message: str | bytes) -> None:
        """Send one message, and wait while the client is slow."""
        if self._socket is not None:
            await self._socket.send(message)

    async def close(self, closed: Closed) -> None:
        """Close with a code and a reason; a client that doesn't answer holds nobody up."""
        self.say_goodbye(closed)

    def say_goodbye(self, closed: Closed) -> None:
        """The same at once."""
        if self._socket is not None:
            self._socket.say_goodbye(closed)

    def _answer(self, subprotocol: str | None, fields: Fields) -> Response:
        key = self._exchange.headers.get(b"sec-websocket-key")
        assert key is not None
        response = Response(101, Headers([(b"Upgrade", b"websocket"), (b"Connection", b"upgrade")]))
        response.headers.add(b"Sec-WebSocket-Accept", accept(key))
        if subprotocol is not None:
            if not is_token(chosen := wire(subprotocol)):
                raise ValueError(f"invalid subprotocol {subprotocol!r}")
            response.headers.add(b"Sec-WebSocket-Protocol", chosen)
        for name, value in fields:
            match name.lower():
                case b"server":
                    response.server = value
                case b"date":
                    response.date = value
                case lower if lower not in _OWN:
                    response.headers.add(name, value)
        return response


class _Line:
    """The connection as an `OpenWebSocket` and its protocol see it: `TunnelReceiver` and `websocket.Line`."""

    __slots__ = ("_lost", "_opened", "_timer", "_user", "transport")

    def __init__(self, transport: asyncio.Transport, opened: set[OpenWebSocket]) -> None:
        self.transport = transport
        self._opened = opened
        self._user: OpenWebSocket | None = None
        self._lost = False
        self._timer: asyncio.TimerHandle | None = None

    def carry(self, user: OpenWebSocket) -> None:
        """Say who hears what comes."""
        self._user = user
        self._opened.add(user)

    # called by the WebSocket

    def pause_reading(self) -> None:
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def close(self) -> None:
        """Say no more, and read on until the client has closed: a reset would cost it our last words."""
        self._forget()
        self.resume_reading()
        if self.transport.is_closing() or not self.transport.can_write_eof():
            self.transport.close()
        else:
            self.transport.write_eof()
        self._timer = asyncio.get_running_loop().call_later(LINGER, self.abort)

    def abort(self) -> None:
        """Close at once."""
        self._forget()
        if not self._lost:  # asyncio's transports don't take it after a close that had to wait
            self.transport.abort()

    # called by the protocol

    def data_received(self, data: bytes) -> None:
        if self._user is not None:
            self._user.data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = True
        if self._timer is not None:
            self._timer.cancel()
        user = self._forget()
        if user is not None:
            user.connection_lost(error)

    def pause_writing(self) -> None:
        if self._user is not None:
            self._user.pause_writing()

    def resume_writing(self) -> None:
        if self._user is not None:
            self._user.resume_writing()

    # private

    def _forget(self) -> OpenWebSocket | None:
        user, self._user = self._user, None
        if user is not None:
            self._opened.discard(user)
        return user
