"""The core's client over ASGI: calls that never wait on one side, `receive` and `send` on the other.

The host's own task runs the pipeline and then sends. Only an exchange that is not over within one turn of the event
loop gets a task that watches for the client's leaving, and one that sends while the pipeline still waits.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from pyngx.core.pipeline import handle
from pyngx.http.status import reason
from pyngx.server.asgi_outgoing import Kind, Outgoing, ResponseAborted

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange
    from pyngx.core.ports import Fields, TunnelReceiver, WebSocketClient
    from pyngx.core.servers import ServerNames
    from pyngx.server.asgi_types import Send

LINGER = 5.0  # seconds; nginx's default of lingering_timeout
CLOSE = (b"Connection", b"close")
_BODILESS = frozenset({204, 304})  # uvicorn takes a Content-Length as a promise even here


class Input(Protocol):
    """What comes from the client besides the head."""

    shy: bool

    def watch(self) -> None:
        """Notice from now on when the client leaves."""

    def pause(self) -> None:
        """Hold what comes."""

    def resume(self) -> None:
        """Deliver what comes."""

    async def discard(self, seconds: float) -> None:
        """Forget what comes, for a while."""

    def stop(self) -> None:
        """The exchange is over."""


class Messages(Protocol):
    """A WebSocket as the client needs it to end one."""

    accepted: bool
    bytes_sent: int

    def attached(self) -> WebSocketClient:
        """Itself, for the core."""

    async def finish(self, *, cleanly: bool) -> None:
        """End it, if nobody has."""


class AsgiClient:
    """`ports.Client` for one HTTP request or WebSocket handshake."""

    exchange: Exchange
    input: Input
    messages: Messages | None = None

    def __init__(self, send: Send, kind: Kind) -> None:
        self._send = send
        self._output: Outgoing
        self._kind = kind
        self._bytes_sent = 0
        self._handling = False
        self._attended = False  # a turn of the loop has passed
        self._pumping: asyncio.Task[None] | None = None
        self._refused = False  # the host didn't take what was said

    def attach(self, exchange: Exchange, source: Input, messages: Messages | None = None) -> None:
        """Say whose client this is; before anything else."""
        self.exchange = exchange
        self.input = source
        self.messages = messages
        self._output = Outgoing(self._send, self._kind, exchange)

    # called by the core

    def send_informational(self, status: int, fields: Fields) -> None:
        """Pass on early hints; ASGI has no other 1xx."""
        if status == 103:
            self._output.hint([value for name, value in fields if name.lower() == b"link"])
            self._went_on()

    def send_head(self, status: int, reason_phrase: bytes, fields: Fields) -> None:
        """Queue the head. The host writes the reason phrase that it knows."""
        if self._is_upgraded:
            return
        if status in _BODILESS:
            sent = [field for field in fields if field[0].lower() != b"content-length"]
        else:
            sent = list(fields)
        if not self.exchange.keepalive:
            sent.append(CLOSE)
        self._bytes_sent += 15 + len(reason_phrase or reason(status)) + sum(len(n) + len(v) + 4 for n, v in sent) + 2
        self._output.head(status, sent)
        self._went_on()

    def send_body(self, data: bytes) -> None:
        """Queue a part."""
        if not self._is_upgraded:
            self._bytes_sent += len(data)
            self._output.body(data)
            self._went_on()

    def finish(self, trailers: Fields = ()) -> None:
        """Queue the end; that of an open WebSocket is not a message of the response."""
        if self._is_upgraded:
            self._output.stop()
        else:
            self._output.end(trailers)
        self._went_on()

    def abort(self) -> None:
        """Have the connection closed."""
        self._output.abort()
        self._went_on()

    def pause_reading(self) -> None:
        self.input.pause()

    def resume_reading(self) -> None:
        self.input.resume()

    @property
    def bytes_sent(self) -> int:
        """An estimate: what HTTP/1.1 without chunks takes."""
        return self._bytes_sent + (self.messages.bytes_sent if self.messages is not None else 0)

    def flush(self) -> None:
        """Nothing is held back."""

    def open_tunnel(self, receiver: TunnelReceiver) -> asyncio.Transport:  # noqa: ARG002
        """There are none: ASGI has messages only."""
        raise RuntimeError("an ASGI host gives no connection away")

    def websocket(self) -> WebSocketClient | None:
        return self.messages.attached() if self.messages is not None else None

    # called by its input and by itself

    def left(self) -> None:
        """The client has left; who carries the messages of an open WebSocket knows it from them."""
        if not self._output.over:
            if not self._is_upgraded:
                self.exchange.client_gone()
            self._output.stop()

    @property
    def needed(self) -> bool:
        """Whether the connection is going to be closed with a part of the request's body unread."""
        body = self.exchange.body
        return not (self.exchange.keepalive or body.complete)

    async def linger(self) -> None:
        """Read on for a while, so that the client gets to read the answer."""
        await self.input.discard(LINGER)

    # called by the application

    async def run(self, servers: ServerNames) -> None:
        """Answer the exchange; raises ResponseAborted for a response that must not look whole."""
        asyncio.get_running_loop().call_soon(self._attend)
        try:
            await self._handle(servers)
            await (self._pumping or self._pump())
        except asyncio.CancelledError:
            self.exchange.client_gone()
            raise
        finally:
            self._output.stop()
            self.input.stop()
            if self._pumping is not None:
                self._pumping.cancel()
        if self._refused or (self._output.aborted and not self.exchange.gone):
            raise ResponseAborted(self.exchange.request_line)

    # private

    @property
    def _is_upgraded(self) -> bool:
        return self.messages is not None and self.messages.accepted

    async def _handle(self, servers: ServerNames) -> None:
        exchange, task = self.exchange, asyncio.current_task()
        exchange.task = task
        self._handling = True
        try:
            await handle(exchange, servers)
        except asyncio.CancelledError:
            if not exchange.gone or task is None:
                raise
            task.uncancel()  # it was the exchange that gave up, with its client
        except Exception as error:  # the outermost border: a fault of ours ends one response
            exchange.log("alert", "response_failed", f"{type(error).__name__}: {error}", exception=error)
            exchange.fail()
        finally:
            self._handling = False
            if exchange.task is task:
                exchange.task = None

    def _attend(self) -> None:
        """The exchange takes longer than others: watch the client, and send what there is."""
        if self._output.over:
            return
        self._attended = True
        self.input.watch()
        if self._output.waits:
            self._went_on()

    def _went_on(self) -> None:
        if self._handling and self._attended and self._pumping is None:
            self._pumping = self.exchange.generation.runtime.spawn(self._pump(), "send")

    async def _pump(self) -> None:
        try:
            await self._output.pump(self)
        except OSError:  # a host may raise it where the client has left
            self.left()
        except Exception as error:  # the outermost border: a host that refuses what we say
            self.exchange.log("alert", "host_refused", f"{type(error).__name__}: {error}", exception=error)
            self.left()
            self._refused = True  # `run` raises: where this is a task of its own, nobody else is to hear of it
            return
        if self.messages is not None and self.messages.accepted:
            await self.messages.finish(cleanly=not self._output.aborted)
            self._output.aborted = False
