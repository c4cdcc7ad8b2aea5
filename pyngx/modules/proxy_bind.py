"""The address of ours that upstreams see: proxy_bind."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, text_of
from pyngx.config.declare import directive
from pyngx.config.diagnostics import ConfigError
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.ports import Address

if TYPE_CHECKING:
    from pyngx.config.syntax import Node
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

LocalAddress = Callable[["Exchange"], "Address | None"]


# arguments


def _bind(node: Node) -> Text | None:
    first, *others = node.args
    if others:
        message = f'invalid parameter "{others[0].text}"'
        if others[0].text == "transparent":
            message = "transparent proxying is not supported"
            help_line = "a socket bound to somebody else's address needs CAP_NET_RAW, which workers give up"
            raise ConfigError(message, others[0].span, help=help_line)
        raise ConfigError(message, others[0].span)
    if first.text == "off":
        return None
    if "$" not in first.text and parse_local_address(first.text) is None:
        raise ConfigError(f'invalid address "{first.text}"', first.span, help="an IP address, with or without a port")
    return text_of(first)


# settings


@dataclass(frozen=True, slots=True)
class ProxyBindSettings:
    """Where connections to upstreams come from."""

    proxy_bind: Text | None = directive(
        Argument("address | off", _bind, 1, 2),
        EVERYWHERE,
        default=None,
        shown="off",
        doc="the address of this machine that upstreams are asked from",
    )


# handlers


def parse_local_address(written: str) -> Address | None:
    """An IP address, IPv6 in brackets where a port follows; None if it is none (ngx_parse_addr_port)."""
    host, port = written, "0"
    if written.startswith("["):
        host, _, rest = written[1:].partition("]")
        if rest[:1] == ":":
            port = rest[1:]
        elif rest:
            return None
    elif written.count(":") == 1:
        host, _, port = written.partition(":")
    if not (port.isascii() and port.isdigit()) or int(port) > 65535:
        return None
    try:
        return Address(str(ipaddress.ip_address(host)), int(port))
    except ValueError:
        return None


def local_address_of(build: Build) -> LocalAddress | None:
    """What gives the address that a request is sent from; None if the system chooses it anyway."""
    written = build.settings(ProxyBindSettings).proxy_bind
    if written is None:
        return None
    template = build.template(written)
    if template.constant is not None:
        address = parse_local_address(template.constant)
        return lambda _: address
    render = template.render

    def read(exchange: Exchange) -> Address | None:
        value = render(exchange)
        found = parse_local_address(value) if value else None
        if value and found is None:
            exchange.log("error", "invalid_local_address", f'invalid local address "{value}"')
        return found

    return read
