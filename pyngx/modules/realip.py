"""ngx_http_realip_module: the client's address as trusted proxies tell it, in place of the connection's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, flag
from pyngx.config.declare import directive, repeated
from pyngx.config.diagnostics import ConfigError, Diagnostic
from pyngx.config.inherit import settings
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.networks import (
    UNIX,
    UNIX_SOCKETS,
    Network,
    Networks,
    forwarded_address,
    parse_address,
    parse_network,
    show_number,
)
from pyngx.core.phases import Module, Phase
from pyngx.core.variables import Variable
from pyngx.http.codec import text, wire
from pyngx.upstream.resolver import HostNotFound, resolve_now

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.config.syntax import Node
    from pyngx.core.answers import Handler
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

PROXY_PROTOCOL = "proxy_protocol"
HELP = "an address, a network as 10.0.0.0/8, unix: or the name of a host"

Told = Callable[["Exchange"], tuple[list[str], int]]
"""What a request says of its client: the values of header fields, and a port (0: the values may have one)."""


# arguments


@dataclass(frozen=True, slots=True)
class Trusted:
    """Who may say for whom it asks: a network, or a host that is looked up when the configuration is built."""

    network: Network | None
    host: str = ""
    span: Span | None = field(default=None, compare=False, repr=False)
    findings: tuple[Diagnostic, ...] = field(default=(), compare=False, repr=False)


def _trusted(node: Node) -> Trusted:
    word = node.args[0]
    if word.text == UNIX:
        return Trusted(UNIX_SOCKETS)
    if (found := parse_network(word.text)) is None:
        if "/" in word.text:
            raise ConfigError(f'host not found in set_real_ip_from "{word.text}"', word.span, help=HELP)
        return Trusted(None, word.text, word.span)
    network, is_exact = found
    if is_exact:
        return Trusted(network)
    message = f"low address bits of {word.text} are meaningless"
    return Trusted(network, findings=(Diagnostic(message, word.span, severity="warning"),))


trusted = Argument("address | CIDR | unix:", _trusted, 1, 1)
header = Argument("field | X-Real-IP | X-Forwarded-For | proxy_protocol", lambda node: node.args[0].text, 1, 1)


# settings


@dataclass(frozen=True, slots=True)
class RealipSettings:
    """Whose word about the client's address counts, and where it stands."""

    set_real_ip_from: tuple[Trusted, ...] = repeated(
        trusted, EVERYWHERE, doc="who may say for which client it asks: its address, network, Unix sockets or name"
    )
    real_ip_header: str = directive(
        header, EVERYWHERE, default="X-Real-IP", doc="the field that names the client, or the PROXY protocol"
    )
    real_ip_recursive: bool = directive(
        flag,
        EVERYWHERE,
        default=False,
        doc="whether the last address that is not trusted counts, instead of the last one",
    )


# variables

ADDRESS, PORT = "realip_remote_addr", "realip_remote_port"  # in the values of an exchange whose address was replaced


def _realip_remote_addr(exchange: Exchange) -> str:
    return exchange.values.get(ADDRESS) or exchange.connection.remote_addr


def _realip_remote_port(exchange: Exchange) -> str:
    if (port := exchange.values.get(PORT)) is not None:
        return port
    return _shown(exchange.connection.remote_port)


def _shown(port: int) -> str:
    return str(port) if port else ""


VARIABLES = (
    Variable(ADDRESS, _realip_remote_addr, doc="the address of the connection, where $remote_addr is another"),
    Variable(PORT, _realip_remote_port, doc="the port of the connection, where $remote_port is another"),
)


# state


@dataclass(frozen=True, slots=True)
class Known:
    """The networks of each `set_real_ip_from`, so that hosts are looked up once for all blocks."""

    networks: dict[tuple[Trusted, ...], Networks] = field(default_factory=dict)


def define(build: Build) -> None:
    """Make room for the networks of this configuration."""
    build.name("", Known())


def _networks(build: Build, listed: tuple[Trusted, ...]) -> Networks:
    known = build.named(Known, "")
    assert known is not None, "define comes first"
    if listed not in known.networks:
        known.networks[listed] = Networks(network for one in listed for network in _looked_up(one))
    return known.networks[listed]


def _looked_up(one: Trusted) -> list[Network]:
    if one.network is not None:
        return [one.network]
    try:
        numbers = [parse_address(address) for address in resolve_now(one.host)]
    except HostNotFound:
        raise ConfigError(f'host not found in set_real_ip_from "{one.host}"', one.span, help=HELP) from None
    return [Network(version, number, number) for version, number in filter(None, numbers)]


# handlers


def make_server_handler(build: Build) -> Handler | None:
    """What replaces the address before the server's rewrites."""
    return _handler(build) if build.scope.kind == "server" else None


def make_handler(build: Build) -> Handler | None:
    """What does so in a location, unless it says the same as its server, which has done it then."""
    assert build.server is not None
    outer = settings(build.server.location.scope, RealipSettings)
    return None if build.settings(RealipSettings) is outer else _handler(build)


def _handler(build: Build) -> Handler | None:
    own = build.settings(RealipSettings)
    if not own.set_real_ip_from:
        return None
    networks = _networks(build, own.set_real_ip_from)
    told = _told(build, own.real_ip_header)
    recursive = own.real_ip_recursive

    def handle(exchange: Exchange) -> None:
        values, port = told(exchange)
        if not values or ADDRESS in exchange.values:
            return
        connection = exchange.connection
        found = forwarded_address(connection.remote_addr, values, networks, recursive)
        if found is not None:
            exchange.values[ADDRESS] = connection.remote_addr
            exchange.values[PORT] = _shown(connection.remote_port)
            # a copy: the next request over the connection comes from the proxy again
            exchange.connection = replace(connection, remote_addr=show_number(*found[:2]), remote_port=port or found[2])

    return handle


def _told(build: Build, name: str) -> Told:
    """What reads the client's address from a request; of fields but X-Forwarded-For the first one counts."""
    if name == PROXY_PROTOCOL:
        span = build.origin(RealipSettings, "real_ip_header")
        address = build.variables.getter("proxy_protocol_addr", span)
        port = build.variables.getter("proxy_protocol_port", span)
        return lambda exchange: ([found], int(port(exchange) or 0)) if (found := address(exchange)) else ([], 0)
    lower = wire(name.lower())
    if name == "X-Forwarded-For":
        return lambda exchange: ([text(value) for value in exchange.headers.all(lower)], 0)
    return lambda exchange: ([text(value)], 0) if (value := exchange.headers.get(lower)) is not None else ([], 0)


MODULE = Module(
    "realip",
    settings=(RealipSettings,),
    variables=VARIABLES,
    define=define,
    handlers={Phase.POST_READ: make_server_handler, Phase.PREACCESS: make_handler},
)
