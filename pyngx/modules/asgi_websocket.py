"""One WebSocket in an application: the handshake, its refusal by any HTTP response, and then message by message."""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from typing import TYPE_CHECKING

from pyngx.core.answers import Refused, Response, Status
from pyngx.core.ports import Closed
from pyngx.core.records import Messages
from pyngx.http.headers import Headers
from pyngx.modules.asgi_http import Outbox, Stage, answer_instead, log_failure
from pyngx.modules.asgi_messages import (
    ClientLeft,
    Message,
    MessageError,
    read_bytes,
    read_fields,
    read_text,
    unexpected,
)

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange
    from pyngx.core.ports import WebSocketClient
    from pyngx.modules.asgi_messages import App, Scope

NORMAL, INTERNAL_ERROR, ABNORMAL = 1000, 1011, 1006  # RFC 6455 7.4.1
DENIAL = "websocket.http.response."
OURS = frozenset({b"content-length", b"sec-websocket-accept", b"sec-websocket-extensions", b"sec-websocket-protocol"})


class State(Enum):
    """How far a WebSocket has got."""

    CONNECTING = auto()
    DENYING = auto()  # an HTTP response is under way instead
    OPEN = auto()
    CLOSED = auto()


class WebSocketCall:
    """One WebSocket that an application answers."""

    def __init__(self, exchange: Exchange, socket: WebSocketClient) -> None:
        self._exchange = exchange
        self._socket = socket
        self._outbox = Outbox(exchange)  # for a denial
        self._state = State.CONNECTING
        self._told_connect = False
        self._told_disconnect = False
        self._receiving = False
        self._taken_over = False  # a bare status is the answer
        self._closed = Closed(ABNORMAL)  # how it ended, once it has
        self._messages = Messages()
        self._settled = asyncio.Event()  # it is open, or never will be
        exchange.on_gone = self._client_left

    async def answer(self, app: App, scope: Scope) -> None:
        """Run the application, and see to it that the WebSocket and the exchange end."""
        failed = False
        try:
            await app(scope, self._receive, self._send)
        except asyncio.CancelledError:
            if not self._taken_over:
                self._exchange.fail()
            raise
        except Exception as error:  # the border to foreign code
            failed = True
            log_failure(self._exchange, error)
        if not self._exchange.ended and not self._taken_over:
            await self._settle(failed)

    async def _settle(self, failed: bool) -> None:
        """End what the application left open."""
        match self._state:
            case State.OPEN if not self._socket.is_open:
                while not isinstance(message := await self._socket.receive(), Closed):
                    pass
                self._over(message)
            case State.OPEN:
                await self._close(Closed(INTERNAL_ERROR if failed else NORMAL))
            case State.DENYING if self._outbox.begun:
                self._outbox.give_up()
            case State.CONNECTING | State.DENYING:
                self._refuse(Status(500))
            case State.CLOSED:
                self._exchange.fail()

    # called by the application

    async def _receive(self) -> Message:
        if not self._told_connect:
            self._told_connect = True
            return {"type": "websocket.connect"}
        if self._told_disconnect:
            raise RuntimeError("there is no message after websocket.disconnect")
        await self._settled.wait()
        if self._state is State.OPEN:
            message = await self._next()
            if not isinstance(message, Closed):
                self._messages.received += 1
                self._messages.bytes_received += _size(message)
                return {"type": "websocket.receive", "text" if isinstance(message, str) else "bytes": message}
            self._over(message)
        self._told_disconnect = True
        return {"type": "websocket.disconnect", "code": self._closed.code, "reason": self._closed.reason}

    async def _next(self) -> str | bytes | Closed:
        self._receiving = True
        try:
            return await self._socket.receive()
        finally:
            self._receiving = False

    async def _send(self, message: Message) -> None:
        try:
            await self._take(message)
        except Refused as refused:  # a header filter wants another answer
            self._refuse(refused.status)
            raise ClientLeft("the response was refused") from None

    async def _take(self, message: Message) -> None:
        kind = message.get("type")
        if self._exchange.gone or self._taken_over:
            raise ClientLeft("the client has left")
        match kind, self._state:
            case "websocket.accept", State.CONNECTING:
                await self._accept(message)
            case "websocket.close", State.CONNECTING:
                self._refuse(Status(403))
            case "websocket.send", State.OPEN:
                await self._pass_on(message)
            case "websocket.close", State.OPEN:
                await self._close(_closing(message))
            case "websocket.close", State.CLOSED:
                pass  # both sides close at once: nothing is wrong with that
            case "websocket.send", State.CLOSED:
                raise ClientLeft("the WebSocket is closed")
            case str(), State.CONNECTING | State.DENYING if kind.startswith(DENIAL):
                await self._deny(message, kind.removeprefix("websocket."))
            case _:
                raise unexpected(message, _EXPECTED[self._state])

    # what it says

    async def _accept(self, message: Message) -> None:
        """Answer 101, through the header filters as any other response."""
        exchange = self._exchange
        subprotocol = read_text(message, "subprotocol")
        fields = [field for field in read_fields(message) if field[0].lower() not in OURS]
        response = exchange.response = Response(101, Headers(fields))
        for header_filter in exchange.location.header_filters:
            header_filter(exchange, response)
        exchange.messages = self._messages
        await self._socket.accept(subprotocol, response.headers.items)
        if not exchange.ended:
            self._state = State.OPEN
            self._settled.set()

    def _refuse(self, status: Status) -> None:
        self._end(Closed(ABNORMAL))
        self._taken_over = True
        answer_instead(self._exchange, status)

    async def _deny(self, message: Message, kind: str) -> None:
        self._state = State.DENYING
        await self._outbox.send({**message, "type": kind})
        if self._outbox.stage is Stage.DONE:
            self._end(Closed(ABNORMAL))

    async def _pass_on(self, message: Message) -> None:
        text = read_text(message, "text")
        data = read_bytes(message, "bytes") if text is None else text
        if text is None and message.get("bytes") is None:
            raise MessageError("websocket.send must have text or bytes")
        await self._socket.send(data)
        if not self._socket.is_open:  # an application that only sends learns it here or never
            raise ClientLeft("the client has left")
        size = _size(data)
        self._messages.sent += 1
        self._messages.bytes_sent += size
        self._exchange.body_bytes_sent += size

    async def _close(self, closed: Closed) -> None:
        self._state = State.CLOSED  # before it waits: nothing may be sent meanwhile
        self._closed = closed
        try:
            await self._socket.close(closed)
        finally:
            self._over(closed)

    # how it ends

    def _over(self, closed: Closed) -> None:
        """The WebSocket is closed, whoever began: the exchange is over, though the application may go on."""
        if self._state is State.OPEN:
            self._closed = closed
        self._end(self._closed)
        if self._closed.code != ABNORMAL:
            self._exchange.end()
        elif self._exchange.gone:
            self._exchange.leave()
        else:
            self._exchange.fail()

    def _client_left(self) -> None:
        if self._state is State.OPEN and self._receiving:
            return  # what is received next says how it left
        self._end(self._closed)
        self._exchange.leave()

    def _end(self, closed: Closed) -> None:
        self._state = State.CLOSED
        self._closed = closed
        self._settled.set()


def _size(message: str | bytes) -> int:
    return len(message if isinstance(message, bytes) else message.encode("utf-8", "surrogatepass"))


def _closing(message: Message) -> Closed:
    code = message.get("code", NORMAL)
    if code is None:
        code = NORMAL
    if not isinstance(code, int):
        raise MessageError(f"code of websocket.close must be a number, not {code!r}")
    return Closed(int(code), read_text(message, "reason") or "")


_EXPECTED = {
    State.CONNECTING: "expected websocket.accept, websocket.close or websocket.http.response.start",
    State.DENYING: "expected websocket.http.response.body",
    State.OPEN: "expected websocket.send or websocket.close",
    State.CLOSED: "the WebSocket is closed",
}
