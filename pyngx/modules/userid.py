"""ngx_http_userid_filter_module: cookies that tell clients apart, in the form of mod_uid."""

from __future__ import annotations

import os
import re
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, bits, choice, number, parse_seconds, word
from pyngx.config.declare import directive
from pyngx.config.diagnostics import ConfigError
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.networks import parse_address
from pyngx.core.phases import Module
from pyngx.core.variables import Variable
from pyngx.http.codec import text, wire
from pyngx.http.cookies import cookie_finder
from pyngx.http.dates import format_cookie_date

if TYPE_CHECKING:
    from pyngx.config.syntax import Node
    from pyngx.core.answers import HeaderFilter, Response
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.variables import Getter

ENCODED = 22  # characters of base64 that hold 16 bytes; what is behind them may be a mark
FOREVER = b"Thu, 31-Dec-37 23:55:55 GMT"
WORDS, NETWORK_WORDS = Struct("=4I"), Struct("!4I")
FLAGS = ("secure", "httponly", "samesite=strict", "samesite=lax", "samesite=none")

_MARK = re.compile(r"[A-Za-z0-9=]")
_USABLE = re.compile(rb"[A-Za-z0-9+/]{22}")


# arguments


def _expires(node: Node) -> float | None:
    match node.args[0].text:
        case "max":
            return None
        case "off":
            return 0.0
    return parse_seconds(node.args[0])


def _mark(node: Node) -> str:
    mark = node.args[0]
    if mark.text == "off":
        return ""
    if _MARK.fullmatch(mark.text) is None:
        message = 'value must be "off" or a single letter, digit or "="'
        raise ConfigError(message, mark.span)
    return mark.text


def _unless_none(node: Node) -> str:
    return "" if node.args[0].text == "none" else node.args[0].text


# settings


@dataclass(frozen=True, slots=True)
class UseridSettings:
    """Whether clients get a cookie that tells them apart, and what it is like."""

    userid: str = directive(
        choice("off", "log", "v1", "on"),
        EVERYWHERE,
        default="off",
        doc="whether clients get such a cookie (on, v1), or only the one that they have is logged (log)",
    )
    userid_name: str = directive(word, EVERYWHERE, default="uid", doc="the cookie's name")
    userid_domain: str = directive(
        Argument("name | none", _unless_none, 1, 1), EVERYWHERE, default="", shown="none", doc="the cookie's domain"
    )
    userid_path: str = directive(word, EVERYWHERE, default="/", doc="the cookie's path")
    userid_expires: float | None = directive(
        Argument("time | max | off", _expires, 1, 1),
        EVERYWHERE,
        default=0.0,
        shown="off",
        doc="seconds that browsers keep the cookie; off: until they are closed",
    )
    userid_flags: frozenset[str] = directive(
        bits("off", *FLAGS),
        EVERYWHERE,
        default=frozenset({"off"}),
        shown="off",
        doc="what else the cookie says",
    )
    userid_mark: str = directive(
        Argument("letter | digit | = | off", _mark, 1, 1),
        EVERYWHERE,
        default="",
        shown="off",
        doc="a character behind the identifier; cookies without it are sent once more",
    )
    userid_p3p: str = directive(
        Argument("string | none", _unless_none, 1, 1), EVERYWHERE, default="", shown="none", doc="a field P3P beside it"
    )
    userid_service: int | None = directive(
        number(0, 0xFFFFFFFF),
        EVERYWHERE,
        default=None,
        shown="the server's address",
        doc="the number of this server in identifiers",
    )


# variables

COOKIE, GOT, GIVEN = "uid cookie", "uid of it", "uid given"  # in an exchange's values; identifiers are hexadecimal


def _uid_got(exchange: Exchange) -> str | None:
    userid = exchange.location.known.get(Userid)
    if not isinstance(userid, Userid):
        return None
    found = userid.got(exchange)
    return userid.shown(found) if found is not None else None


def _uid_set(exchange: Exchange) -> str | None:
    userid = exchange.location.known.get(Userid)
    if not isinstance(userid, Userid) or userid.own.userid == "log":
        return None
    given = userid.give(exchange)
    return userid.shown(given) if given is not None else None


def _set_uid_reset(exchange: Exchange, value: str) -> None:
    exchange.values["uid_reset"] = value


VARIABLES = (
    Variable("uid_got", _uid_got, doc="the cookie's name and the identifier that came with it"),
    Variable("uid_set", _uid_set, doc="the cookie's name and the identifier that the client is given"),
    Variable(
        "uid_reset",
        lambda exchange: exchange.values.get("uid_reset") or "",
        _set_uid_reset,
        doc="set it to anything but `0` for a new identifier, to `log` to have that logged as well",
    ),
)


# state


@dataclass(frozen=True, slots=True)
class Identifiers:
    """What makes the identifiers of a process unique: its start, and a sequence for each form."""

    start: int
    v1: Iterator[int]
    v2: Iterator[int]


