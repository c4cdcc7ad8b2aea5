"""ngx_http_limit_req_module: the rate of requests is limited for each key, by a leaky bucket.

Each request pours 1000 into its key's bucket, which leaks as many thousandths a second as the rate says. More than
`burst` in it and the request is refused; more than `delay`, and it waits until what is above has leaked.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
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
from pyngx.core.variables import Variable
from pyngx.core.zones import ZoneUse, declare_zone, define_each, parse_zone, room_in, taken_by
from pyngx.http.codec import wire

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from pyngx.config.source import Span
    from pyngx.config.syntax import Node, Word
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.template import Render

UNLIMITED = (2**63 - 1) // 1000 * 1000
REQUEST = 1000  # what one pours
LONGEST_KEY = 65535  # bytes
MILDER = {"error": "warn", "warn": "notice", "notice": "info", "info": "info"}


# arguments


@dataclass(frozen=True, slots=True)
class ZoneLine:
    """A `limit_req_zone`: what is counted by, how much memory it may take, thousandths of a request a second."""

    key: Text
    name: str
    size: int
    rate: int


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A `limit_req`, in thousandths of a request."""

    zone: str
    burst: int = 0
    delay: int = 0


def _zone(node: Node) -> ZoneLine:
    name, size, rate = "", 0, REQUEST
    for word in node.args[1:]:
        if word.text.startswith("zone="):
            name, size = parse_zone(word)
        elif word.text.startswith("rate="):
            rate = _rate(word)
        else:
            raise ConfigError(f'invalid parameter "{word.text}"', word.span, "known parameters: zone=, rate=")
    if not name:
        raise ConfigError('"limit_req_zone" must have "zone" parameter', node.span)
    return ZoneLine(text_of(node.args[0]), name, size, rate)


def _rate(word: Word) -> int:
    written, scale = word.text.removeprefix("rate="), 1
    if written.endswith(("r/s", "r/m")):
        scale = 60 if written.endswith("m") else 1
        written = written[:-3]
    return _positive(word, "rate", written) * REQUEST // scale


def _limit(node: Node) -> LimitLine:
    zone, burst, delay = "", 0, 0
    for word in node.args:
        name, equals, value = word.text.partition("=")
        if name == "zone" and equals:
            zone = value
        elif name == "burst" and equals:
            burst = _positive(word, "burst value", value) * REQUEST
        elif name == "delay" and equals:
            delay = _positive(word, "delay value", value) * REQUEST
        elif word.text == "nodelay":
            delay = UNLIMITED
        else:
            advice = "known parameters: zone=, burst=, delay=, nodelay"
            raise ConfigError(f'invalid parameter "{word.text}"', word.span, advice)
    if not zone:
        raise ConfigError('"limit_req" must have "zone" parameter', node.span)
    return LimitLine(zone, burst, delay)


def _positive(word: Word, what: str, written: str) -> int:
    if not (written.isascii() and written.isdigit() and len(written) < len(str(UNLIMITED)) and int(written)):
        examples = {"rate": "rate=10r/s or rate=30r/m"}
        raise ConfigError(f'invalid {what} "{word.text}"', word.span, examples.get(what, "a number from 1 on"))
    return int(written)


# settings


@dataclass(frozen=True, slots=True)
class LimitReqZones:
    """The buckets."""

    limit_req_zone: tuple[ZoneLine, ...] = repeated(
        Argument("key zone=name:size rate=rate", _zone, 3, 3), "http", doc="buckets for the values of a key"
    )


@dataclass(frozen=True, slots=True)
class LimitReqSettings:
    """Which buckets requests are poured into."""

    limit_req: tuple[LimitLine, ...] = repeated(
        Argument("zone=name [burst=number] [nodelay | delay=number]", _limit, 1, 3),
        EVERYWHERE,
        doc="how many requests may be ahead of the rate, and from which one on they wait",
    )
    limit_req_status: int = directive(number(400, 599), EVERYWHERE, default=503, doc="the status of refused requests")
    limit_req_log_level: str = directive(
        choice("info", "notice", "warn", "error"),
        EVERYWHERE,
        default="error",
        doc="the level that refusals are logged at; delays one level lower",
    )
    limit_req_dry_run: bool = directive(
        flag, EVERYWHERE, default=False, doc="whether requests are counted and logged only"
    )


# variables


