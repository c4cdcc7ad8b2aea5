"""ngx_http_charset_filter_module: the charset that a response says, and bodies recoded from another one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, flag, of_word
from pyngx.config.declare import directive, repeated
from pyngx.config.diagnostics import ConfigError
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module
from pyngx.http.codec import text, wire
from pyngx.http.escape import escape_line_ends
from pyngx.http.media_types import split_charset
from pyngx.http.recode import Recoding, between_bytes, to_and_from_utf8
from pyngx.modules.gzip import has_content_encoding
from pyngx.modules.proxy import ProxySettings
from pyngx.modules.type_sets import media_types, type_test

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.config.syntax import Node, Word
    from pyngx.core.answers import HeaderFilter, Response
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

TYPES = ("text/html", "text/xml", "text/plain", "text/vnd.wap.wml", "application/javascript", "application/rss+xml")
UTF8 = "utf-8"
LONGEST = 3  # bytes of a character that nginx's tables hold
FIRST_CHARACTER = 0x80  # ASCII is never recoded into UTF-8
LAST_CHARACTER = 0xFFFF
WITHOUT_CHARSET = frozenset({301, 302})  # an old browser took a redirect's charset for the next page's

Read = Callable[["Exchange"], "str | None"]


# arguments


@dataclass(frozen=True, slots=True)
class Charset:
    """A charset's name, or that of a variable that has it."""

    name: str
    is_variable: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CharsetMap:
    """One `charset_map` block: bytes of the first charset, and what they are in the second."""

    source: str
    target: str
    pairs: tuple[tuple[int, bytes], ...]
    span: Span | None = field(default=None, compare=False, repr=False)


def _charset(word: Word) -> Charset:
    if word.text.startswith("$"):
        return Charset(word.text[1:], True, word.span)
    return Charset(word.text, False, word.span)


def _charset_or_off(word: Word) -> Charset | None:
    return None if word.text == "off" else _charset(word)


def _charset_map(node: Node) -> CharsetMap:
    source, target = node.args
    if source.text.lower() == target.text.lower():
        message = f'"charset_map" between the same charsets "{source.text}" and "{target.text}"'
        raise ConfigError(message, target.span)
    if source.text.lower() == UTF8:
        raise ConfigError('"charset_map" with "utf-8" charset should be given in the second column', source.span)
    to_utf8 = target.text.lower() == UTF8
    pairs = []
    for line in node.block or ():
        if line.block is not None or len(line.args) != 1:
            help_ = "a line is a byte and what it becomes, both in hexadecimal: C0 D18E;"
            raise ConfigError("invalid parameters number", line.span, help=help_)
        pairs.append((_byte(line.name), _character(line.args[0]) if to_utf8 else bytes([_byte(line.args[0])])))
    return CharsetMap(source.text, target.text, tuple(pairs), node.span)


def _byte(word: Word) -> int:
    if not re.fullmatch(r"0*[0-9A-Fa-f]{1,2}", word.text):
        raise ConfigError(f'invalid value "{word.text}"', word.span, help="a byte is two hexadecimal digits")
    return int(word.text, 16)


def _character(word: Word) -> bytes:
    """The bytes of one character in UTF-8."""
    try:
        found = bytes.fromhex(word.text)
        character = found.decode()
    except ValueError:
        character = ""
    if len(character) != 1 or not FIRST_CHARACTER <= ord(character) <= LAST_CHARACTER:
        help_ = "one character in UTF-8, two or three bytes in hexadecimal: E282AC"
        raise ConfigError(f'invalid value "{word.text}"', word.span, help=help_)
    return found


charset_map = Argument("charset1 charset2", _charset_map, 2, 2, table=True)


# settings

CONTEXTS = f"{EVERYWHERE} location-if"


@dataclass(frozen=True, slots=True)
class CharsetSettings:
    """Which charset responses say, and which one they have."""

    charset: Charset | None = directive(
        of_word("charset | off", _charset_or_off),
        CONTEXTS,
        default=None,
        shown="off",
        doc="the charset that Content-Type names where it names none",
    )
    source_charset: Charset | None = directive(
        of_word("charset", _charset),
        CONTEXTS,
        default=None,
        doc="the charset that responses have; where it is another one they are recoded by a charset_map",
    )
    override_charset: bool = directive(
        flag, CONTEXTS, default=False, doc="whether responses that name a charset are recoded, too"
    )
    charset_types: tuple[tuple[str, ...], ...] = repeated(
        media_types,
        EVERYWHERE,
        default=(TYPES,),
        shown=" ".join(TYPES),
        doc="media types that get a charset, text/html always; * for all",
    )