def make_identifiers() -> Identifiers:
    """Those of this process; the start tells it from others that begin in the same second."""
    start = time.time_ns() // 20_000 % 50_000 << 16 | os.getpid() & 0xFFFF
    return Identifiers(start, _sequence(1), _sequence(0x03030302))


def _sequence(first: int) -> Iterator[int]:
    value = first
    while True:
        yield value
        value = max(first, (value + 0x100) % (1 << 32))


@dataclass(frozen=True, slots=True)
class Userid:
    """The identifiers of a location's clients."""

    own: UseridSettings
    identifiers: Identifiers
    find: Callable[[Iterable[bytes]], bytes | None]
    reset: Getter

    def shown(self, identifier: str) -> str:
        """An identifier as nginx logs it: four numbers in the machine's own order."""
        return f"{self.own.userid_name}={''.join(f'{each:08X}' for each in WORDS.unpack(bytes.fromhex(identifier)))}"

    def got(self, exchange: Exchange) -> str | None:
        """The identifier that came with the request."""
        values = exchange.values
        if GOT not in values:
            values[GOT] = None
            cookie = self.find(exchange.headers.all(b"cookie"))
            if cookie is not None:
                values[COOKIE] = text(cookie)
                values[GOT] = _decoded(exchange, cookie)
        return values[GOT]

    def give(self, exchange: Exchange) -> str | None:
        """The identifier that the client is sent: a new one, or its own once more to have it marked."""
        values = exchange.values
        if GIVEN not in values:
            got = self.got(exchange)
            if got is None or self._is_reset(exchange):
                values[GIVEN] = self._made(exchange)
            else:
                mark = self.own.userid_mark
                is_marked = (values[COOKIE] or "")[ENCODED : ENCODED + 2] == f"{mark}="
                values[GIVEN] = None if not mark or is_marked else got
        return values[GIVEN]

    def _is_reset(self, exchange: Exchange) -> bool:
        reset = self.reset(exchange) or ""
        if reset == "log":
            shown = self.shown(self.got(exchange) or "")
            exchange.log("notice", "userid_reset", f'userid cookie "{shown}" was reset')
        return reset not in {"", "0"}

    def _made(self, exchange: Exchange) -> str:
        own, identifiers, now = self.own, self.identifiers, int(time.time())
        if own.userid == "v1":
            return WORDS.pack((own.userid_service or 0), now, identifiers.start, next(identifiers.v1)).hex()
        service = own.userid_service
        if service is None:
            service = (parse_address(exchange.connection.local_addr) or (0, 0))[1]
        return NETWORK_WORDS.pack(service & 0xFFFFFFFF, now, identifiers.start, next(identifiers.v2)).hex()


def _decoded(exchange: Exchange, cookie: bytes) -> str | None:
    """The identifier in a cookie. What is behind it is a mark, or garbage."""
    if _USABLE.match(cookie) is None:
        what = "too short" if len(cookie) < ENCODED else "invalid"
        exchange.log("error", "invalid_userid", f"client sent {what} userid cookie")
        return None
    identifier = b64decode(cookie[:ENCODED] + b"==")
    return identifier.hex() if any(identifier[12:]) else None


# handlers


def furnish(build: Build) -> None:
    """Tell the location how its clients are told apart."""
    own = build.settings(UseridSettings)
    if own.userid == "off":
        return
    assert build.location is not None
    identifiers = build.claim("userid", make_identifiers)
    find = cookie_finder(wire(own.userid_name))
    build.location.known[Userid] = Userid(own, identifiers, find, build.variables.getter("uid_reset"))


def make_filter(build: Build) -> HeaderFilter | None:
    """What gives clients a cookie, where they are to have one."""
    own = build.settings(UseridSettings)
    if own.userid in {"off", "log"}:
        return None
    assert build.location is not None
    userid = build.location.known[Userid]
    assert isinstance(userid, Userid)

    def add(exchange: Exchange, response: Response) -> None:
        given = userid.give(exchange)
        if given is None:
            return
        value = b64encode(bytes.fromhex(given))
        if own.userid_mark:
            value = value[:ENCODED] + wire(own.userid_mark) + b"="
        response.headers.add(b"Set-Cookie", wire(own.userid_name) + b"=" + value + _attributes(own))
        if own.userid_p3p:
            response.headers.add(b"P3P", wire(own.userid_p3p))

    return add


def _attributes(own: UseridSettings) -> bytes:
    expires = b""
    if own.userid_expires != 0:
        until = FOREVER if own.userid_expires is None else format_cookie_date(time.time() + own.userid_expires)
        expires = b"; expires=" + until
    domain = f"; domain={own.userid_domain}" if own.userid_domain else ""
    flags = "".join(f"; {flag}" for flag in FLAGS if flag in own.userid_flags)
    return expires + wire(f"{domain}; path={own.userid_path}{flags}")


MODULE = Module("userid", settings=(UseridSettings,), variables=VARIABLES, furnish=furnish, header_filter=make_filter)
