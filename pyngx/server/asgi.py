"""The ASGI application: requests and WebSockets of any ASGI host, through the pipeline of one generation."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from pyngx.core.exchange import Exchange
from pyngx.core.outbox import Outbox
from pyngx.core.request_head import drop_invalid_fields
from pyngx.server.addresses import Addresses
from pyngx.server.asgi_client import AsgiClient
from pyngx.server.asgi_incoming import Incoming
from pyngx.server.asgi_outgoing import Kind, ResponseAborted
from pyngx.server.asgi_scope import body_length, door_of, head_length, open_connection, read_head
from pyngx.server.asgi_websocket import AsgiWebSocket
from pyngx.server.farewell import RESET
from pyngx.server.http10 import end_by_closing
from pyngx.server.lifespan import answer_lifespan

if TYPE_CHECKING:
    import logging

    from pyngx.core.exchange import Connection
    from pyngx.core.generation import Generation
    from pyngx.core.listen import ListenAddress
    from pyngx.core.ports import Closed
    from pyngx.core.servers import ServerNames
    from pyngx.core.websocket import OpenWebSocket
    from pyngx.server.asgi_types import Receive, Scope, Send

HTTP = Kind()
NO_HANDSHAKE = "ASGI callable returned without completing handshake."
"""What uvicorn says of each WebSocket that was refused with a response."""


def is_worth_logging(record: logging.LogRecord) -> bool:
    """A filter for the host's loggers: what was broken off or refused on purpose is in our own log already."""
    if record.exc_info and isinstance(record.exc_info[1], ResponseAborted | asyncio.CancelledError):
        return False
    return record.msg != NO_HANDSHAKE


class App:
    """pyngx as an ASGI 3 application. Assign `generation` to reload; exchanges in flight keep theirs."""

    def __init__(self, generation: Generation) -> None:
        self.connections = 0  # that were opened since the start
        self._websockets: set[AsgiWebSocket] = set()
        self.websockets: set[OpenWebSocket] = set()  # those of servers that have the connections themselves
        self.outbox = Outbox()  # theirs, too
        self.generation = generation

    @property
    def generation(self) -> Generation:
        """What new requests are answered by."""
        return self._current[0]

    @generation.setter
    def generation(self, generation: Generation) -> None:
        self._current = generation, Addresses(generation)

    def next_serial(self) -> int:
        """A number for a new connection."""
        self.connections += 1
        return self.connections

    def servers_of(self, connection: Connection) -> ServerNames | None:
        """The servers of the address that a connection came to; None if it isn't listened on any more."""
        return self._current[1].find(connection.local_addr, connection.local_port)

    def guards(self, listener: ListenAddress) -> bool:
        """Whether connections of a listener may begin with something else than a request."""
        return listener in self._current[1].guarded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve what a host offers."""
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "websocket":
                await self._websocket(scope, receive, send)
            case "lifespan":
                await answer_lifespan(receive, send)
            case other:
                raise ValueError(f'unknown ASGI scope "{other}"')

    async def close_websockets(self, closed: Closed) -> None:
        """Close all that are open, each side told why."""
        hosted = [websocket.close(closed) for websocket in self._websockets if websocket.accepted]
        await asyncio.gather(*hosted, *(websocket.close(closed) for websocket in self.websockets))

    # private

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_old = scope.get("http_version") == "1.0"
        client = AsgiClient(end_by_closing(send) if is_old else send, _http_kind(scope))
        exchange, servers = self._open(scope, send, client)
        source = Incoming(receive, exchange.body, client.left, exchange.generation.runtime.spawn)
        client.attach(exchange, source)
        length = body_length(exchange.headers)
        if length == 0 and exchange.version >= "2" and b"content-length" not in exchange.headers:
            await _ask_for_body(exchange, source, receive)
        elif length != 0:
            _expect(exchange, source, length)
        await self._run(client, servers, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        answers = "websocket.http.response" in (scope.get("extensions") or {})
        client = AsgiClient(send, Kind("websocket.http.response", refuses_bare=not answers))
        exchange, servers = self._open(scope, send, client)
        spawn = exchange.generation.runtime.spawn
        websocket = AsgiWebSocket((receive, send), scope.get("subprotocols", ()), client.left, spawn)
        websocket.break_off = lambda: _break_off(send)
        client.attach(exchange, websocket, websocket)
        exchange.upgrades = True
        await receive()  # websocket.connect
        self._websockets.add(websocket)
        try:
            await self._run(client, servers, send)
        finally:
            self._websockets.discard(websocket)

    def _open(self, scope: Scope, send: Send, client: AsgiClient) -> tuple[Exchange, ServerNames]:
        """Make the exchange, and find who may answer it."""
        generation, addresses = self._current
        door = door_of(scope)
        if door is None:
            connection = open_connection(scope, self.next_serial())
        else:
            connection = door.connection or open_connection(scope, self.next_serial())
            door.connection = connection
        connection.requests += 1
        servers = addresses.find(connection.local_addr, connection.local_port)
        if servers is None:
            if door is not None:  # its listener is gone, and no other server may answer in its place
                _break_off(send)
                raise ResponseAborted(f"no server listens on {door.address} any more")
            servers = addresses.first
        head = read_head(scope)
        exchange = Exchange(generation, connection, client, head)
        exchange.request_length = head_length(head)
        drop_invalid_fields(exchange, servers.default.field_rules)
        return exchange, servers

    async def _run(self, client: AsgiClient, servers: ServerNames, send: Send) -> None:
        try:
            await client.run(servers)
        except ResponseAborted:
            _break_off(send, ends_by_close=client.exchange.version == "1.0")
            raise


def _http_kind(scope: Scope) -> Kind:
    extensions = scope.get("extensions")
    if not extensions:
        return HTTP
    return Kind(trailers="http.response.trailers" in extensions, early_hints="http.response.early_hint" in extensions)


def _expect(exchange: Exchange, source: Incoming, length: int | None) -> None:
    exchange.body.expect(length)
    source.expect((exchange.headers.get(b"expect") or b"").lower() == b"100-continue")


async def _ask_for_body(exchange: Exchange, source: Incoming, receive: Receive) -> None:
    """A body from HTTP/2 on need not be announced: the first message knows whether there is one."""
    message = await receive()
    if message["type"] == "http.request" and (message.get("body") or message.get("more_body")):
        exchange.body.expect(None)
        source.expect(False)
        source.take(message)


def _break_off(send: Send, *, ends_by_close: bool = False) -> bool:
    """Close the connection, if the host is uvicorn, whose `send` is a method of who has the transport.

    An exception alone would have it answer 500 where no head was sent.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    close = getattr(transport, "close", None)
    if transport is None or close is None:
        return False
    if ends_by_close and (connected := transport.get_extra_info("socket")) is not None:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)  # a clean end would pass for the whole
    close()
    return True
