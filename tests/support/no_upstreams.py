"""A transport for tests that ask no upstream."""

from __future__ import annotations

from collections.abc import Sequence

from pyngx.core.ports import Call, CallHandler, HandshakeRefused, Request, WebSocketPeer


class NoUpstreams:
    """Refuses to be used."""

    def start(self, request: Request, handler: CallHandler) -> Call:
        raise AssertionError(f"nothing should be sent to {request.address}")

    async def open_websocket(self, request: Request, subprotocols: Sequence[str]) -> WebSocketPeer | HandshakeRefused:
        raise AssertionError(f"nothing should be sent to {request.address}")

    async def close(self) -> None:
        pass
