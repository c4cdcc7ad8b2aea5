"""A transport without sockets: each call plays the next of some scripts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from pyngx.core.ports import CallHandler, Fields, HandshakeRefused, Request, UpstreamError, WebSocketPeer
from pyngx.http.headers import Headers

Script = Callable[["FakeCall"], None]


class FakeCall:
    """One call: what was sent stands in `request` and `body`."""

    def __init__(self, request: Request, handler: CallHandler) -> None:
        self.request = request
        self.handler = handler
        self.body = b""
        self.cancelled = self.is_connected = False
        self.bytes_sent = self.bytes_received = 0
        self.is_connected = False

    def send_body(self, data: bytes) -> None:
        self.body += data

    def end_body(self, trailers: Fields = ()) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def cancel(self) -> None:
        self.cancelled = True


class FakeTransport:
    """Plays its scripts in order."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = list(scripts)
        self.calls: list[FakeCall] = []

    def start(self, request: Request, handler: CallHandler) -> FakeCall:
        call = FakeCall(request, handler)
        self.calls.append(call)
        asyncio.get_running_loop().call_soon(self.scripts.pop(0), call)
        return call

    async def open_websocket(self, request: Request, subprotocols: Sequence[str]) -> WebSocketPeer | HandshakeRefused:
        raise AssertionError(f"no WebSocket should be opened to {request.address}")

    async def close(self) -> None:
        pass


def says(status: int, *fields: tuple[bytes, bytes], body: bytes = b"") -> Script:
    """A whole response."""

    def play(call: FakeCall) -> None:
        call.handler.connected()
        call.handler.head_received(status, b"", Headers([*fields, (b"Content-Length", b"%d" % len(body))]))
        if not call.cancelled:
            call.handler.body_received(body)
            call.handler.response_ended([])

    return play


def fails(error: UpstreamError, *, connected: bool = True) -> Script:
    """A call without a response."""

    def play(call: FakeCall) -> None:
        if connected:
            call.handler.connected()
        call.handler.call_failed(error)

    return play
