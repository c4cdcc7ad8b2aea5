"""ngx_http_gzip_filter_module: compressed responses, for clients that take them."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, bits, choice, flag, number, of_words, parse_size, size, text_of
from pyngx.config.declare import directive, repeated
from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import HeaderFilter, Response
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module
from pyngx.core.regex import compile_regex
from pyngx.core.variables import Variable
from pyngx.http.accept_encoding import accepts_gzip
from pyngx.http.codec import text
from pyngx.http.compressors import make_compressor
from pyngx.http.dates import parse_http_date
from pyngx.http.etag import weaken
from pyngx.http.headers import list_members
from pyngx.modules.type_sets import HTML, media_types, type_test

if TYPE_CHECKING:
    from pyngx.config.arguments import Text
    from pyngx.config.syntax import Node, Word
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

COMPRESSED = frozenset({200, 403, 404})
"""Statuses of responses that are worth it."""
VARY = (b"Vary", b"Accept-Encoding")
OLD_EXPLORER = "msie6"

Accepts = Callable[["Exchange", Response], bool]


# arguments


def _bits_of(largest: int, bits_of_largest: int, usage: str) -> Argument[int]:
    """A power of two from 512 up to the largest, as the number of bits that zlib wants."""

    def parse(node: Node) -> int:
        word = node.args[0]
        value = parse_size(word)
        fewer = {largest >> down: bits_of_largest - down for down in range(largest.bit_length() - 9)}
        if value not in fewer:
            raise ConfigError(f'"{node.name.text}" directive {usage}', word.span)
        return fewer[value]

    return Argument("size", parse, 1, 1)


def _agent(word: Word) -> Text:
    if word.text != OLD_EXPLORER:
        compile_regex(word.text, word.span)  # to tell what is wrong, wherever it stands
    return text_of(word)


window = _bits_of(32 * 1024, 15, "must be 512, 1k, 2k, 4k, 8k, 16k, or 32k")
hash_size = _bits_of(128 * 1024, 9, "must be 512, 1k, 2k, 4k, 8k, 16k, 32k, 64k, or 128k")
proxied = bits(
    "off", "expired", "no-cache", "no-store", "private", "no_last_modified", "no_etag", "auth", "any"
)  # fmt: skip


# settings


@dataclass(frozen=True, slots=True)
class GzipSettings:
    """What is compressed, and how; sizes in bytes."""

    gzip: bool = directive(
        flag, f"{EVERYWHERE} location-if", default=False, doc="whether responses are compressed for clients that ask"
    )
    gzip_comp_level: int = directive(
        number(1, 9), EVERYWHERE, default=1, doc="how hard to try: 1 is the fastest, 9 gives the smallest"
    )
    gzip_min_length: int = directive(size, EVERYWHERE, default=20, doc="shorter responses are left as they are")
    gzip_types: tuple[tuple[str, ...], ...] = repeated(
        media_types,
        EVERYWHERE,
        default=HTML,
        shown="text/html",
        doc="media types that are compressed, text/html always; * for all",
    )
    gzip_window: int = directive(
        window, EVERYWHERE, default=15, shown="32k", doc="how far back repetitions are looked for"
    )
    gzip_hash: int = directive(hash_size, EVERYWHERE, default=8, shown="64k", doc="memory for looking them up")


@dataclass(frozen=True, slots=True)
class GzipClientSettings:
    """Who gets compressed responses; counts for ready-made files and for decompression, too."""

    gzip_vary: bool = directive(
        flag, EVERYWHERE, default=False, doc="whether responses that might be compressed get Vary: Accept-Encoding"
    )
    gzip_http_version: str = directive(
        choice("1.0", "1.1"), EVERYWHERE, default="1.1", doc="the least version of HTTP that a client has to speak"
    )
    gzip_proxied: tuple[frozenset[str], ...] = repeated(
        proxied,
        EVERYWHERE,
        default=(frozenset({"off"}),),
        shown="off",
        doc="which responses to requests that came through a proxy (Via) are compressed",
    )
    gzip_disable: tuple[tuple[Text, ...], ...] = repeated(
        of_words("msie6 | regex ...", _agent),
        EVERYWHERE,
        doc="clients that get nothing compressed, by regexes for User-Agent",
    )


# what other modules use


def gzip_test(build: Build) -> Accepts:
    """Whether a client gets what is compressed (ngx_http_gzip_ok)."""
    own = build.settings(GzipClientSettings)
    least_version = own.gzip_http_version
    may_pass_proxy = _proxied_test(frozenset[str]().union(*own.gzip_proxied))
    is_disabled = _agent_test(build, own)

    def accepts(exchange: Exchange, response: Response) -> bool:
        asked = exchange.headers
        value = asked.get(b"accept-encoding")
        return (
            value is not None
            and accepts_gzip(value)
            and exchange.version >= least_version
            and (b"via" not in asked or may_pass_proxy(exchange, response))
            and (is_disabled is None or not is_disabled(exchange))
        )

    return accepts


def say_it_varies(response: Response) -> None:
    """Tell caches that who asks matters; once, however many filters want it."""
    if VARY not in response.headers.items:
        response.headers.add(*VARY)


def has_content_encoding(response: Response) -> bool:
    """Whether a body is encoded already."""
    return bool(response.headers.get(b"content-encoding"))


def body_changes(response: Response) -> None:
    """The body's length, its parts and its bytes are no longer those that the head tells of."""
    response.length = None
    response.allow_ranges = False
    response.headers.remove(b"Accept-Ranges")
    etag = response.entity_tag()
    if etag is not None:
        response.set_etag(weaken(etag))


