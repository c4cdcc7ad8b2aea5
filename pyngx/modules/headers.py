"""ngx_http_headers_filter_module: fields and trailers of one's own, and how long clients may keep a response."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, choice, parse_seconds, text_of
from pyngx.config.declare import directive, repeated
from pyngx.config.diagnostics import ConfigError
from pyngx.config.inherit import settings
from pyngx.config.source import Source, Span
from pyngx.config.syntax import Word
from pyngx.core.answers import HeaderFilter, Response
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module
from pyngx.core.template import has_variables
from pyngx.http.codec import wire
from pyngx.http.dates import PerSecond, format_http_date, parse_http_date
from pyngx.http.headers import is_token

if TYPE_CHECKING:
    from pyngx.config.scope import Scope
    from pyngx.config.syntax import Node
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

SAFE = frozenset({200, 201, 204, 206, 301, 302, 303, 304, 307, 308})
"""Statuses that get fields without `always`."""

DAY = 86_400
EPOCH = (b"Thu, 01 Jan 1970 00:00:01 GMT", b"no-cache")
MAX = (b"Thu, 31 Dec 2037 23:55:55 GMT", b"max-age=315360000")
LINE_ENDS = re.compile(rb"[\r\n\x00]+[ \t]*")

Apply = Callable[["Exchange", Response], None]
Validity = Callable[[Response], tuple[bytes, bytes] | None]
"""Gives Expires and Cache-Control."""


# arguments


@dataclass(frozen=True, slots=True)
class AddedField:
    """One `add_header` or `add_trailer`."""

    name: str
    value: Text
    always: bool = False


@dataclass(frozen=True, slots=True)
class Expires:
    """The value of `expires`: a word or a time, perhaps one with variables; None for `off`."""

    value: Text
    from_modification: bool = False


def _added_field(node: Node) -> AddedField:
    name, value, *rest = node.args
    if not is_token(wire(name.text)):
        raise ConfigError(f'invalid field name "{name.text}"', name.span, help="a name has letters, digits and dashes")
    if rest and rest[0].text != "always":
        raise ConfigError(f'invalid parameter "{rest[0].text}"', rest[0].span, help='the only parameter is "always"')
    return AddedField(name.text, text_of(value), bool(rest))


def _expires(node: Node) -> Expires | None:
    from_modification = len(node.args) == 2
    if from_modification and node.args[0].text != "modified":
        raise ConfigError('"expires" directive invalid value', node.args[0].span, help="expires modified 1h;")
    word = node.args[-1]
    if not has_variables(word.text):
        try:
            _read_validity(word, from_modification)
        except ConfigError as error:
            message = error.diagnostics[0].message
            if message.startswith("invalid value"):
                message = "invalid value"
            help_ = "a time (30d, -1, @15h30m), epoch, max or off"
            raise ConfigError(f'"expires" directive {message}', word.span, help=help_) from None
        if word.text == "off":
            return None
    return Expires(text_of(word), from_modification)


added_field = Argument("name value [always]", _added_field, 2, 3)
expires = Argument("[modified] time | epoch | max | off", _expires, 1, 2)
inheritance = choice("off", "on", "merge")


# settings

CONTEXTS = f"{EVERYWHERE} location-if"


@dataclass(frozen=True, slots=True)
class HeadersSettings:
    """What is added to responses."""

    add_header: tuple[AddedField, ...] = repeated(
        added_field, CONTEXTS, doc="a field that responses get; with `always` errors as well"
    )
    add_header_inherit: str = directive(
        inheritance,
        CONTEXTS,
        default="on",
        doc="whether fields of outer blocks count here: only if there are no own"
        " ones (on), never (off), or beside them (merge)",
    )
    add_trailer: tuple[AddedField, ...] = repeated(
        added_field, CONTEXTS, doc="a field that responses get after their body; with `always` errors as well"
    )
    add_trailer_inherit: str = directive(
        inheritance, CONTEXTS, default="on", doc="the same as add_header_inherit for trailers"
    )
    expires: Expires | None = directive(
        expires, CONTEXTS, default=None, shown="off", doc="how long responses are fresh: Expires and Cache-Control"
    )


# handlers


def make_filter(build: Build) -> HeaderFilter | None:
    """What adds fields, in a block that says so."""
    own = build.settings(HeadersSettings)
    safe: list[Apply] = []
    if own.expires is not None:
        safe.append(_expiry(build, own.expires))
    added = _in_force(build.scope, "add_header", "add_header_inherit")
    safe += [_adder(build, field) for field in added]
    always = [_adder(build, field) for field in added if field.always]
    trailers = _in_force(build.scope, "add_trailer", "add_trailer_inherit")
    if trailers:
        safe.append(_announce([_trailer(build, field) for field in trailers]))
        if lasting := [_trailer(build, field) for field in trailers if field.always]:
            always.append(_announce(lasting))
    if not safe:
        return None

    def apply(exchange: Exchange, response: Response) -> None:
        for change in safe if response.status in SAFE else always:
            change(exchange, response)

    return apply


def _in_force(scope: Scope, field: str, inherit: str) -> tuple[AddedField, ...]:
    """A block's own fields and, as far as it inherits, those of the blocks around it."""
    given = scope.given.get((HeadersSettings, field))
    own: tuple[AddedField, ...] = given.value if given is not None else ()  # type: ignore[assignment] # a tuple of them
    rule = getattr(settings(scope, HeadersSettings), inherit)
    if scope.parent is None or rule == "off" or (own and rule != "merge"):
        return own
    return (*own, *_in_force(scope.parent, field, inherit))


