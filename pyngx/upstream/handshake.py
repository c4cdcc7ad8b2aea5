"""Opening a WebSocket to a peer: an HTTP call that hopes for 101 (RFC 6455 4)."""

from __future__ import annotations

import asyncio
import os
from base64 import b64encode
from typing import TYPE_CHECKING

import msgspec

from pyngx.core.ports import Failure, HandshakeRefused, UpstreamError
from pyngx.http.websocket import accept
from pyngx.upstream.call import HttpCall
from pyngx.upstream.websocket_peer import UpstreamWebSocket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyngx.core.ports import Request, TunnelEnd, WebSocketPeer
    from pyngx.core.tasks import Spawn
    from pyngx.http.headers import Headers
    from pyngx.upstream.connection import Connection
    from pyngx.upstream.pool import Pool
    from pyngx.upstream.response import Head

REFUSAL_LIMIT = 1024 * 1024

# Hop by hop: this handshake's own.
_OWN = frozenset(
    {
        b"connection",
        b"upgrade",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"sec-websocket-protocol",
        b"sec-websocket-extensions",
    }
)


async def shake_hands(
    request: Request, subprotocols: Sequence[str], pool: Pool, spawn: Spawn, message_limit: int
) -> WebSocketPeer | HandshakeRefused:
    """Ask for a WebSocket without extensions; raises UpstreamError for what is no answer to that."""
    key = b64encode(os.urandom(16))
    fields = [field for field in request.fields if field[0].lower() not in _OWN]
    fields += [
        (b"Connection", b"Upgrade"),
        (b"Upgrade", b"websocket"),
        (b"Sec-WebSocket-Key", key),
        (b"Sec-WebSocket-Version", b"13"),
    ]
    if subprotocols:
        fields.append((b"Sec-WebSocket-Protocol", ", ".join(subprotocols).encode()))
    asked = msgspec.structs.replace(request, method=b"GET", version=b"1.1", fields=fields, body_length=0)
    handshake = _Handshake(asked, key, subprotocols, message_limit)
    call = HttpCall(asked, handshake, pool, spawn, handshake.upgraded)
    handshake.call = call
    call.start()
    try:
        return await handshake.answer
    finally:
        call.cancel()


class _Handshake:
    """The handler of that call: it gathers a refusal, or checks the 101."""

    def __init__(self, request: Request, key: bytes, subprotocols: Sequence[str], message_limit: int) -> None:
        self.call: HttpCall | None = None
        self.answer: asyncio.Future[WebSocketPeer | HandshakeRefused] = asyncio.get_running_loop().create_future()
        self._request = request
        self._key = key
        self._subprotocols = subprotocols
        self._message_limit = message_limit
        self._refusal: tuple[int, bytes, list[tuple[bytes, bytes]]] = (0, b"", [])
        self._body = bytearray()

    def upgraded(self, connection: Connection, head: Head, rest: bytes) -> None:
        """Make a WebSocket of the connection, if the 101 is an answer to what was asked."""
        problem = self._find_problem(head)
        if problem or self.answer.done():
            connection.abort()
            self._fail(Failure.INVALID_HEADER, problem)
            return
        peer = UpstreamWebSocket(connection, head.fields, self._message_limit, self._request.timeouts)
        assert self.call is not None
        peer.begin(rest, self.call.bytes_sent, self.call.bytes_received)
        self.answer.set_result(peer)

    def _find_problem(self, head: Head) -> str:
        upgrade = _get(head, b"upgrade") or b""
        chosen = _get(head, b"sec-websocket-protocol")
        if upgrade.lower() != b"websocket":
            return f"switched to {upgrade!r} rather than to websocket"
        if _get(head, b"sec-websocket-accept") != accept(self._key):
            return "sent a Sec-WebSocket-Accept that doesn't fit the key"
        if chosen is not None and chosen.decode("latin-1") not in self._subprotocols:
            return f"chose the subprotocol {chosen!r}, which was not offered"
        if _get(head, b"sec-websocket-extensions"):
            return "chose a WebSocket extension, and none was offered"
        return ""

    def connected(self) -> None:
        pass

    def informational_received(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        pass

    def head_received(self, status: int, reason: bytes, headers: Headers) -> None:
        self._refusal = (status, reason, headers.items)

    def switched(self, reason: bytes, headers: Headers, end: TunnelEnd, rest: bytes) -> None:
        """Never called: the call has `upgraded`."""

    def body_received(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > REFUSAL_LIMIT and self.call is not None:
            self.call.cancel()
            self._fail(Failure.TRUNCATED, f"refused the WebSocket with more than {REFUSAL_LIMIT} bytes")

    def flush(self) -> None:
        """Nothing is passed on."""

    def response_received(self, status: int, reason: bytes, headers: Headers, body: bytes) -> None:
        """Gather all of it."""
        self.head_received(status, reason, headers)
        self.body_received(body)
        self.response_ended([])

    def response_ended(self, trailers: list[tuple[bytes, bytes]]) -> None:  # noqa: ARG002
        if not self.answer.done():
            sent, received = (self.call.bytes_sent, self.call.bytes_received) if self.call is not None else (0, 0)
            self.answer.set_result(HandshakeRefused(*self._refusal, bytes(self._body), sent, received))

    def call_failed(self, error: UpstreamError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def _fail(self, failure: Failure, message: str) -> None:
        self.call_failed(UpstreamError(failure, f"{self._request.address} {message}"))


def _get(head: Head, name: bytes) -> bytes | None:
    return next((value for field, value in head.fields if field.lower() == name), None)
