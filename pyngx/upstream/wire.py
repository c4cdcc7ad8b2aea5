"""The fast transport: HTTP/1 upstreams over TCP, TLS and unix sockets, without a task or a queue once connected."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pyngx.core.outbox import Outbox
from pyngx.core.ports import UpstreamError
from pyngx.upstream.dial import connection_key, dial
from pyngx.upstream.handshake import shake_hands
from pyngx.upstream.head import encode_head
from pyngx.upstream.pool import Pool
from pyngx.upstream.wire_call import WireCall
from pyngx.upstream.wire_connection import WireConnection, WirePool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyngx.core.ports import CallHandler, HandshakeRefused, Request, WebSocketPeer
    from pyngx.core.tasks import Spawn

MESSAGE_LIMIT = 16 * 1024 * 1024  # bytes of one WebSocket message: what a bridge may have to hold


class WireTransport:
    """A `Transport`. One is enough for all upstreams of a process, and it outlives reloads."""

    def __init__(self, spawn: Spawn) -> None:
        self._spawn = spawn
        self._pool = WirePool()
        self._outbox = Outbox()
        self._handshakes = Pool()  # for those of WebSockets that are bridged message by message

    def __repr__(self) -> str:
        return f"<WireTransport {self._pool}>"

    def start(self, request: Request, handler: CallHandler) -> WireCall:
        """Begin a call, at once on a kept connection. Nothing is called back before this returns."""
        call = WireCall(request, handler)
        try:
            head = encode_head(request)
        except UpstreamError as error:
            asyncio.get_running_loop().call_soon(call.fail, error)
            return call
        connection = self._pool.take(connection_key(request))
        if connection is not None:
            call.begin(connection, head, kept=True)
        else:
            call.dialling = self._spawn(self._dial(call, request, head), f"dial {request.address}")
        return call

    async def open_websocket(self, request: Request, subprotocols: Sequence[str]) -> WebSocketPeer | HandshakeRefused:
        """Shake hands on a connection of its own, for servers that offer messages; raises UpstreamError."""
        return await shake_hands(request, subprotocols, self._handshakes, self._spawn, MESSAGE_LIMIT)

    async def close(self) -> None:
        """Close all idle connections."""
        self._pool.close()
        self._handshakes.close()

    async def _dial(self, call: WireCall, request: Request, head: bytes) -> None:
        key = connection_key(request)
        try:
            connection = await dial(request, lambda: WireConnection(key, self._pool, self._outbox))
        except UpstreamError as error:
            call.dialling = None
            call.fail(error)
            return
        call.begin(connection, head, kept=False)
        call.announce()
