"""The `listen` directive: addresses that servers share, and the options of their sockets."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, parse_number, parse_size
from pyngx.config.diagnostics import ConfigError, Diagnostic
from pyngx.core.address import show_address

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.config.syntax import Node, Word

ANY4 = "0.0.0.0"
ANY6 = "::"

USAGE = (
    "address[:port] | port | unix:path [default_server] [ssl] [proxy_protocol] "
    "[backlog=number] [rcvbuf=size] [sndbuf=size] [ipv6only=on|off] [reuseport] [so_keepalive=on|off]"
)
_FLAGS = frozenset({"default_server", "default", "ssl", "proxy_protocol", "bind", "reuseport", "deferred", "multipath"})
_LATER = {
    "http2": "clients are served over HTTP/1.1",
    "quic": "nobody listens on UDP: clients are served over HTTP/1.1, where a server listens for it",
}
_SIZES = frozenset({"rcvbuf", "sndbuf"})
_IGNORED = frozenset({"setfib", "fastopen", "accept_filter"})


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where a socket listens: a host and port, or a path."""

    host: str
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        return show_address(self.host, self.port, self.path)

    @property
    def is_wildcard(self) -> bool:
        return not self.path and self.host in {ANY4, ANY6}


@dataclass(frozen=True, slots=True)
class SocketOptions:
    """What a `listen` says of its socket; sizes in bytes, None where it says nothing."""

    backlog: int | None = None
    rcvbuf: int | None = None
    sndbuf: int | None = None
    ipv6only: bool | None = None
    reuseport: bool = False
    keepalive: bool | None = None


@dataclass(frozen=True, slots=True)
class Listen:
    """One `listen` directive: one address, or several for a range of ports or a name with several addresses."""

    addresses: tuple[ListenAddress, ...]
    default_server: bool = False
    options: SocketOptions = SocketOptions()
    tls: bool = False
    proxy_protocol: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)
    findings: tuple[Diagnostic, ...] = field(default=(), compare=False, repr=False)


def parse_listen(node: Node) -> Listen:
    """The arguments of `listen`."""
    found: dict[str, object] = {}
    flags = {word.text for word in node.args[1:]}
    for word in node.args[1:]:
        name, equals, value = word.text.partition("=")
        if word.text in _LATER:
            continue
        if name == "reuseport":
            found["reuseport"] = True
        elif name in _SIZES:
            found[name] = parse_size(_value(word, value))
        elif name == "backlog":
            found["backlog"] = parse_number(_value(word, value), minimum=-1)
        elif name == "ipv6only" and value in {"on", "off"}:
            found["ipv6only"] = value == "on"
        elif name == "so_keepalive" and value:
            found["keepalive"] = value != "off"
        elif word.text not in _FLAGS and not (equals and name in _IGNORED):
            raise ConfigError(f'invalid parameter "{word.text}"', word.span)
    options = SocketOptions(**found)  # type: ignore[arg-type] # the table above gives each its type
    addresses = _addresses(node.args[0])
    return Listen(
        addresses if "quic" not in flags else (),
        not flags.isdisjoint({"default_server", "default"}),
        options,
        "ssl" in flags,
        "proxy_protocol" in flags,
        node.span,
        tuple(map(_not_yet, (word for word in node.args[1:] if word.text in _LATER))),
    )


def _not_yet(word: Word) -> Diagnostic:
    message = f'the "{word.text}" parameter has no effect yet'
    return Diagnostic(message, word.span, _LATER[word.text], severity="warning")


listen = Argument(USAGE, parse_listen, 1, None)


def _value(word: Word, value: str) -> Word:
    return word._replace(text=value) if hasattr(word, "_replace") else type(word)(value, word.span, word.quoted)


def _addresses(word: Word) -> tuple[ListenAddress, ...]:
    text = word.text
    if text.startswith("unix:"):
        if not (path := text[5:]):
            raise ConfigError(f'no path in the unix domain socket "{text}"', word.span)
        return (ListenAddress("", 0, path),)
    host, ports = _host_and_ports(text, word)
    first, dash, last = ports.partition("-")
    numbers = range(_port(first, word), (_port(last, word) if dash else _port(first, word)) + 1)
    if not numbers:
        raise ConfigError(f'invalid port range in "{text}" of the "listen" directive', word.span)
    return tuple(ListenAddress(name, port) for name in _hosts(host, word) for port in numbers)


def _host_and_ports(text: str, word: Word) -> tuple[str, str]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ConfigError(f'invalid host in "{text}" of the "listen" directive', word.span)
        return host, rest[1:] or "80"
    host, colon, ports = text.rpartition(":")
    if colon:
        return host, ports
    return (ANY4, text) if text.replace("-", "").isdigit() else (text, "80")


def _port(text: str, word: Word) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise ConfigError(
            f'invalid port in "{word.text}" of the "listen" directive', word.span, help="a port is 1 to 65535"
        )
    return int(text)


def _hosts(host: str, word: Word) -> list[str]:
    if host in {"*", "", ANY4}:
        return [ANY4]
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        raise ConfigError(f'host not found in "{word.text}" of the "listen" directive', word.span) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
