"""One client's connection over HTTP/1.0 and 1.1: requests in their order, each an exchange, without tasks or queues.

Given to uvicorn as `Config(http=…)`. A request runs at once, in the callback that completed its head, and the
connection is its `Client`. Heads come from `inbox.py`, framing is `framer.py`'s, the end `farewell.py`'s.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from pyngx.core.deadline import Deadline
from pyngx.core.eager import start_eagerly
from pyngx.core.exchange import Exchange
from pyngx.core.pipeline import handle_at_once, refuse
from pyngx.core.ports import Closed
from pyngx.core.servers import ServerNames
from pyngx.http.body_reader import BodyReader
from pyngx.http.chunked import BadChunk
from pyngx.http.request_facts import request_facts
from pyngx.http.request_head import BadHead
from pyngx.server.client_facts import announce_body, head_of, known_connection, open_connection
from pyngx.server.farewell import Farewell
from pyngx.server.flow import Gate
from pyngx.server.framer import CONTINUE, Framer
from pyngx.server.inbox import Inbox
from pyngx.server.keepalive import keeps_alive
from pyngx.server.websocket import ClientWebSocket, WebSocketLimits, find_handshake

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from pyngx.core.generation import Generation
    from pyngx.core.ports import Fields, TunnelReceiver
    from pyngx.http.request_head import RequestHead
    from pyngx.server.asgi import App

READ_AHEAD = 64 * 1024  # bytes of what nobody asked for yet, before reading stops


class HttpProtocol(asyncio.Protocol):
    """A connection, from the first byte to the last."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, object], _loop: object = None
    ) -> None:
        self._app = cast("App", config.loaded_app)
        self.app_state = app_state
        self._peers = cast("set[object]", server_state.connections)
        self._loop = asyncio.get_running_loop()
        self._deadline = Deadline(self._loop, self._expired)
        self.transport = cast("asyncio.Transport", None)
        self._servers = ServerNames(self._app.generation.nowhere)
        self.generation: Generation | None = None
        self._farewell = cast("Farewell", None)
        self._gate = cast("Gate", None)
        self._settings = self._servers.default.location.connection  # later that of the location that answered last
        self._closing = False  # no further request is taken
        self._ended = False  # the client says no more
        self._full = False  # the client takes less than is written
        self._tunnel: TunnelReceiver | None = None
        self._tunnelled: Exchange | None = None
        self._limits = WebSocketLimits(config.ws_max_size, self._app.websockets)
        self._websocket: ClientWebSocket | None = None
        self._inbox = Inbox()
        # for as long as one request
        self._exchange: Exchange | None = None
        self._framer: Framer | None = None
        self._reader: BodyReader | None = None  # while the request's body isn't whole
        self._body_wanted = False
        self._owes_continue = False

    # called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = self._app.outbox.cork(transport)
        self._peers.add(self)
        self.connection = known_connection(self.app_state) or open_connection(self.transport, self._app.next_serial())
        self._gate = Gate(self.transport)
        self._farewell = Farewell(self._loop, self.transport, self._deadline, self._client_stuck)
        self._find_servers()
        self._settings = self._servers.default.location.connection
        self._deadline.set(self._settings.client_header_timeout)

    def data_received(self, data: bytes) -> None:
        if self._tunnel is not None:
            self._tunnel.data_received(data)
        elif self._body_wanted:
            self._feed_body(data)
        elif self._farewell.lingers:
            self._farewell.drop()
        else:
            self._inbox.add(data)
            if self._exchange is None and not self._full:
                self._read_head()
            elif len(self._inbox) > READ_AHEAD:
                self._gate.pause()

    def eof_received(self) -> bool:
        """A client that half-closes has given up what an upstream is asked for, but may read what we have ourselves."""
        exchange = self._exchange
        if self._tunnel is not None or self._farewell.lingers:
            return False
        self._ended = True
        if exchange is None:
            return self._reader is None and self._inbox.holds_head
        if self._reader is not None or exchange.on_gone is not None or exchange.throttle is not None:
            exchange.client_gone()
            return exchange.on_gone is not None and not exchange.ended
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._peers.discard(self)
        self._deadline.close()
        self._farewell.close()
        self._closing = True
        tunnel, self._tunnel = self._tunnel, None
        exchange, self._exchange = self._exchange, None
        if tunnel is not None:
            tunnel.connection_lost(error)
        elif exchange is not None:
            exchange.client_gone()

    def pause_writing(self) -> None:
        self._full = True
        if self._tunnel is not None:
            self._tunnel.pause_writing()
        elif self._exchange is not None:
            self._farewell.wait_for_client(self._exchange.location.connection)
            self._exchange.pause_writing()

    def resume_writing(self) -> None:
        self._full = False
        if self._tunnel is not None:
            self._tunnel.resume_writing()
            return
        if self.transport.is_closing():
            return
        self._farewell.caught_up()
        if self._exchange is not None:
            self._exchange.resume_writing()
        else:
            self._loop.call_soon(self._go_on)

    # called by uvicorn and the listeners

    @property
    def cycle(self) -> object | None:
        """Something, once a request has come."""
        return self.connection if self.connection.requests else None

    def shutdown(self) -> None:
        """Close as soon as the request under way is answered; now, if there is none."""
        self._closing = True
        if not (self._exchange or self._tunnel or self._farewell.lingers or self._inbox.data or self._reader):
            self._farewell.part(self._settings)

    # called by the core: the `Client` of the exchange under way

    @property
    def bytes_sent(self) -> int:
        sent = self._framer.bytes_sent if self._framer is not None else 0
        sent += self._websocket.bytes_sent if self._websocket is not None else 0
        return sent + (self._tunnelled.body_bytes_sent if self._tunnelled is not None else 0)

    def send_informational(self, status: int, fields: Fields) -> None:
        if self._exchange is not None:
            self.transport.write(Framer.informational(self._exchange, status, fields))

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        exchange = self._exchange
        assert exchange is not None
        unasked = self._owes_continue and self._reader is not None and not self._reader.done
        keep = not self._closing and not unasked and keeps_alive(exchange)
        self._framer = framer = Framer(exchange, keep)
        framer.take_head(status, reason, fields)
        self._closing = not framer.keeps_alive

    def send_body(self, data: bytes) -> None:
        assert self._framer is not None
        self._framer.write(self.transport, data)

    def flush(self) -> None:
        if self._framer is not None:
            self._framer.flush(self.transport)

    def finish(self, trailers: Fields = ()) -> None:
        exchange, framer = self._exchange, self._framer
        if exchange is None or framer is None:
            if self._websocket is not None:
                self._websocket.say_goodbye(Closed(1000))
            return
        if not framer.finish(self.transport, trailers):
            self.abort()
            return
        self._exchange = None
        self._settings = settings = exchange.location.connection
        if self._closing:
            self._close()
            return
        self._farewell.idle_since = self._loop.time()
        self._deadline.set(settings.keepalive_timeout[0])
        if self._reader is not None:
            self._body_wanted = True  # by nobody, but it has to be read before the next request
            self._farewell.begin_dropping(settings)
            self._feed_body(self._inbox.take())
        elif self._inbox.data or self._ended:
            self._loop.call_soon(self._go_on)
        self._gate.resume() if len(self._inbox.data) <= READ_AHEAD else self._gate.pause()

    def abort(self) -> None:
        self.flush()
        exchange, self._exchange = self._exchange, None
        self._closing = True
        if exchange is None or (self._framer is not None and self._framer.ends_by_close):
            self._farewell.reset()  # a clean end would pass for the whole
        else:
            self._settings = exchange.location.connection
            self._farewell.hang_up(self._settings)

    def pause_reading(self) -> None:
        self._body_wanted = False
        if self._reader is not None:
            self._deadline.stop()
        self._gate.pause()

    def resume_reading(self) -> None:
        exchange, reader = self._exchange, self._reader
        if exchange is None or reader is None:
            return
        self._body_wanted = True
        self._deadline.set(exchange.location.connection.client_body_timeout)
        data = self._inbox.take()
        if self._owes_continue:
            self._owes_continue = False
            if not data:
                self.transport.write(CONTINUE)
        if data or reader.done:
            self._feed_body(data)
        if self._body_wanted or (self._reader is None and len(self._inbox.data) <= READ_AHEAD):
            self._gate.resume()

    def websocket(self) -> ClientWebSocket | None:
        """The request as a handshake, if it is one; who wants no messages takes `open_tunnel` instead."""
        if self._websocket is None and self._exchange is not None:
            self._websocket = find_handshake(self._exchange, self.transport, self._limits)
        return self._websocket

    def open_tunnel(self, receiver: TunnelReceiver) -> asyncio.Transport:
        """Give the connection away: all that comes from now on is the receiver's."""
        self.flush()
        self._tunnel = receiver
        if self._full:
            receiver.pause_writing()
        self._tunnelled, self._exchange = self._exchange, None
        self._deadline.stop()
        self._gate.resume()
        if self._reader is not None:  # nobody could tell where its body ends and the other protocol begins
            self.transport.abort()
        elif data := self._inbox.take():
            receiver.data_received(data)
        return self.transport

    # private, for reading

    def _read_head(self, *, pipelined: bool = False) -> None:
        """Begin an exchange, if all of its head is there."""
        if self.generation is not self._app.generation and not self._find_servers():
            self.transport.abort()  # its listener is gone, and no other server may answer in its place
            return
        servers, inbox = self._servers, self._inbox
        settings = servers.default.location.connection
        try:
            begun = inbox.head_has_begun
            parsed = inbox.take_head(settings, servers.default.field_rules)
            if parsed is None:
                if inbox.data and not begun:
                    self._deadline.set(settings.client_header_timeout)
                return
            exchange = self._open(parsed, inbox.head_size)
        except BadHead as error:
            self._refuse(error)
            return
        exchange.pipelined = pipelined
        handle_at_once(exchange, servers)

    def _find_servers(self) -> bool:
        """Learn who answers on this address; false if nobody does any more."""
        self.generation = self._app.generation
        found = self._app.servers_of(self.connection)
        self._servers = found or self._servers
        return found is not None

    def _open(self, head: RequestHead, size: int) -> Exchange:
        self._deadline.stop()
        exchange = self._exchange = self._new_exchange(head)
        exchange.request_length = size
        facts = head.headers.facts or request_facts(head.headers)
        exchange.can_tunnel = facts.asks_upgrade and head.version == "1.1"
        if not facts.is_bare:
            self._reader, self._owes_continue = announce_body(exchange)
        return exchange

    def _new_exchange(self, head: RequestHead) -> Exchange:
        self.connection.requests += 1
        self._framer = self._websocket = None
        assert self.generation is not None
        return Exchange(self.generation, self.connection, self, head)

    def _refuse(self, error: BadHead) -> None:
        """Answer what can't be taken for a request; it is logged as one all the same."""
        if (exchange := self._exchange) is None:
            exchange = self._exchange = self._new_exchange(head_of(self._inbox.data.partition(b"\n")[0]))
        self._deadline.stop()
        self._reader = None
        self._closing = True
        start_eagerly(refuse(exchange, self._servers, error.status, str(error)), exchange.spawn, "refusal")

    def _feed_body(self, data: bytes) -> None:
        exchange, reader = self._exchange, self._reader
        assert reader is not None
        self._farewell.drop() if exchange is None else self._deadline.touch()
        try:
            content = reader.feed(data)
        except BadChunk as error:
            self._reader = None
            self._body_wanted = False
            self._closing = True
            self._inbox.data = data
            if exchange is not None:
                exchange.log("info", "invalid_chunk", f"client sent invalid chunked body: {error}")
                exchange.body.refuse(400)
            else:
                self._farewell.hang_up(self._settings)
            return
        if reader.done:
            self._reader = None
            self._body_wanted = False
            self._inbox.data = reader.rest
            self._deadline.stop()
        if exchange is None:
            if reader.done:
                self._loop.call_soon(self._go_on)
            return
        if content:
            exchange.body.feed(content)
        if reader.done:
            exchange.body.end()

    def _go_on(self) -> None:
        """Take the next request if it is there already, or wait for it; close if there won't be one."""
        busy = self._exchange is not None or self._reader is not None or self._farewell.lingers
        if busy or self._full or self.transport.is_closing():
            return
        self._deadline.set(self._settings.keepalive_timeout[0])
        if self._inbox.data:
            self._read_head(pipelined=True)
        if self._exchange is None and self._reader is None:
            if (self._closing and not self._inbox.data) or (self._ended and not self._inbox.holds_head):
                self._farewell.hang_up(self._settings)
            if len(self._inbox.data) <= READ_AHEAD or self._inbox.head_has_begun:
                self._gate.resume()

    # private, for the end

    def _close(self) -> None:
        """Close; where more may be coming, read on for a while."""
        unread = self._reader is not None or bool(self._inbox.data)
        if self._ended or not self._farewell.should_linger(self._settings, unread):
            self._farewell.hang_up(self._settings)
            return
        self._body_wanted = False
        self._inbox.data = b""
        self._gate.resume()
        self._farewell.linger(self._settings)

    def _client_stuck(self) -> None:
        """It takes nothing of what is written."""
        if self._exchange is not None:
            self._settings = self._exchange.location.connection
            self._exchange.log("info", "client_timed_out", "client timed out")
        self._farewell.cut_off(self._settings)

    def _expired(self) -> None:
        """It took too long to say something."""
        exchange = self._exchange
        if exchange is None:
            if self._farewell.lingers or self._reader is not None:
                self._farewell.cut_off(self._settings)
            elif self._inbox.data and not self._full:
                self._refuse(BadHead(408, "client timed out"))
            elif not self._full:  # a response on its way has a deadline of its own
                self._farewell.hang_up(self._settings)
        elif exchange.response is None and self._reader is not None:
            exchange.keepalive = False
            self._reader = None
            exchange.body.refuse(408)
        else:
            self._client_stuck()
