"""ngx_http_upstream_module: groups of servers, and the variables that tell how they answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, number, parameters, parse_number, parse_seconds, parse_size, seconds, word
from pyngx.config.declare import Opened, directive, repeated
from pyngx.config.diagnostics import ConfigError
from pyngx.core.phases import Module
from pyngx.core.ports import Address, KeepAlive
from pyngx.core.variables import Getter, Prefix, Variable
from pyngx.core.zones import ZoneUse, check_size, declare_zone, define_each
from pyngx.http.codec import text, wire
from pyngx.http.cookies import cookie_finder
from pyngx.modules import upstream_hash, upstream_ip_hash, upstream_least_conn, upstream_random
from pyngx.modules.upstream_hash import HashSettings
from pyngx.modules.upstream_ip_hash import IpHashSettings
from pyngx.modules.upstream_least_conn import LeastConnSettings
from pyngx.modules.upstream_queue import queue_of
from pyngx.modules.upstream_random import RandomSettings
from pyngx.upstream.group import ROUND_ROBIN, Group, Method
from pyngx.upstream.peer import PeerSettings
from pyngx.upstream.resolver import HostNotFound, resolve_now

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.config.syntax import Node
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.records import Try


# arguments


@dataclass(frozen=True, slots=True)
class ServerLine:
    """One `server` of an upstream; times in seconds."""

    address: str
    weight: int = 1
    max_fails: int = 1
    fail_timeout: float = 10.0
    max_conns: int = 0
    backup: bool = False
    down: bool = False
    slow_start: float = 0.0


@dataclass(frozen=True, slots=True)
class ZoneLine:
    """A `zone`; a size of 0 is one that wasn't said."""

    name: str
    size: int = 0


def _server(node: Node) -> ServerLine:
    first, *others = node.args
    readers: dict[str, Callable[..., float]] = {
        "weight": lambda value: parse_number(value, 1),
        "max_fails": parse_number,
        "max_conns": parse_number,
        "fail_timeout": parse_seconds,
        "slow_start": parse_seconds,
    }
    found = parameters(others, readers, ("backup", "down"))
    return ServerLine(first.text, **found)  # type: ignore[arg-type] # the readers give each its type


server = Argument(
    "address [weight=number] [max_conns=number] [max_fails=number] [fail_timeout=time] [slow_start=time]"
    " [backup] [down]",
    _server,
    1,
    None,
)


def _keepalive(node: Node) -> int:
    """`local` is read only: connections that locations can't share are told apart anyway."""
    count, *others = node.args
    for other in others:
        if other.text != "local":
            raise ConfigError(f'invalid parameter "{other.text}"', other.span, "known parameters: local")
    return parse_number(count)


def _zone(node: Node) -> ZoneLine:
    name, *sizes = node.args
    for given in sizes:
        try:
            size = parse_size(given)
        except ConfigError:
            raise ConfigError(f'invalid zone size "{given.text}"', given.span) from None
        check_size(name, size)
        return ZoneLine(name.text, size)
    return ZoneLine(name.text)


keepalive = Argument("connections [local]", _keepalive, 1, 2)
zone = Argument("name [size]", _zone, 1, 2)


# settings


@dataclass(frozen=True, slots=True)
class UpstreamBlocks:
    """The groups."""

    upstream: tuple[Opened[str], ...] = repeated(
        word.called("name"), "http", opens="upstream", doc="a group of servers that proxy_pass can name"
    )


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """What one group is told."""

    server: tuple[ServerLine, ...] = repeated(server, "upstream", doc="a server of the group")
    zone: ZoneLine | None = directive(
        zone, "upstream", default=None, doc="a name for the group's state; one process needs no size"
    )
    keepalive: int = directive(keepalive, "upstream", default=32, doc="idle connections that are kept")
    keepalive_requests: int = directive(number(), "upstream", default=1000, doc="requests over one connection")
    keepalive_time: float = directive(
        seconds, "upstream", default=3600.0, shown="1h", doc="seconds after which a connection is not used again"
    )
    keepalive_timeout: float = directive(
        seconds, "upstream", default=60.0, shown="60s", doc="seconds that an idle connection is kept"
    )


# variables


