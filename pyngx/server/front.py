"""What a connection may begin with before its first request: a PROXY header, and a TLS handshake.

A protocol that reads just that, and hands the connection over to the one that speaks HTTP. Addresses that have neither
never see it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from OpenSSL import SSL

from pyngx.core import openssl
from pyngx.core.deadline import Deadline
from pyngx.core.proxy_protocol import BadProxyHeader, read_header
from pyngx.core.tls import TlsLink
from pyngx.core.tls_facts import TlsFacts, TlsRefused
from pyngx.server.client_facts import open_connection
from pyngx.server.client_hello import HelloReader, is_tls
from pyngx.server.tls_choice import choose_server

if TYPE_CHECKING:
    from pyngx.core.exchange import Connection, Exchange
    from pyngx.core.servers import ServerNames
    from pyngx.server.asgi import App
    from pyngx.server.asgi_scope import Door

# Fatal alerts in records of their own (RFC 8446 6): no handshake has begun that could say them.
UNRECOGNIZED_NAME = bytes((0x15, 3, 1, 0, 2, 2, 112))
INTERNAL_ERROR = bytes((0x15, 3, 1, 0, 2, 2, 80))


class Front(asyncio.Protocol):
    """One connection until its first request may come."""

    cycle = None  # uvicorn's word for a request: there was none

    def __init__(
        self, app: App, make: Callable[[Door], asyncio.Protocol], door: Door, connections: set[object]
    ) -> None:
        self._app = app
        self._make = make
        self._door = door
        self._connections = connections
        self._deadline = Deadline(asyncio.get_running_loop(), self._expired)
        self.transport = cast("asyncio.Transport", None)
        self._connection = cast("Connection", None)
        self._servers = cast("ServerNames", None)
        self._data = bytearray()
        self._hello = HelloReader()
        self._wants_proxy = False
        self._wants_tls = False

    # called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        self._door.connection = self._connection = open_connection(self.transport, self._app.next_serial())
        servers = self._app.servers_of(self._connection)
        if servers is None:  # its listener is gone
            self.transport.abort()
            return
        self._servers = servers
        self._wants_proxy, self._wants_tls = servers.proxy_protocol, servers.tls
        if self._wants_proxy or self._wants_tls:
            self._deadline.set(servers.default.location.connection.client_header_timeout)
        else:
            self._hand_over()

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self._wants_proxy and not self._read_proxy_header():
            return
        if not self._wants_tls:
            self._hand_over()
        elif self._data:
            self._read_hello()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        self._forget()

    # called by the listeners

    def shutdown(self) -> None:
        """Nothing was asked yet: close."""
        self.transport.close()

    # private

    def _read_proxy_header(self) -> bool:
        try:
            found = read_header(bytes(self._data))
        except BadProxyHeader as error:
            self._log("error", "proxy_protocol_failed", str(error), action="reading PROXY protocol")
            self.transport.close()
            return False
        if found is None:
            return False
        header, length = found
        self._wants_proxy = False
        self._connection.proxy = header if header.tells else None
        del self._data[:length]
        return True

    def _read_hello(self) -> None:
        if not is_tls(self._data[0]):
            self._connection.plain_to_tls = True
            self._hand_over()
            return
        hello = self._hello.read(self._data)
        if hello is None:
            return
        generation = self._app.generation
        self._connection.tls = facts = TlsFacts(hello=hello)
        exchange = choose_server(self._servers, generation, self._connection, facts)
        if exchange.server.tls is not None and exchange.server.tls.rejects:
            self._refuse(UNRECOGNIZED_NAME, "handshake rejected", exchange)
            return
        tls = exchange.server.tls or self._servers.default.tls
        try:
            if tls is None:
                raise TlsRefused("no certificate is configured for this name")
            connection = SSL.Connection(tls.context(exchange), None)
        except TlsRefused as error:
            self._refuse(INTERNAL_ERROR, str(error), exchange, "error")
            return
        connection.set_accept_state()
        facts.connection = connection
        self._shake(TlsLink(connection, self._opened, self._failed, tls.record))

    def _shake(self, link: TlsLink) -> None:
        self.transport.set_protocol(link)
        link.connection_made(self.transport)
        link.data_received(bytes(self._data))

    def _opened(self, link: TlsLink) -> None:
        facts = self._connection.tls
        assert facts is not None
        facts.verify_result = openssl.verify_result(link.connection)
        self._connection.scheme = "https"
        self._forget()
        protocol = self._make(self._door)
        link.set_protocol(protocol)
        protocol.connection_made(link)

    def _failed(self, reason: str) -> None:
        self._log("info", "tls_failed", f"SSL_do_handshake() failed (SSL: {reason})", action="SSL handshaking")
        self.transport.close()
        self._forget()

    def _refuse(self, alert: bytes, why: str, exchange: Exchange, level: str = "info") -> None:
        self._log(level, "tls_failed", why, action="SSL handshaking", server=exchange.server.name)
        self.transport.write(alert)
        self.transport.close()

    def _hand_over(self) -> None:
        self._forget()
        protocol = self._make(self._door)
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        if self._data:
            protocol.data_received(bytes(self._data))

    def _forget(self) -> None:
        self._deadline.close()
        self._connections.discard(self)

    def _expired(self) -> None:
        self._log("info", "client_timed_out", "client timed out", action="waiting for the connection to begin")
        self.transport.abort()

    def _log(self, level: str, event: str, message: str, **facts: object) -> None:
        log = self._servers.default.location.log or self._app.generation.runtime.log
        if log.enabled(level):
            about = {"connection": self._connection.serial, "client": self._connection.remote_addr}
            log.write(level, event, message, **(about | facts))