STATUS = "limit_req_status"
VARIABLES = (
    Variable(
        STATUS,
        lambda exchange: exchange.values.get(STATUS),
        doc="PASSED, DELAYED, REJECTED, DELAYED_DRY_RUN or REJECTED_DRY_RUN",
    ),
)


# state


class Bucket:
    """What one key's requests have poured, and when it was looked at last, in ms."""

    __slots__ = ("excess", "last")

    def __init__(self, last: int) -> None:
        self.excess = 0
        self.last = last

    def __repr__(self) -> str:
        return f"<Bucket {self.excess / REQUEST:.3f} at {self.last}>"

    def with_one_more(self, rate: int, now: int) -> int:
        """What is in it at a time, with one more request."""
        return max(0, self.excess - rate * max(0, now - self.last) // 1000 + REQUEST)

    def is_empty(self, rate: int, now: int) -> bool:
        """Whether it has run out, and was not asked for in a minute."""
        unused = now - self.last
        return unused >= 60_000 and self.excess <= rate * unused // 1000


LONG_AGO = -(2**40)  # in ms: when a new bucket was looked at last


class Zone:
    """The buckets of one zone, those that were asked for longest ago first; no more than fit into its size."""

    __slots__ = ("_room", "buckets")

    RECORD = 80  # bytes that a bucket takes beside its key
    OWN = 128

    def __init__(self, size: int) -> None:
        self.buckets: OrderedDict[bytes, Bucket] = OrderedDict()
        self._room = room_in(size) - self.OWN

    def __repr__(self) -> str:
        return f"<Zone of {len(self.buckets)} buckets, room for {self._room} bytes>"

    def find(self, key: bytes) -> Bucket | None:
        """A key's bucket, if it has one."""
        bucket = self.buckets.get(key)
        if bucket is not None:
            self.buckets.move_to_end(key)
        return bucket

    def add(self, key: bytes, rate: int, now: int) -> Bucket | None:
        """A new bucket; None if there can't be room for it. One or two empty ones make room each time."""
        size = taken_by(self.RECORD + len(key))
        self._drop_empty(rate, now)
        if size > self._room:
            self._drop_oldest()
            self._drop_empty(rate, now)
        while size > self._room and self.buckets:
            self._drop_oldest()
        if size > self._room:
            return None
        self._room -= size
        bucket = self.buckets[key] = Bucket(LONG_AGO)
        return bucket

    def _drop_empty(self, rate: int, now: int) -> None:
        for _ in range(2):
            if self.buckets and next(iter(self.buckets.values())).is_empty(rate, now):
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        if self.buckets:
            key, _ = self.buckets.popitem(last=False)
            self._room += taken_by(self.RECORD + len(key))


# handlers


@dataclass(frozen=True, slots=True)
class NamedZone:
    """A zone as `limit_req` finds it."""

    zone: Zone
    line: ZoneLine
    render: Render


@dataclass(frozen=True, slots=True)
class Limit:
    """One `limit_req`: sizes in thousandths of a request, the rate in such a second."""

    zone: Zone
    name: str
    key: str  # as it is written
    render: Render
    rate: int
    burst: int
    delay: int

    def wait_for(self, excess: int) -> int:
        """Milliseconds that a request waits which brings a bucket to that."""
        return max(0, excess - self.delay) * 1000 // self.rate


def milliseconds() -> int:
    """Now, on a clock that nobody sets."""
    return int(time.monotonic() * 1000)


@dataclass(frozen=True, slots=True)
class Limiter:
    """All `limit_req` of a location."""

    limits: tuple[Limit, ...]
    status: int
    level: str
    dry_run: bool
    clock: Callable[[], int] = milliseconds

    def handle(self, exchange: Exchange) -> Status | Awaitable[None] | None:
        """Let a request pass, now or later, or refuse it. Whoever was judged once isn't again after a redirect."""
        verdict = self.judge(exchange) if STATUS not in exchange.values else 0
        if isinstance(verdict, Status):
            return verdict
        return _wait(exchange, verdict / 1000) if verdict else None

    def judge(self, exchange: Exchange) -> Status | int:
        """A refusal, or milliseconds to wait; only what every limit lets pass is poured."""
        now = self.clock()
        poured: list[tuple[Limit, Bucket]] = []
        for limit in self.limits:
            key = self._key(exchange, limit)
            if not key:
                continue
            bucket = limit.zone.find(key) or limit.zone.add(key, limit.rate, now)
            if bucket is None:
                exchange.log("alert", "zone_full", f'could not allocate node in limit_req zone "{limit.name}"')
                return self._refuse(exchange)
            if (excess := bucket.with_one_more(limit.rate, now)) > limit.burst:
                what = "limiting requests, dry run" if self.dry_run else "limiting requests"
                message = f'{what}, excess: {_shown(excess)} by zone "{limit.name}"'
                exchange.log(self.level, "request_limited", message)
                return self._refuse(exchange)
            poured.append((limit, bucket))
        return self._pour(exchange, poured, now) if poured else 0

    def _key(self, exchange: Exchange, limit: Limit) -> bytes:
        key = wire(limit.render(exchange))
        if len(key) <= LONGEST_KEY:
            return key
        message = f'the value of the "{limit.key}" key is more than {LONGEST_KEY} bytes: "{key[:100]!r}..."'
        exchange.log("error", "key_too_long", message)
        return b""

    def _refuse(self, exchange: Exchange) -> Status | int:
        exchange.values[STATUS] = "REJECTED_DRY_RUN" if self.dry_run else "REJECTED"
        return 0 if self.dry_run else Status(self.status)

    def _pour(self, exchange: Exchange, poured: Sequence[tuple[Limit, Bucket]], now: int) -> int:
        longest, why = 0, ""
        for limit, bucket in reversed(poured):
            excess = bucket.with_one_more(limit.rate, now)
            bucket.excess, bucket.last = excess, max(bucket.last, now)
            if (delay := limit.wait_for(excess)) > longest:
                longest, why = delay, f'excess: {_shown(excess)}, by zone "{limit.name}"'
        if not longest:
            exchange.values[STATUS] = "PASSED"
            return 0
        what = "delaying request, dry run" if self.dry_run else "delaying request"
        exchange.log(MILDER[self.level], "request_delayed", f"{what}, {why}")
        exchange.values[STATUS] = "DELAYED_DRY_RUN" if self.dry_run else "DELAYED"
        return 0 if self.dry_run else longest


async def _wait(exchange: Exchange, seconds: float) -> None:
    """Hold nothing meanwhile, and wait for nobody: also one who only says no more is gone (ngx_http_test_reading)."""
    exchange.on_gone = exchange.leave
    try:
        await asyncio.sleep(seconds)
    finally:
        exchange.on_gone = None


def _shown(excess: int) -> str:
    return f"{excess // REQUEST}.{excess % REQUEST:03}"


def define(build: Build) -> None:
    """Make the zones, or go on with those that are there: a zone begins anew when its key or its size changes."""
    lines = build.settings(LimitReqZones).limit_req_zone
    spans = build.origins(LimitReqZones, "limit_req_zone")
    define_each(zip(lines, spans, strict=True), partial(_define, build))


def _define(build: Build, line: ZoneLine, span: Span | None) -> None:
    if (known := build.named(NamedZone, line.name)) is not None:
        message = f'limit_req_zone "{line.name}" is already bound to key "{known.line.key}"'
        raise ConfigError(message, span)
    declare_zone(build, line.name, ZoneUse("limit_req_zone", line.size), span)
    zone = build.claim(("limit_req_zone", line.name, line.key.value, line.size), lambda: Zone(line.size))
    build.name(line.name, NamedZone(zone, line, build.template(line.key).render), span)


def make_handler(build: Build) -> Callable[[Exchange], Status | Awaitable[None] | None] | None:
    """What limits the requests of a location that says so."""
    own = build.settings(LimitReqSettings)
    if not own.limit_req:
        return None
    limits: dict[str, Limit] = {}
    for line, span in zip(own.limit_req, build.origins(LimitReqSettings, "limit_req"), strict=True):
        if (found := build.named(NamedZone, line.zone)) is None:
            message = f'zero size shared memory zone "{line.zone}"'
            raise ConfigError(message, span, help=f"no limit_req_zone has zone={line.zone}:size")
        if line.zone in limits:
            raise ConfigError('"limit_req" directive is duplicate', span, help=f'for zone "{line.zone}"')
        zone = found.line
        limits[line.zone] = Limit(
            found.zone, zone.name, zone.key.value, found.render, zone.rate, line.burst, line.delay
        )
    return Limiter(tuple(limits.values()), own.limit_req_status, own.limit_req_log_level, own.limit_req_dry_run).handle


MODULE = Module(
    "limit_req",
    settings=(LimitReqZones, LimitReqSettings),
    variables=VARIABLES,
    define=define,
    handlers={Phase.PREACCESS: make_handler},
)