def _per_try(show: Callable[[Try], str | None]) -> Getter:
    """A value for each server that was tried: `a, b`, `a : b` over internal redirects, and `-` for none."""

    def read(exchange: Exchange) -> str | None:
        if not exchange.tries:
            return None
        shown = [(" : " if attempt.is_anew else ", ") + (show(attempt) or "-") for attempt in exchange.tries]
        return "".join(shown)[2:]

    return read


def _time(name: str) -> Getter:
    def show(attempt: Try) -> str | None:
        value: float | None = getattr(attempt, name)
        return f"{value:.3f}" if value is not None else None

    return _per_try(show)


def _upstream_http(rest: str) -> Getter:
    name = wire(rest.replace("_", "-"))

    def read(exchange: Exchange) -> str | None:
        fields = exchange.tries[-1].fields if exchange.tries else None
        value = fields.joined(name) if fields is not None else None
        return text(value) if value is not None else None

    return read


def _upstream_cookie(rest: str) -> Getter:
    find = cookie_finder(wire(rest))

    def read(exchange: Exchange) -> str | None:
        fields = exchange.tries[-1].fields if exchange.tries else None
        if fields is None:
            return None
        cookies = [value.partition(b";")[0] for value in fields.all(b"set-cookie")]
        value = find(cookies)
        return text(value) if value is not None else None

    return read


def _upstream_trailer(rest: str) -> Getter:
    name = wire(rest.replace("_", "-"))

    def read(exchange: Exchange) -> str | None:
        found = [value for field, value in exchange.upstream_trailers if field.lower() == name]
        return text(b", ".join(found)) if found else None

    return read


VARIABLES: tuple[Variable | Prefix, ...] = (
    Variable(
        "upstream_addr", _per_try(lambda attempt: attempt.addr), doc="the address of each server that was tried: `a, b`"
    ),
    Variable(
        "upstream_status",
        _per_try(lambda attempt: str(attempt.status) if attempt.status else None),
        doc="their statuses; `-` for one that gave none",
    ),
    Variable("upstream_connect_time", _time("connect_time"), doc="seconds to connect, with milliseconds"),
    Variable("upstream_header_time", _time("header_time"), doc="seconds to the end of the response's head"),
    Variable("upstream_response_time", _time("response_time"), doc="seconds to the end of the response"),
    Variable(
        "upstream_response_length",
        _per_try(lambda attempt: str(attempt.response_length)),
        doc="bytes of the responses' bodies",
    ),
    Variable(
        "upstream_bytes_received",
        _per_try(lambda attempt: str(attempt.bytes_received)),
        doc="bytes that came from them",
    ),
    Variable(
        "upstream_bytes_sent", _per_try(lambda attempt: str(attempt.bytes_sent)), doc="bytes that were sent to them"
    ),
    Variable("upstream_cache_status", lambda _: None, doc="not found: responses are not cached yet"),
    Prefix("upstream_http_", _upstream_http, doc="a field of the last response"),
    Prefix("upstream_cookie_", _upstream_cookie, doc="a cookie that the last response sets"),
    Prefix("upstream_trailer_", _upstream_trailer, doc="a field of its trailer"),
)


# state


@dataclass(frozen=True, slots=True)
class Upstream:
    """A group at work, and how its connections are kept."""

    group: Group
    keepalive: KeepAlive = KeepAlive()


@dataclass(slots=True)
class _Holder:
    """What a group leaves to its successor of the same name."""

    group: Group | None = None


def make_upstream(build: Build, group: Group, keepalive: KeepAlive) -> Upstream:
    """A group that takes over the state of its namesake when its generation is put in force.

    `keepalive.group` is what tells it from others: a host may be spoken to with and without TLS.
    """
    holder = build.claim(("upstream", keepalive.group), _Holder)

    def adopt() -> None:
        if holder.group is not None:
            group.adopt(holder.group)
        holder.group = group

    build.at_start(adopt)
    return Upstream(group, keepalive)


def addresses_of(written: str, default_port: int, span: Span | None) -> Iterator[Address]:
    """The addresses that a server written in the configuration stands for; names are looked up now."""
    if written.startswith("unix:"):
        yield Address("", 0, written[5:])
        return
    host, port = split_port(written, default_port, span)
    try:
        for found in resolve_now(host):
            yield Address(found, port)
    except HostNotFound:
        raise ConfigError(
            f'host not found in upstream "{written}"',
            span,
            help="the name must be known when the configuration is read",
        ) from None