@dataclass(frozen=True, slots=True)
class CharsetMapSettings:
    """What is known of charsets."""

    charset_map: tuple[CharsetMap, ...] = repeated(
        charset_map, "http", doc="which bytes of one charset are which of another, both ways"
    )


# state


@dataclass(frozen=True, slots=True)
class Recodings:
    """All ways from one charset to another, by their names in lower case."""

    ways: dict[tuple[str, str], Recoding]

    def find(self, source: str, target: str) -> Recoding | None:
        return self.ways.get((source.lower(), target.lower()))


# handlers


def define(build: Build) -> None:
    """Make the tables."""
    ways: dict[tuple[str, str], Recoding] = {}
    places: dict[tuple[str, str], Span | None] = {}
    for each in build.settings(CharsetMapSettings).charset_map:
        source, target = each.source.lower(), each.target.lower()
        if (source, target) in ways:
            before = places[source, target]
            related = (("first here", before),) if before is not None else ()
            message = f'duplicate "charset_map" between "{each.source}" and "{each.target}"'
            raise ConfigError(message, each.span, related=related)
        places[source, target] = places[target, source] = each.span
        if target == UTF8:
            found = to_and_from_utf8({byte: character.decode() for byte, character in each.pairs})
        else:
            found = between_bytes((byte, other[0]) for byte, other in each.pairs)
        ways[source, target], ways[target, source] = found
    build.name("", Recodings(ways))


def make_filter(build: Build) -> HeaderFilter | None:
    """What says the charset, and has the body recoded, in a location that has one."""
    own = build.settings(CharsetSettings)
    recodings = build.named(Recodings, "")
    if own.charset is None or recodings is None:
        return None
    _check(own.charset, own.source_charset, recodings)
    wanted = _wanted(build, own, own.charset)
    source_of = _reader(build, own.source_charset) if own.source_charset is not None else None

    def apply(exchange: Exchange, response: Response) -> None:
        content_type = response.headers.get(b"content-type")
        if not content_type:
            return
        bare, named = split_charset(content_type)
        target = wanted(exchange, response, named)
        if target is None:
            return
        source = text(named) if named else source_of(exchange) if source_of is not None else target
        if source is None:
            return
        if source.lower() != target.lower():
            if has_content_encoding(response):
                return
            recoding = recodings.find(source, target)
            if recoding is None:
                message = f'no "charset_map" between the charsets "{source}" and "{target}"'
                exchange.log("error", "charset_map_missing", message)
                return
            exchange.body_filters.append(recoding.start())
            if not recoding.keeps_length:
                response.length = None
        _say(response, bare, target)

    return apply


def said_charset(build: Build) -> Read:
    """The charset that pages of our own are going to have."""
    charset = build.settings(CharsetSettings).charset
    return _reader(build, charset) if charset is not None else lambda _: None


def _check(target: Charset, source: Charset | None, recodings: Recodings) -> None:
    """Complain of charsets between which there is no way, as far as that is known."""
    if source is None or source.is_variable or target.is_variable or source.name.lower() == target.name.lower():
        return
    if recodings.find(source.name, target.name) is None:
        message = f'no "charset_map" between the charsets "{source.name}" and "{target.name}"'
        raise ConfigError(message, source.span, help=f"charset_map {source.name} {target.name} {{ ... }}")


def _wanted(
    build: Build, own: CharsetSettings, charset: Charset
) -> Callable[[Exchange, Response, bytes | None], str | None]:
    """Which charset a response is to have; None leaves it as it is."""
    read = _reader(build, charset)
    is_wanted = type_test(own.charset_types)
    overrides = own.override_charset
    obeys_upstream = "X-Accel-Charset" not in build.settings(ProxySettings).proxy_ignore_headers

    def wanted(exchange: Exchange, response: Response, named: bytes | None) -> str | None:
        if obeys_upstream and response.parts is None and exchange.tries:
            fields = exchange.tries[-1].fields
            if fields is not None and (asked := fields.get(b"x-accel-charset")):
                return text(asked)
        if not (overrides if named else is_wanted(response)):
            return None
        return read(exchange)

    return wanted


def _reader(build: Build, charset: Charset) -> Read:
    if charset.is_variable:
        return build.variables.getter(charset.name, charset.span)
    return lambda _: charset.name


def _say(response: Response, bare: bytes, charset: str) -> None:
    """Name the charset in Content-Type; one that `add_header` wrote behind it stays as it is."""
    added = response.headers.all(b"content-type")[1:]
    named = charset and response.status not in WITHOUT_CHARSET
    response.headers.set(b"Content-Type", bare + b"; charset=" + wire(escape_line_ends(charset)) if named else bare)
    for value in added:
        response.headers.add(b"Content-Type", value)


MODULE = Module("charset", settings=(CharsetSettings, CharsetMapSettings), define=define, header_filter=make_filter)
