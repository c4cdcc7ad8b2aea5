"""A WebSocket over ASGI: the handshake that waits for its answer, then messages both ways."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pyngx.core.ports import Closed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyngx.core.ports import Fields, WebSocketClient
    from pyngx.server.asgi_incoming import Spawn
    from pyngx.server.asgi_types import Leave, Receive, Received, Send, Sent

NO_CODE = 1005
ABNORMAL = 1006
INTERNAL_ERROR = 1011
MAX_REASON = 123  # bytes: a control frame holds 125, the code takes two (RFC 6455 5.5)
# RFC 6455 7.4 and the IANA registry: what may stand in a close frame.
_SENDABLE = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})
# The host writes these itself.
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


class AsgiWebSocket:
    """`ports.WebSocketClient`, and the input of its handshake."""

    def __init__(self, channel: tuple[Receive, Send], subprotocols: Sequence[str], left: Leave, spawn: Spawn) -> None:
        self._receive, self._send = channel
        self._left = left
        self._spawn = spawn
        self._watching: asyncio.Task[None] | None = None
        self._early: Received | None = None  # what came while only the client's leaving was of interest
        self._closed = False
        self._unheard = False
        self.break_off: Callable[[], bool] = lambda: False
        self.subprotocols = subprotocols
        self.accepted = False
        self.bytes_sent = 0
        self.shy = False

    # called by the core

    @property
    def is_open(self) -> bool:
        """Whether what is sent may still be heard."""
        return not (self._closed or self._unheard)

    def attached(self) -> WebSocketClient:
        return self

    async def accept(self, subprotocol: str | None, fields: Fields) -> None:
        """Answer 101."""
        headers = [(name, value) for name, value in fields if name.lower() not in _OWN]
        self.accepted = True
        self.bytes_sent += 129 + sum(len(name) + len(value) + 4 for name, value in headers)
        await self._say({"type": "websocket.accept", "subprotocol": subprotocol, "headers": headers})

    async def receive(self) -> str | bytes | Closed:
        """The next message. When it is `Closed`, the connection is over."""
        message = await self._next()
        if message["type"] == "websocket.receive":
            content = message.get("bytes")
            return content if content is not None else message.get("text") or ""
        self._closed = True
        self._left()
        code = message.get("code")
        return Closed(NO_CODE if code is None else code, message.get("reason") or "")

    async def send(self, message: str | bytes) -> None:
        """Send one message, and wait while the client is slow."""
        if self._closed:
            return
        kind = "text" if isinstance(message, str) else "bytes"
        self.bytes_sent += len(message)
        await self._say({"type": "websocket.send", kind: message})

    async def close(self, closed: Closed) -> None:
        """Close with a code and a reason; a code that stands for a lost connection loses this one, too."""
        if self._closed:
            return
        self._closed = True
        code, text = closed.code, closed.reason
        if code == NO_CODE:
            code = 1000  # ASGI has no frame without a code
        elif code not in _SENDABLE:
            if self.break_off():
                return
            code, text = INTERNAL_ERROR, ""
        cut = text.encode()[:MAX_REASON].decode(errors="ignore")
        await self._say({"type": "websocket.close", "code": code, "reason": cut})

    # called by the client's side

    async def finish(self, *, cleanly: bool) -> None:
        """End it, if nobody has."""
        await self.close(Closed(1000 if cleanly else ABNORMAL))

    def watch(self) -> None:
        """Notice from now on when the client leaves before the handshake is answered."""
        if self._watching is None and not self.accepted:
            self._watching = self._spawn(self._watch(), "receive")

    def pause(self) -> None:
        """A handshake has no body."""

    def resume(self) -> None:
        """A handshake has no body."""

    async def discard(self, seconds: float) -> None:
        """A handshake has no body."""

    def stop(self) -> None:
        """The exchange is over."""
        self._closed = True
        if self._watching is not None:
            self._watching.cancel()

    # private

    async def _watch(self) -> None:
        self._early = message = await self._receive()
        if message["type"] == "websocket.disconnect" and not self.accepted:
            self._closed = True
            self._left()

    async def _next(self) -> Received:
        if self._watching is not None:
            await asyncio.wait({self._watching})
            self._watching = None
        early, self._early = self._early, None
        if early is not None:
            return early
        try:
            return await self._receive()
        except OSError:
            return {"type": "websocket.disconnect", "code": ABNORMAL}

    async def _say(self, message: Sent) -> None:
        try:
            await self._send(message)
        except OSError:  # the client has left, which `receive` tells
            self._unheard = True