def split_port(written: str, default_port: int, span: Span | None = None) -> tuple[str, int]:
    """`host[:port]` taken apart; raises ConfigError."""
    host, separator, port = written, "", ""
    if written.startswith("["):
        host, _, rest = written[1:].partition("]")
        separator, port = rest[:1], rest[1:]
    elif ":" in written:
        host, separator, port = written.rpartition(":")
    if not host:
        raise ConfigError(f'no host in upstream "{written}"', span)
    if separator and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise ConfigError(f'invalid port in upstream "{written}"', span, help="a port is 1 to 65535")
    return host, int(port) if port else default_port


METHODS: tuple[tuple[type, str, Callable[[Build, Sequence[PeerSettings]], Method], bool], ...] = (
    (LeastConnSettings, "least_conn", upstream_least_conn.method_of, True),
    (IpHashSettings, "ip_hash", upstream_ip_hash.method_of, False),
    (HashSettings, "hash", upstream_hash.method_of, False),
    (RandomSettings, "random", upstream_random.method_of, False),
)
"""What may stand in a group instead of round robin, and whether it knows backups."""


def define(build: Build) -> None:
    """Make the groups that the configuration names."""
    blocks = build.settings(UpstreamBlocks).upstream
    define_each([(opened, opened.scope.span) for opened in blocks], partial(_define_or_stand_in, build))


def _define_or_stand_in(build: Build, opened: Opened[str], span: Span | None) -> None:
    try:
        _define(build, opened, span)
    except ConfigError:
        if build.named(Upstream, opened.argument) is None:
            # Whoever passes requests to it would be told of a host that isn't found, which is no mistake of theirs.
            nobody = PeerSettings(address=Address("", 0), name=opened.argument)
            build.name(opened.argument, Upstream(Group(opened.argument, [nobody])))
        raise


def _define(build: Build, opened: Opened[str], span: Span | None) -> None:
    inner = build.within(opened.scope)
    own = inner.settings(UpstreamSettings)
    if own.zone is not None:
        place = inner.origin(UpstreamSettings, "zone")
        declare_zone(build, own.zone.name, ZoneUse("upstream", own.zone.size), place)
    peers = list(_peers(inner, own))
    primaries = [peer for peer in peers if not peer.backup]
    if not primaries:
        which = "but backups are " if peers else "are "
        raise ConfigError(f'no servers {which}inside upstream "{opened.argument}"', span)
    group = Group(opened.argument, peers, _method(inner, primaries), queue_of(inner))
    kept = KeepAlive(own.keepalive, own.keepalive_requests, own.keepalive_time, own.keepalive_timeout, opened.argument)
    build.name(opened.argument, make_upstream(build, group, kept), span)


def _peers(inner: Build, own: UpstreamSettings) -> Iterator[PeerSettings]:
    for line, place in zip(own.server, inner.origins(UpstreamSettings, "server"), strict=True):
        for address in addresses_of(line.address, 80, place):
            yield PeerSettings(
                address=address,
                name=line.address,
                weight=line.weight,
                max_fails=line.max_fails,
                fail_timeout=int(line.fail_timeout),
                max_conns=line.max_conns,
                backup=line.backup,
                down=line.down,
                slow_start=line.slow_start,
            )


def _method(inner: Build, primaries: Sequence[PeerSettings]) -> Method:
    """How the group's peers are chosen; of several ways the one that is written last, as nginx has it."""
    found: tuple[int, Method] = (-1, ROUND_ROBIN)
    for settings, name, method_of, knows_backups in METHODS:
        if inner.given(settings, name) and (place := inner.origin(settings, name)) is not None:
            if not knows_backups:
                _refuse_words(inner, name, place)
            if place.start > found[0]:
                found = place.start, method_of(inner, primaries)
    return found[1]


def _refuse_words(inner: Build, name: str, place: Span) -> None:
    """nginx refuses what a method doesn't know where it is written above it, and takes it where it is below."""
    servers = inner.settings(UpstreamSettings).server
    for line, span in zip(servers, inner.origins(UpstreamSettings, "server"), strict=True):
        word = "slow_start" if line.slow_start else "backup" if line.backup else ""
        if word and span.source is place.source and span.start > place.start:
            message = f'balancing method does not support parameter "{word}"'
            raise ConfigError(message, span, related=((name, place),))


MODULE = Module("upstream", settings=(UpstreamBlocks, UpstreamSettings), variables=VARIABLES, define=define)
