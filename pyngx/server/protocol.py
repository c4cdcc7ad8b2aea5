"""One client's connection over HTTP/1.0 and 1.1: requests in their order, each an exchange, without tasks or queues.

Given to uvicorn as `Config(http=…)`. A request runs at once, in the callback that completed its head; the connection is
the `Client` of the exchange under way. Reading is in `http/`, framing in `server/framer.py`; what has to happen in time
stands in one deadline that moves.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from pyngx.core.deadline import Deadline
from pyngx.core.eager import start_eagerly
from pyngx.core.exchange import Exchange, RequestHead
from pyngx.core.pipeline import handle, refuse
from pyngx.core.servers import ServerNames
from pyngx.http.body_reader import BodyReader
from pyngx.http.chunked import BadChunk
from pyngx.http.codec import text
from pyngx.http.framing import body_length
from pyngx.http.headers import Headers
from pyngx.http.request_head import HEAD_END, BadHead, parse_request_head
from pyngx.server.client_facts import open_connection
from pyngx.server.framer import CONTINUE, Framer
from pyngx.server.head_limits import check_complete, check_partial
from pyngx.server.keepalive import keeps_alive

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from pyngx.core.generation import Generation
    from pyngx.core.ports import Fields, TunnelReceiver
    from pyngx.http.request_head import ParsedHead
    from pyngx.server.asgi import App

READ_AHEAD = 64 * 1024  # bytes of what nobody asked for yet, before reading stops


class HttpProtocol(asyncio.Protocol):
    """A connection, from the first byte to the last."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, object], _loop: object = None
    ) -> None:
        # for as long as the connection
        self._app = cast("App", config.loaded_app)
        self.app_state = app_state
        self._peers = cast("set[object]", server_state.connections)
        self._loop = asyncio.get_running_loop()
        self._deadline = Deadline(self._loop, self._expired)
        self.transport = cast("asyncio.Transport", None)
        self._servers = ServerNames(self._app.generation.nowhere)
        self._generation: Generation | None = None
        self._closing = False  # no further request is taken
        self._lingering = False  # what still comes is read and dropped
        self._paused = False  # nothing is read
        self._tunnel: TunnelReceiver | None = None
        # for as long as one request
        self._buffer = b""
        self._exchange: Exchange | None = None
        self._framer: Framer | None = None
        self._reader: BodyReader | None = None  # while the request's body isn't whole
        self._body_wanted = False
        self._owes_continue = False
        self._head_begun = False  # a part of it is there

    # called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._peers.add(self)
        self.connection = open_connection(self.transport, self._app.next_serial())
        self._find_servers()
        self._deadline.set(self._servers.default.location.connection.client_header_timeout)

    def data_received(self, data: bytes) -> None:
        if self._tunnel is not None:
            self._tunnel.data_received(data)
        elif self._body_wanted:
            self._feed_body(data)
        elif not self._lingering:
            self._buffer = self._buffer + data if self._buffer else data
            if self._exchange is None:
                self._read_head()
            elif len(self._buffer) > READ_AHEAD:
                self._pause()

    def eof_received(self) -> bool:
        """A client that half-closes has given up what an upstream is asked for, but may read what we have ourselves."""
        exchange = self._exchange
        if self._tunnel is not None or exchange is None or self._lingering:
            return False
        self._closing = True
        if self._reader is not None or exchange.on_gone is not None:
            exchange.client_gone()
            return exchange.on_gone is not None and not exchange.ended
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._peers.discard(self)
        self._deadline.close()
        self._closing = True
        tunnel, self._tunnel = self._tunnel, None
        exchange, self._exchange = self._exchange, None
        if tunnel is not None:
            tunnel.connection_lost(error)
        elif exchange is not None:
            exchange.client_gone()

    def pause_writing(self) -> None:
        exchange = self._exchange
        if self._tunnel is not None:
            self._tunnel.pause_writing()
        elif exchange is not None:
            self._deadline.set(exchange.location.connection.send_timeout)
            exchange.pause_writing()

    def resume_writing(self) -> None:
        if self._tunnel is not None:
            self._tunnel.resume_writing()
        elif self._exchange is not None:
            self._deadline.stop()
            self._exchange.resume_writing()

    # called by uvicorn and the listeners

    @property
    def cycle(self) -> object | None:
        """Something, once a request has come."""
        return self.connection if self.connection.requests else None

    def shutdown(self) -> None:
        """Close as soon as the request under way is answered; now, if there is none."""
        self._closing = True
        if self._exchange is None and self._tunnel is None and not self._lingering:
            self.transport.close()

    # called by the core: the `Client` of the exchange under way

    @property
    def bytes_sent(self) -> int:
        return self._framer.bytes_sent if self._framer is not None else 0

    def send_informational(self, status: int, fields: Fields) -> None:
        if self._exchange is not None and self._exchange.version == "1.1":
            self.transport.write(Framer.informational(status, fields))

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        exchange = self._exchange
        assert exchange is not None
        keep = not self._closing and not (self._owes_continue and self._reader is not None) and keeps_alive(exchange)
        self._framer = framer = Framer(exchange, keep)
        self.transport.write(framer.head(status, reason, fields))
        self._closing = not framer.keeps_alive

    def send_body(self, data: bytes) -> None:
        assert self._framer is not None
        self._framer.write(self.transport, data)

    def finish(self, trailers: Fields = ()) -> None:
        exchange, framer = self._exchange, self._framer
        if exchange is None or framer is None:
            return
        if not framer.finish(self.transport, trailers):
            self.abort()
            return
        self._exchange = None
        if self._closing:
            self._close(exchange)
            return
        self._deadline.set(exchange.location.connection.keepalive_timeout[0])
        if self._reader is not None:
            self._drop_body()
        elif self._buffer:
            self._loop.call_soon(self._go_on)
        if self._paused:
            self._resume()

    def abort(self) -> None:
        self._exchange = None
        self._closing = True
        if self._framer is not None and self._framer.ends_by_close:
            self.transport.abort()  # a clean end would pass for the whole
        else:
            self.transport.close()

    def pause_reading(self) -> None:
        self._body_wanted = False
        self._pause()

    def resume_reading(self) -> None:
        exchange, reader = self._exchange, self._reader
        if exchange is None or reader is None:
            return
        self._body_wanted = True
        self._deadline.set(exchange.location.connection.client_body_timeout)
        if self._owes_continue:
            self._owes_continue = False
            if not self._buffer:
                self.transport.write(CONTINUE)
        self._resume()
        data, self._buffer = self._buffer, b""
        if data or reader.done:
            self._feed_body(data)

    def websocket(self) -> None:
        """There are no messages here: WebSockets go through `open_tunnel`."""

    def open_tunnel(self, receiver: TunnelReceiver) -> asyncio.Transport:
        """Give the connection away: all that comes from now on is the receiver's."""
        self._tunnel = receiver
        self._exchange = None
        self._deadline.stop()
        self._resume()
        data, self._buffer = self._buffer, b""
        if data:
            receiver.data_received(data)
        return self.transport

    # private, for reading

    def _read_head(self) -> None:
        """Begin an exchange, if all of its head is there."""
        buffer = self._buffer
        if buffer[:1] in b"\r\n":  # nginx reads over empty lines before a request
            self._buffer = buffer = buffer.lstrip(b"\r\n")
            if not buffer:
                return
        if self._generation is not self._app.generation and not self._find_servers():
            self.transport.abort()  # its listener is gone, and no other server may answer in its place
            return
        settings = self._servers.default.location.connection
        found = HEAD_END.search(buffer)
        end = found.end() if found is not None else len(buffer)
        head = buffer[:end]
        try:
            if found is None:
                check_partial(head, settings)
                if not self._head_begun:
                    self._head_begun = True
                    self._deadline.set(settings.client_header_timeout)
                return
            self._head_begun = False
            self._buffer = buffer[end:]
            self._deadline.stop()
            if end > settings.client_header_buffer_size:
                check_complete(head, settings)
            parsed = parse_request_head(head, self._servers.default.field_rules)
            if len(parsed.fields) > settings.max_headers:
                raise BadHead(400, "client sent too many header lines")
            exchange = self._open(parsed, end)
        except BadHead as error:
            self._refuse(error, head)
            return
        start_eagerly(handle(exchange, self._servers), exchange.generation.runtime.spawn, "exchange")

    def _find_servers(self) -> bool:
        """Learn who answers on this address; false if nobody does any more."""
        self._generation = self._app.generation
        servers = self._app.servers_of(self.connection)
        if servers is not None:
            self._servers = servers
        return servers is not None

    def _open(self, parsed: ParsedHead, size: int) -> Exchange:
        headers = Headers(parsed.fields)
        exchange = self._new_exchange(RequestHead(text(parsed.method), text(parsed.target), parsed.version, headers))
        exchange.request_length = size
        exchange.can_tunnel = headers.get(b"upgrade") is not None and parsed.version == "1.1"
        try:
            length = body_length(headers, parsed.version)
        except BadHead:
            self._exchange = exchange
            raise
        expects = parsed.version == "1.1" and (headers.get(b"expect") or b"").lower() == b"100-continue"
        if length != 0 or expects:
            exchange.body.expect(length)
            self._reader = BodyReader(length)
            self._owes_continue = expects
        self._exchange = exchange
        return exchange

    def _new_exchange(self, head: RequestHead) -> Exchange:
        self.connection.requests += 1
        self._framer = None
        assert self._generation is not None
        return Exchange(self._generation, self.connection, self, head)

    def _refuse(self, error: BadHead, head: bytes) -> None:
        """Answer what can't be taken for a request; it is logged as one all the same."""
        exchange = self._exchange
        if exchange is None:
            line = head.partition(b"\n")[0].rstrip(b"\r")[:2048]
            exchange = self._exchange = self._new_exchange(RequestHead("", text(line), "", Headers()))
        self._reader = None
        self._closing = True
        work = refuse(exchange, self._servers, error.status, str(error))
        start_eagerly(work, exchange.generation.runtime.spawn, "refusal")

    def _feed_body(self, data: bytes) -> None:
        exchange, reader = self._exchange, self._reader
        assert reader is not None
        self._deadline.touch()
        try:
            content = reader.feed(data)
        except BadChunk as error:
            self._reader = None
            self._body_wanted = False
            self._closing = True
            if exchange is not None:
                exchange.log("info", "invalid_chunk", f"client sent invalid chunked body: {error}")
                exchange.body.refuse(400)
            else:
                self.transport.close()
            return
        if reader.done:
            self._reader = None
            self._body_wanted = False
            self._buffer = reader.rest
            self._deadline.stop()
        if exchange is None:
            if reader.done:
                self._go_on()
            return
        if content:
            exchange.body.feed(content)
        if reader.done:
            exchange.body.end()

    def _drop_body(self) -> None:
        """Read what is left of a body that nobody wanted, before the next request."""
        self._body_wanted = True
        data, self._buffer = self._buffer, b""
        if data:
            self._loop.call_soon(self._feed_body, data)

    def _go_on(self) -> None:
        """Take the next request, if it is there already."""
        if self._exchange is None and self._buffer and not self.transport.is_closing():
            self._read_head()

    def _pause(self) -> None:
        if not self._paused and not self.transport.is_closing():
            self._paused = True
            self.transport.pause_reading()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    # private, for the end

    def _close(self, exchange: Exchange) -> None:
        """Close; where more may be coming, read on for a while, or the client would lose our answer to a reset."""
        settings = exchange.location.connection
        lingers = settings.lingering_close == "always" or (
            settings.lingering_close == "on" and (self._reader is not None or bool(self._buffer))
        )
        if not lingers or not self.transport.can_write_eof():
            self.transport.close()
            return
        self._lingering = True
        self._body_wanted = False
        self._buffer = b""
        self._resume()
        self.transport.write_eof()
        self._deadline.set(settings.lingering_timeout)

    def _expired(self) -> None:
        """The client took too long."""
        exchange = self._exchange
        if exchange is None:
            if self._buffer and not self._lingering:
                head = self._buffer
                self._buffer = b""
                self._refuse(BadHead(408, "client timed out"), head)
            else:
                self.transport.close()
        elif exchange.response is None and self._reader is not None:
            exchange.keepalive = False
            self._reader = None
            exchange.body.refuse(408)
        else:
            exchange.log("info", "client_timed_out", "client timed out")
            self.transport.abort()
