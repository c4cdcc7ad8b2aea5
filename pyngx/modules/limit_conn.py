"""ngx_http_limit_conn_module: how many requests of one key may be under way at a time.

A connection counts while a request on it is under way, from its head to the last byte of its response; a WebSocket as
long as it is open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, choice, flag, number, text_of
from pyngx.config.declare import directive, repeated
from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import Status
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module, Phase
from pyngx.core.subrequest import main_of
from pyngx.core.variables import Variable
from pyngx.core.zones import ZoneUse, declare_zone, define_each, parse_zone, room_in, taken_by
from pyngx.http.codec import wire

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.config.syntax import Node
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.template import Render

LONGEST_KEY = 255  # bytes
MOST = 65535


# arguments


@dataclass(frozen=True, slots=True)
class ZoneLine:
    """A `limit_conn_zone`: what is counted by, and how much memory it may take."""

    key: Text
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A `limit_conn`."""

    zone: str
    most: int


def _zone(node: Node) -> ZoneLine:
    key, zone = node.args
    if not zone.text.startswith("zone="):
        raise ConfigError(f'invalid parameter "{zone.text}"', zone.span, "known parameters: zone=")
    return ZoneLine(text_of(key), *parse_zone(zone))


def _limit(node: Node) -> LimitLine:
    zone, most = node.args
    written = most.text
    if not (written.isascii() and written.isdigit() and written.strip("0")):
        raise ConfigError(f'invalid number of connections "{written}"', most.span, "a number from 1 on")
    if len(written) > len(str(MOST)) or int(written) > MOST:
        raise ConfigError(f"connection limit must be less {MOST + 1}", most.span)
    return LimitLine(zone.text, int(written))


# settings


@dataclass(frozen=True, slots=True)
class LimitConnZones:
    """The counters."""

    limit_conn_zone: tuple[ZoneLine, ...] = repeated(
        Argument("key zone=name:size", _zone, 2, 2), "http", doc="counters for the values of a key"
    )


@dataclass(frozen=True, slots=True)
class LimitConnSettings:
    """How many may be under way."""

    limit_conn: tuple[LimitLine, ...] = repeated(
        Argument("zone number", _limit, 2, 2), EVERYWHERE, doc="how many requests of one key may be under way"
    )
    limit_conn_status: int = directive(number(400, 599), EVERYWHERE, default=503, doc="the status of refused requests")
    limit_conn_log_level: str = directive(
        choice("info", "notice", "warn", "error"),
        EVERYWHERE,
        default="error",
        doc="the level that refusals are logged at",
    )
    limit_conn_dry_run: bool = directive(
        flag, EVERYWHERE, default=False, doc="whether requests are counted and logged only"
    )


# variables


STATUS = "limit_conn_status"
VARIABLES = (
    Variable(STATUS, lambda exchange: exchange.values.get(STATUS), doc="PASSED, REJECTED or REJECTED_DRY_RUN"),
)


# state


class Zone:
    """How many requests of each key are under way; no more keys than fit into the zone's size."""

    __slots__ = ("_room", "counts")

    RECORD = 36  # bytes that a counter takes beside its key
    OWN = 64

    def __init__(self, size: int) -> None:
        self.counts: dict[bytes, int] = {}
        self._room = room_in(size) - self.OWN

    def __repr__(self) -> str:
        return f"<Zone of {len(self.counts)} counters, room for {self._room} bytes>"

    def enter(self, key: bytes) -> bool:
        """Count one more; false if there is no room to."""
        count = self.counts.get(key, 0)
        if not count:
            size = taken_by(self.RECORD + len(key))
            if size > self._room:
                return False
            self._room -= size
        self.counts[key] = count + 1
        return True

    def leave(self, key: bytes) -> None:
        """Count one less."""
        count = self.counts[key] - 1
        if count:
            self.counts[key] = count
        else:
            del self.counts[key]
            self._room += taken_by(self.RECORD + len(key))


# handlers


@dataclass(frozen=True, slots=True)
class NamedZone:
    """A zone as `limit_conn` finds it."""

    zone: Zone
    line: ZoneLine
    render: Render