# variables


def _ratio(exchange: Exchange) -> str | None:
    found = next((each for each in exchange.body_filters if isinstance(each, Gzip)), None)
    if found is None or not found.size_after:
        return None
    hundredths = (found.size_before * 1000 // found.size_after + 5) // 10
    return f"{hundredths // 100}.{hundredths % 100:02}"


VARIABLES = (
    Variable("gzip_ratio", _ratio, doc="how much larger the response was before it was compressed, as in `3.14`"),
)


# state


class Gzip:
    """A body filter that compresses; the sizes are known when the body is whole."""

    __slots__ = ("_before", "_compressor", "_fresh", "_so_far", "size_after", "size_before")

    def __init__(self, level: int, window_bits: int, memory_level: int) -> None:
        self._compressor = make_compressor(level, window_bits, memory_level)
        self._before = self._so_far = 0
        self._fresh = False  # whether anything came since the last flush
        self.size_before = self.size_after = 0

    def feed(self, data: bytes) -> bytes:
        """Compress a part; zlib holds back what it may still need."""
        self._before += len(data)
        self._fresh = True
        return self._counted(self._compressor.compress(data))

    def flush(self) -> bytes:
        """All that came so far in a form that the client can read: it costs some bytes."""
        if not self._fresh:
            return b""
        self._fresh = False
        return self._counted(self._compressor.flush(zlib.Z_SYNC_FLUSH))

    def finish(self) -> bytes:
        """The rest, and the checksum."""
        data = self._counted(self._compressor.flush())
        self.size_before, self.size_after = self._before, self._so_far
        return data

    def _counted(self, data: bytes) -> bytes:
        self._so_far += len(data)
        return data


# handlers


def make_filter(build: Build) -> HeaderFilter | None:
    """What has a response compressed, in a location that says so."""
    own = build.settings(GzipSettings)
    if not own.gzip:
        return None
    minimum = own.gzip_min_length
    is_wanted = type_test(own.gzip_types)
    accepts = gzip_test(build)
    vary = build.settings(GzipClientSettings).gzip_vary

    def compress(exchange: Exchange, response: Response) -> None:
        length = response.length
        if (
            response.status not in COMPRESSED
            or (length is not None and length < minimum)
            or has_content_encoding(response)
            or not is_wanted(response)
        ):
            return
        if vary:
            say_it_varies(response)
        if not accepts(exchange, response):
            return
        exchange.body_filters.append(_compressor(own, length or 0))
        response.headers.set(b"Content-Encoding", b"gzip")
        body_changes(response)

    return compress


def _compressor(own: GzipSettings, length: int) -> Gzip:
    """A compressor with no more memory than the length asks for (ngx_http_gzip_filter_memory)."""
    window_bits, memory_level = own.gzip_window, own.gzip_hash
    while 0 < length < (1 << (window_bits - 1)) - 262:
        window_bits -= 1
        memory_level -= 1
    return Gzip(own.gzip_comp_level, max(window_bits, 9), max(memory_level, 1))


def _proxied_test(wanted: frozenset[str]) -> Accepts:
    """Whether a response may be compressed for a proxy."""
    if "off" in wanted or "any" in wanted:
        answer = "off" not in wanted
        return lambda _exchange, _response: answer
    directives = frozenset(word.encode() for word in wanted & {"no-cache", "no-store", "private"})

    def may_pass(exchange: Exchange, response: Response) -> bool:
        fields = response.headers
        if "auth" in wanted and b"authorization" in exchange.headers:
            return True
        if (expires := fields.get(b"expires")) is not None:
            return "expired" in wanted and _is_over(expires, response.date)
        if b"cache-control" in fields:
            return not directives.isdisjoint(list_members(fields.all(b"cache-control")))
        # as nginx: the time of a file of our own is not among its fields
        return not (
            ("no_last_modified" in wanted and b"last-modified" in fields)
            or ("no_etag" in wanted and response.entity_tag() is not None)
        )

    return may_pass


def _is_over(expires: bytes, date: bytes | None) -> bool:
    moment = parse_http_date(expires)
    now = int(time.time()) if date is None else parse_http_date(date)
    return moment is not None and now is not None and moment < now


def _agent_test(build: Build, own: GzipClientSettings) -> Callable[[Exchange], bool] | None:
    """Whether a client is one of those that get nothing compressed."""
    patterns = [each for group in own.gzip_disable for each in group]
    if not patterns:
        return None
    old_explorer = any(each.value == OLD_EXPLORER for each in patterns)
    regexes = [build.regex(each.value, each.span, ignore_case=True) for each in patterns if each.value != OLD_EXPLORER]

    def is_disabled(exchange: Exchange) -> bool:
        value = exchange.headers.get(b"user-agent")
        if value is None:
            return False
        agent = text(value)
        return (old_explorer and is_old_explorer(agent)) or any(regex.search(agent) is not None for regex in regexes)

    return is_disabled


def is_old_explorer(agent: str) -> bool:
    """Whether a User-Agent is that of MSIE 4 to 6 before Windows XP SP2 (ngx_http_process_user_agent)."""
    at = agent.find("MSIE ")
    if at < 0 or at + 7 >= len(agent) or agent[at + 6] != "." or "Opera" in agent:
        return False
    return agent[at + 5] in "45" or (agent[at + 5] == "6" and "SV1" not in agent[at + 8 :])


MODULE = Module("gzip", settings=(GzipSettings, GzipClientSettings), variables=VARIABLES, header_filter=make_filter)
