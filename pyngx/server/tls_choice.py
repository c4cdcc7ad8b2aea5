"""Which virtual server takes a TLS connection, by the name that the client sent (ngx_http_ssl_servername)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from pyngx.core.exchange import Exchange
from pyngx.http.codec import wire
from pyngx.http.headers import Headers
from pyngx.http.host import BadHost, parse_host
from pyngx.http.request_head import RequestHead

if TYPE_CHECKING:
    from pyngx.core.exchange import Connection
    from pyngx.core.generation import Generation, Server
    from pyngx.core.ports import Client
    from pyngx.core.servers import ServerNames
    from pyngx.core.tls_facts import TlsFacts


def handshake_exchange(generation: Generation, connection: Connection, server: Server) -> Exchange:
    """What variables are read from before there is a request: names of certificates, captures of server names."""
    exchange = Exchange(generation, connection, cast("Client", None), RequestHead("", "", "", Headers()))
    exchange.server, exchange.location = server, server.location
    return exchange


def choose_server(servers: ServerNames, generation: Generation, connection: Connection, facts: TlsFacts) -> Exchange:
    """Find the virtual server, and leave it in the facts; gives the exchange of the handshake."""
    exchange = handshake_exchange(generation, connection, servers.default)
    facts.name, facts.server = "", None
    try:
        name = parse_host(wire(facts.hello.server_name)).name if facts.hello.server_name else ""
    except BadHost:  # nor may it lead variables anywhere: files of certificates are named by them
        name = ""
        facts.hello = replace(facts.hello, server_name="")
    if name and (server := servers.match(exchange, name)) is not None:
        facts.name, facts.server = name, server
        exchange.server, exchange.location = server, server.location
    return exchange
