"""ngx_http_geo_module: variables whose values depend on an address, looked up in networks or ranges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, text_of
from pyngx.config.declare import repeated
from pyngx.config.diagnostics import ConfigError, Diagnostic
from pyngx.core.networks import NO_ADDRESS, Network, Networks, forwarded_address, parse_address, parse_network
from pyngx.core.phases import Module
from pyngx.http.codec import text
from pyngx.modules.geo_table import Overlap, Ranges, Table, Tree

if TYPE_CHECKING:
    from pyngx.config.syntax import Node, Word
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.variables import Getter

BROADCAST = Network(4, NO_ADDRESS, NO_ADDRESS)
EVERYWHERE4, EVERYWHERE6 = Network(4, 0, NO_ADDRESS), Network(6, 0, (1 << 128) - 1)
FLAGS = frozenset({"ranges", "proxy_recursive", "volatile"})


# arguments


@dataclass(frozen=True, slots=True)
class Geo:
    """One `geo` block; without a source it is about the client's address."""

    source: Text | None
    name: Text
    table: Table
    proxies: tuple[Network, ...] = ()
    recursive: bool = False
    volatile: bool = False
    findings: tuple[Diagnostic, ...] = field(default=(), compare=False, repr=False)


@dataclass(slots=True)
class _Reading:
    """What is gathered from a block's lines."""

    flags: set[str] = field(default_factory=set)
    default: str | None = None
    tree: Tree = field(default_factory=Tree)
    ranges: Ranges = field(default_factory=Ranges)
    proxies: list[Network] = field(default_factory=list)
    has_networks: bool = False
    findings: list[Diagnostic] = field(default_factory=list)

    def warn(self, message: str, word: Word) -> None:
        self.findings.append(Diagnostic(message, word.span, severity="warning"))

    def table(self) -> Table:
        return self.ranges.table(self.default or "") if "ranges" in self.flags else self.tree.table()


def _geo(node: Node) -> Geo:
    *sources, name = node.args
    for word in node.args:
        if not word.text.startswith("$") or word.text == "$":
            raise ConfigError(f'invalid variable name "{word.text}"', word.span, help="a variable begins with $")
    reading = _Reading()
    errors: list[Diagnostic] = []
    for line in node.block or ():
        try:
            _read(line, reading)
        except ConfigError as error:
            errors += error.diagnostics
    if errors:
        raise ConfigError.of(errors)
    return Geo(
        text_of(sources[0].part(1)) if sources else None,
        text_of(name.part(1)),
        reading.table(),
        tuple(reading.proxies),
        "proxy_recursive" in reading.flags,
        "volatile" in reading.flags,
        tuple(reading.findings),
    )


def _read(line: Node, reading: _Reading) -> None:
    key = line.name
    if not line.args and key.text in FLAGS:
        if key.text == "ranges" and reading.has_networks:
            raise ConfigError('the "ranges" directive must be the first directive inside "geo" block', line.span)
        reading.flags.add(key.text)
        return
    if len(line.args) != 1:
        raise ConfigError(
            "invalid number of the geo parameters", line.span, help="a line of geo is a network and its value"
        )
    value = line.args[0]
    if key.text == "proxy":
        reading.proxies.append(_network(value, reading))
    elif "ranges" in reading.flags:
        _read_range(key, value, reading)
    else:
        reading.has_networks = True
        _read_network(key, value, reading)


def _read_network(key: Word, value: Word, reading: _Reading) -> None:
    match key.text:
        case "delete":
            if not reading.tree.delete(_network(value, reading)):
                reading.warn(f'no network "{value.text}" to delete', value)
            return
        case "default":
            networks = [EVERYWHERE4, EVERYWHERE6]
        case _:
            networks = [_network(key, reading)]
    olds = {reading.tree.add(network, value.text): network for network in networks}
    for old in olds:
        if old is not None:
            reading.warn(f'duplicate network "{key.text}", value: "{value.text}", old value: "{old}"', key)


def _network(word: Word, reading: _Reading) -> Network:
    if word.text == "255.255.255.255":
        return BROADCAST
    if (found := parse_network(word.text)) is None:
        raise ConfigError(f'invalid network "{word.text}"', word.span, help="a network is 10.0.0.0/8 or 2001:db8::/32")
    network, is_exact = found
    if not is_exact:
        reading.warn(f"low address bits of {word.text} are meaningless", word)
    return network


def _read_range(key: Word, value: Word, reading: _Reading) -> None:
    match key.text:
        case "default":
            if (old := reading.default) is not None:
                reading.warn(f'duplicate default geo range value: "{value.text}", old value: "{old}"', key)
            reading.default = value.text
        case "delete":
            if not reading.ranges.delete(*_range(value)):
                reading.warn(f'no address range "{value.text}" to delete', value)
        case _:
            try:
                old = reading.ranges.add(*_range(key), value.text)
            except Overlap as other:
                raise ConfigError(f'range "{key.text}" overlaps "{other}"', key.span) from None
            if old is not None:
                reading.warn(f'duplicate range "{key.text}", value: "{value.text}", old value: "{old}"', key)


def _range(word: Word) -> tuple[int, int]:
    first, _, last = word.text.partition("-")
    match parse_address(first), parse_address(last):
        case (4, start), (4, end) if start <= end < NO_ADDRESS:
            return start, end
    raise ConfigError(f'invalid range "{word.text}"', word.span, help="a range is 10.0.0.0-10.0.3.255")


geo = Argument("[$address] $variable", _geo, 1, 2, table=True)


# settings


@dataclass(frozen=True, slots=True)
class GeoSettings:
    """The tables of addresses."""

    geo: tuple[Geo, ...] = repeated(geo, "http", doc="a variable whose value depends on an address")


# variables


def define(build: Build) -> None:
    """Define the variables of all tables."""
    errors: list[Diagnostic] = []
    for one in build.settings(GeoSettings).geo:
        try:
            build.variables.define(one.name.value, _getter(build, one), one.name.span, volatile=one.volatile)
        except ConfigError as error:
            errors += error.diagnostics
    if errors:
        raise ConfigError.of(errors)


def _getter(build: Build, one: Geo) -> Getter:
    address = _remote_addr if one.source is None else build.variables.getter(one.source.value, one.source.span)
    table = one.table
    if not one.proxies:
        return lambda exchange: table.find(address(exchange) or "")
    trusted, recursive = Networks(one.proxies), one.recursive

    def find(exchange: Exchange) -> str:
        peer = address(exchange) or ""
        said = [text(value) for value in exchange.headers.all(b"x-forwarded-for")]
        found = forwarded_address(peer, said, trusted, recursive) if said else None
        return table.find(peer) if found is None else table.find_number(*found[:2])

    return find


def _remote_addr(exchange: Exchange) -> str:
    return exchange.connection.remote_addr


MODULE = Module("geo", settings=(GeoSettings,), define=define)
