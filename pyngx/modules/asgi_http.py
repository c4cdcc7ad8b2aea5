"""One HTTP request in an application: the request's body as messages, and messages as the response."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING

from pyngx.core.answers import Refused, Response, Status
from pyngx.core.pipeline import answer_later
from pyngx.modules.asgi_messages import (
    ClientLeft,
    Message,
    MessageError,
    read_bytes,
    read_close,
    read_fields,
    read_status,
    unexpected,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyngx.core.exchange import Exchange
    from pyngx.core.ports import Fields
    from pyngx.modules.asgi_messages import App, Scope

READ_AHEAD = 64 * 1024  # bytes of the request's body that wait for the application before the client has to
BODILESS = frozenset({204, 304})


class Inbox:
    """The request's body, then the end of the exchange: what `receive` gives. It is the body's sink."""

    def __init__(self, exchange: Exchange, refuse: Callable[[int], None]) -> None:
        self._exchange = exchange
        self._refuse = refuse
        self._parts: deque[bytes] = deque()
        self._size = 0
        self._kept: Iterator[bytes] | None = None
        self._opened = False
        self._paused = False
        self._whole = False
        self._told_whole = False
        self._over = False
        self._news = asyncio.Event()

    # called by the application

    async def receive(self) -> Message:
        """The next message."""
        self._open()
        while not self._over:
            if self._kept is not None:
                return self._from_kept(self._kept)
            if self._parts or (self._whole and not self._told_whole):
                return self._from_parts()
            self._news.clear()
            await self._news.wait()
        await asyncio.sleep(0)  # who asks again and again must not stop the others
        return {"type": "http.disconnect"}

    # called by the exchange

    def end(self) -> None:
        """The client has left, or has its response."""
        self._over = True
        self._news.set()

    # the body's sink

    def body_received(self, data: bytes) -> None:
        """Keep a part until the application asks."""
        self._parts.append(data)
        self._size += len(data)
        if self._size > READ_AHEAD and not self._paused:
            self._paused = True
            self._exchange.body.pause_reading()
        self._news.set()

    def body_ended(self, trailers: Fields) -> None:  # noqa: ARG002 -- ASGI has no request trailers
        """Tell the application with the last part."""
        self._whole = True
        self._news.set()

    def body_refused(self, status: int) -> None:
        """The application is told that its client is gone; the client, why."""
        self._refuse(status)

    # private

    def _open(self) -> None:
        """Begin to read when the application does: not before, for a client may wait for `100 Continue`."""
        if self._opened or self._over:
            return
        self._opened = True
        if self._exchange.kept_body is not None:
            self._kept = self._exchange.kept_body.chunks()
        else:
            self._exchange.body.read_into(self)

    def _from_parts(self) -> Message:
        data = self._parts.popleft() if self._parts else b""
        self._size -= len(data)
        if self._paused and self._size <= READ_AHEAD // 2:
            self._paused = False
            self._exchange.body.resume_reading()
        self._told_whole = self._whole and not self._parts
        return {"type": "http.request", "body": data, "more_body": not self._told_whole}

    def _from_kept(self, kept: Iterator[bytes]) -> Message:
        data = next(kept, None)
        if data is None:
            self._kept = None
            self._whole = self._told_whole = True
        return {"type": "http.request", "body": data or b"", "more_body": data is not None}


class Stage(Enum):
    """How far a response has got."""

    HEAD = auto()  # nothing was said yet
    HELD = auto()  # the head was said, and waits for the first part of the body
    BODY = auto()
    TRAILERS = auto()
    DONE = auto()


class Outbox:
    """The response: what `send` is given."""

    def __init__(self, exchange: Exchange) -> None:
        self.stage = Stage.HEAD
        self._exchange = exchange
        self._response = Response(200)
        self._missing: int | None = None  # bytes that Content-Length promised and the body still lacks
        self._too_long = False
        self._has_trailers = False
        self._trailers: list[tuple[bytes, bytes]] = []

    @property
    def begun(self) -> bool:
        """Whether the client has a head."""
        return self.stage not in {Stage.HEAD, Stage.HELD}

    async def send(self, message: Message) -> None:
        """Take the next message, and wait while the client is slow."""
        if self.stage is not Stage.DONE and self._exchange.ended:
            raise ClientLeft("the client has left")
        match message.get("type"), self.stage:
            case "http.response.start", Stage.HEAD:
                self._hold(message)
            case "http.response.body", Stage.HELD | Stage.BODY:
                self._body(read_bytes(message, "body"), bool(message.get("more_body")))
                await self._exchange.drain()
            case "http.response.trailers", Stage.TRAILERS:
                self._trailers += read_fields(message)
                if not message.get("more_trailers"):
                    self._finish()
            case _:
                raise unexpected(message, _EXPECTED[self.stage])

    def give_up(self) -> None:
        """The application ended without ending the response: the client must see that it is broken."""
        self.stage = Stage.DONE
        self._exchange.fail()

    def _hold(self, message: Message) -> None:
        """Keep the head until there is a body to go with it, as ASGI wants: an error may still take its place."""
        status = read_status(message)
        fields = read_fields(message)
        if read_close(message):
            self._exchange.keepalive = False
        self._response = response = Response(status)
        for name, value in fields:
            match name.lower():
                case b"content-length":
                    self._missing = response.length = _length(value)
                case b"server":
                    response.server = value
                case b"date":
                    response.date = value
                case _:
                    response.headers.add(name, value)
        self._has_trailers = bool(message.get("trailers"))
        self.stage = Stage.HELD

    def _body(self, data: bytes, more: bool) -> None:
        exchange = self._exchange
        if self.stage is Stage.HELD:
            self._begin(len(data), more)
        if self._missing is not None:
            if len(data) > self._missing:
                data = data[: self._missing]
                self._too_long = True
            self._missing -= len(data)
        if data:
            exchange.write(data)
        if more:
            exchange.flush()
        elif self._has_trailers:
            self.stage = Stage.TRAILERS
        else:
            self._finish()

    def _begin(self, size: int, more: bool) -> None:
        response, exchange = self._response, self._exchange
        bodiless = exchange.method == "HEAD" or response.status in BODILESS
        if response.length is None and not more and not self._has_trailers and (size or not bodiless):
            response.length = size  # all of it is here: no need for chunks
        exchange.respond(response)
        self.stage = Stage.BODY

    def _finish(self) -> None:
        self.stage = Stage.DONE
        exchange = self._exchange
        if exchange.header_only:
            exchange.end(self._trailers)
            return
        if self._too_long:
            exchange.log("warn", "response_too_long", "application sent more than its Content-Length says")
        if self._missing:
            exchange.log(
                "error",
                "response_too_short",
                f"application sent {self._missing} bytes less than its Content-Length says",
            )
            exchange.fail()
        else:
            exchange.end(self._trailers)


class HttpCall:
    """One request that an application answers."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._outbox = Outbox(exchange)
        self._inbox = Inbox(exchange, lambda status: self._refused(Status(status)))
        self._taken_over = False  # somebody else answers
        exchange.on_gone = self._client_left

    async def answer(self, app: App, scope: Scope) -> None:
        """Run the application, and see to it that the exchange ends."""
        try:
            await app(scope, self._inbox.receive, self._send)
        except asyncio.CancelledError:
            if not self._taken_over:
                self._exchange.fail()
            raise
        except Exception as error:  # the border to foreign code
            log_failure(self._exchange, error)
        if self._exchange.ended or self._taken_over:
            return
        if self._outbox.begun:
            self._exchange.log("error", "response_incomplete", "application ended before its response was whole")
            self._outbox.give_up()
        else:
            self._answer_instead(Status(500))

    async def _send(self, message: Message) -> None:
        if self._taken_over:
            raise ClientLeft("the request was refused")
        try:
            await self._outbox.send(message)
        except Refused as refused:  # a header filter wants another answer
            self._refused(refused.status)
            raise ClientLeft("the response was refused") from None
        if self._outbox.stage is Stage.DONE:
            self._inbox.end()

    def _client_left(self) -> None:
        self._inbox.end()
        self._exchange.leave()

    def _refused(self, status: Status) -> None:
        """The request's body breaks a rule, say: the client is told so, unless it already has an answer."""
        self._inbox.end()
        if self._outbox.begun:
            self._exchange.fail()
            return
        self._answer_instead(status)

    def _answer_instead(self, status: Status) -> None:
        self._taken_over = True
        answer_instead(self._exchange, status)


def answer_instead(exchange: Exchange, status: Status) -> None:
    """Answer by a bare status where the application gave none; `error_page` may make something of it."""
    exchange.on_gone = None
    exchange.spawn(answer_later(exchange, status), f"answer {status.code} for an application")


def log_failure(exchange: Exchange, error: Exception) -> None:
    """Log what an application raised; once the exchange is broken, it is hardly worth a note."""
    level = "info" if exchange.broken or isinstance(error, ClientLeft) else "error"
    exchange.log(level, "application_failed", f"application raised {type(error).__name__}: {error}", exception=error)


def _length(value: bytes) -> int:
    if not value.isdigit():
        raise MessageError(f"content-length must be a number, not {value!r}")
    return int(value)


_EXPECTED = {
    Stage.HEAD: "expected http.response.start",
    Stage.HELD: "expected http.response.body",
    Stage.BODY: "expected http.response.body",
    Stage.TRAILERS: "expected http.response.trailers",
    Stage.DONE: "the response was already complete",
}
