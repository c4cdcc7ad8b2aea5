"""The portable transport: asyncio's connections, aiohttp's parser, messages of websockets.

aiohttp's own client is left out on purpose. Its session decodes and encodes what a proxy must pass on as it came
(targets, header bytes), follows redirects of WebSocket handshakes, retries silently, and takes late bytes on an idle
connection for the next response.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pyngx.core.ports import Failure, UpstreamError
from pyngx.http.headers import Headers
from pyngx.http.websocket import find_problem
from pyngx.upstream.call import HttpCall
from pyngx.upstream.handshake import shake_hands
from pyngx.upstream.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyngx.core.ports import Call, CallHandler, HandshakeRefused, Request, WebSocketPeer
    from pyngx.core.tasks import Spawn
    from pyngx.upstream.connection import Connection
    from pyngx.upstream.response import Head

MESSAGE_LIMIT = 16 * 1024 * 1024


class AiohttpTransport:
    """A `Transport`. One is enough for all upstreams of a process, and it outlives reloads."""

    def __init__(self, spawn: Spawn, message_limit: int = MESSAGE_LIMIT) -> None:
        self._spawn = spawn
        self._message_limit = message_limit  # bytes of one WebSocket message: what a bridge may have to hold
        self._pool = Pool()

    def __repr__(self) -> str:
        return f"<AiohttpTransport {self._pool}>"

    def start(self, request: Request, handler: CallHandler) -> Call:
        """Begin a call. Nothing is called back before this returns."""
        upgraded = partial(_switch, request, handler) if request.upgrade else None
        call = HttpCall(request, handler, self._pool, self._spawn, upgraded)
        call.start()
        return call

    async def open_websocket(self, request: Request, subprotocols: Sequence[str]) -> WebSocketPeer | HandshakeRefused:
        """Shake hands for a WebSocket on a connection of its own; raises UpstreamError."""
        return await shake_hands(request, subprotocols, self._pool, self._spawn, self._message_limit)

    async def close(self) -> None:
        """Close all idle connections."""
        self._pool.close()


def _switch(request: Request, handler: CallHandler, connection: Connection, head: Head, rest: bytes) -> None:
    headers = Headers(head.fields)
    if problem := find_problem(request.fields, headers):
        connection.abort()
        handler.call_failed(UpstreamError(Failure.INVALID_HEADER, f"upstream {problem}"))
    else:
        handler.switched(head.reason, headers, connection, rest)