@dataclass(frozen=True, slots=True)
class Limit:
    """One `limit_conn`."""

    zone: Zone
    name: str
    key: str  # as it is written
    render: Render
    most: int


@dataclass(frozen=True, slots=True)
class Limiter:
    """All `limit_conn` of a location."""

    limits: tuple[Limit, ...]
    status: int
    level: str
    dry_run: bool

    def handle(self, exchange: Exchange) -> Status | None:
        """Count a request in until it ends, or refuse it."""
        if STATUS in exchange.values:
            return None
        entered: list[tuple[Zone, bytes]] = []
        for limit in self.limits:
            key = self._key(exchange, limit)
            if not key:
                continue
            if limit.zone.counts.get(key, 0) >= limit.most:
                what = "limiting connections, dry run," if self.dry_run else "limiting connections"
                exchange.log(self.level, "connection_limited", f'{what} by zone "{limit.name}"')
                return self._refuse(exchange, entered)
            if not limit.zone.enter(key):
                exchange.log("crit", "zone_full", f'no memory in limit_conn_zone "{limit.name}"')
                return self._refuse(exchange, entered)
            entered.append((limit.zone, key))
        if entered:
            exchange.values[STATUS] = "PASSED"
            main = main_of(exchange)
            main.cleanups = (*main.cleanups, partial(_leave, entered))
        return None

    def _key(self, exchange: Exchange, limit: Limit) -> bytes:
        key = wire(limit.render(exchange))
        if len(key) <= LONGEST_KEY:
            return key
        message = f'the value of the "{limit.key}" key is more than {LONGEST_KEY} bytes: "{limit.render(exchange)}"'
        exchange.log("error", "key_too_long", message)
        return b""

    def _refuse(self, exchange: Exchange, entered: Sequence[tuple[Zone, bytes]]) -> Status | None:
        _leave(entered)
        exchange.values[STATUS] = "REJECTED_DRY_RUN" if self.dry_run else "REJECTED"
        return None if self.dry_run else Status(self.status)


def _leave(entered: Sequence[tuple[Zone, bytes]]) -> None:
    for zone, key in entered:
        zone.leave(key)


def define(build: Build) -> None:
    """Make the zones, or go on with those that are there: a zone begins anew when its key or its size changes."""
    lines = build.settings(LimitConnZones).limit_conn_zone
    spans = build.origins(LimitConnZones, "limit_conn_zone")
    define_each(zip(lines, spans, strict=True), partial(_define, build))


def _define(build: Build, line: ZoneLine, span: Span | None) -> None:
    if (known := build.named(NamedZone, line.name)) is not None:
        message = f'limit_conn_zone "{line.name}" is already bound to key "{known.line.key}"'
        raise ConfigError(message, span)
    declare_zone(build, line.name, ZoneUse("limit_conn_zone", line.size), span)
    zone = build.claim(("limit_conn_zone", line.name, line.key.value, line.size), lambda: Zone(line.size))
    build.name(line.name, NamedZone(zone, line, build.template(line.key).render), span)


def make_handler(build: Build) -> Callable[[Exchange], Status | None] | None:
    """What counts the requests of a location that says so."""
    own = build.settings(LimitConnSettings)
    if not own.limit_conn:
        return None
    limits: dict[str, Limit] = {}
    for line, span in zip(own.limit_conn, build.origins(LimitConnSettings, "limit_conn"), strict=True):
        if (found := build.named(NamedZone, line.zone)) is None:
            message = f'zero size shared memory zone "{line.zone}"'
            raise ConfigError(message, span, help=f"no limit_conn_zone has zone={line.zone}:size")
        if line.zone in limits:
            raise ConfigError('"limit_conn" directive is duplicate', span, help=f'for zone "{line.zone}"')
        zone = found.line
        limits[line.zone] = Limit(found.zone, zone.name, zone.key.value, found.render, line.most)
    return Limiter(
        tuple(limits.values()), own.limit_conn_status, own.limit_conn_log_level, own.limit_conn_dry_run
    ).handle


MODULE = Module(
    "limit_conn",
    settings=(LimitConnZones, LimitConnSettings),
    variables=VARIABLES,
    define=define,
    handlers={Phase.PREACCESS: make_handler},
)