def _adder(build: Build, field: AddedField) -> Apply:
    """What adds one field: nginx has several Cache-Control and Link fields, one Last-Modified and one ETag."""
    name = wire(field.name)
    render = _value(build, field.value)

    def add(exchange: Exchange, response: Response) -> None:
        if value := render(exchange):
            response.headers.add(name, value)

    def set_etag(exchange: Exchange, response: Response) -> None:
        value = render(exchange)
        response.set_etag(value or None)

    def set_last_modified(exchange: Exchange, response: Response) -> None:
        value = render(exchange)
        response.drop_last_modified()
        if value:
            response.last_modified = parse_http_date(value)
            response.headers.add(name, value)

    return {b"etag": set_etag, b"last-modified": set_last_modified}.get(name.lower(), add)


def _value(build: Build, value: Text) -> Callable[[Exchange], bytes]:
    """A field's value. What would end the field early is taken out: nginx sends it, and lets others write fields."""
    template = build.template(value)
    if template.constant is not None:
        constant = LINE_ENDS.sub(b" ", wire(template.constant))
        return lambda _: constant
    render = template.render
    return lambda exchange: LINE_ENDS.sub(b" ", wire(render(exchange)))


def _trailer(build: Build, field: AddedField) -> Callable[[Exchange], None]:
    name = wire(field.name)
    render = _value(build, field.value)

    def add(exchange: Exchange) -> None:
        if value := render(exchange):
            exchange.trailers = (*exchange.trailers, (name, value))

    return add


def _announce(trailers: list[Callable[[Exchange], None]]) -> Apply:
    """What has trailers sent with bodies that can have them (ngx_http_chunked_filter_module.c)."""

    def add_all(exchange: Exchange) -> None:
        for add in trailers:
            add(exchange)

    def announce(exchange: Exchange, _: Response) -> None:
        if exchange.version != "1.0" and not exchange.header_only:
            exchange.late_trailers = add_all

    return announce


# expires


def _expiry(build: Build, own: Expires) -> Apply:
    """What sets Expires and Cache-Control."""
    template = build.template(own.value)
    if template.constant is not None:
        fixed = _read_validity(_word(template.constant), own.from_modification)
        return lambda _, response: _set_validity(response, fixed)
    render = template.render

    def apply(exchange: Exchange, response: Response) -> None:
        value = render(exchange)
        try:
            validity = _read_validity(_word(value), own.from_modification)
        except ConfigError:  # as nginx: a value that makes no sense is no value
            return
        _set_validity(response, validity)

    return apply


def _set_validity(response: Response, validity: Validity) -> None:
    if (values := validity(response)) is not None:
        response.headers.set(b"Expires", values[0])
        response.headers.set(b"Cache-Control", values[1])


def _read_validity(word: Word, from_modification: bool) -> Validity:
    """What a value means; raises ConfigError."""
    value = word.text
    if not from_modification:
        match value:
            case "epoch":
                return lambda _: EPOCH
            case "max":
                return lambda _: MAX
            case "off":
                return lambda _: None
    sign = value[:1]
    seconds = parse_seconds(word.part(1) if sign in {"@", "+", "-"} else word)
    if value.endswith("ms"):
        raise ConfigError(f'invalid value "{value}"', word.span)
    if sign == "@":
        if from_modification:
            raise ConfigError('daily time cannot be used with "modified" parameter', word.span)
        if seconds > DAY:
            raise ConfigError("daily time value must be less than 24 hours", word.span)
        return lambda _: _fresh_until(_next_time(int(seconds)), int(time.time()))
    return _after(int(-seconds if sign == "-" else seconds), from_modification)


def _after(seconds: int, from_modification: bool) -> Validity:
    """So many seconds after now, or after the content changed where that is known."""
    date = PerSecond(lambda now: format_http_date(now + seconds))
    cache_control = b"max-age=%d" % seconds if seconds >= 0 else b"no-cache"

    def validity(response: Response) -> tuple[bytes, bytes]:
        start = response.modified() if from_modification and seconds else None
        if start is None:
            return date.at(time.time()), cache_control
        return _fresh_until(start + seconds, int(time.time()))

    return validity


def _fresh_until(moment: int, now: int) -> tuple[bytes, bytes]:
    return format_http_date(moment), b"max-age=%d" % (moment - now) if moment >= now else b"no-cache"


def _next_time(of_day: int) -> int:
    """When the clock shows a time of day again, in seconds since the epoch (ngx_next_time)."""
    now = time.time()
    today = time.localtime(now)
    clock = (of_day // 3600, of_day // 60 % 60, of_day % 60)
    for day in (today.tm_mday, today.tm_mday + 1):
        moment = time.mktime((today.tm_year, today.tm_mon, day, *clock, 0, 0, -1))
        if moment > now:
            break
    return int(moment)


def _word(value: str) -> Word:
    return Word(value, Span(Source("", value), 0, len(value)))


MODULE = Module("headers", settings=(HeadersSettings,), header_filter=make_filter)
