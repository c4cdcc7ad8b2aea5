"""ngx_http_secure_link_module: whether a link was made by who knows a secret, and is still good."""

from __future__ import annotations

import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import md5
from hmac import compare_digest
from typing import TYPE_CHECKING

from pyngx.config.arguments import Text, text, word
from pyngx.config.declare import directive
from pyngx.config.diagnostics import ConfigError
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module
from pyngx.core.variables import Variable
from pyngx.http.codec import wire

if TYPE_CHECKING:
    from pyngx.config.scope import Scope
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.template import Render

_HASH = re.compile(r"([A-Za-z0-9_-]{22})(?:=.?)?")  # 16 bytes in base64url; more than 24 characters are none
_SIGNED = re.compile(r"/[^/]*/([0-9a-fA-F]{32})/(.+)", re.DOTALL)


# settings


@dataclass(frozen=True, slots=True)
class SecureLinkSettings:
    """Where a link has its hash, and what the hash is of."""

    secure_link: Text | None = directive(
        text,
        EVERYWHERE,
        default=None,
        doc="the hash of a request, in base64url; behind a comma when it ends",
    )
    secure_link_md5: Text | None = directive(
        text, EVERYWHERE, default=None, doc="what the hash must be of: a secret, and all that the link is good for"
    )
    secure_link_secret: str | None = directive(
        word, "location", default=None, doc="the secret of links of the form /prefix/hash/link"
    )


# variables


def _secure_link(exchange: Exchange) -> str | None:
    values = exchange.values
    if LINK not in values:
        check = exchange.location.known.get(Check)
        values[LINK] = check.result(exchange) if isinstance(check, Check) else None
    return values[LINK]


LINK, EXPIRES = "secure_link", "secure_link_expires"
VARIABLES = (
    Variable(
        LINK,
        _secure_link,
        doc="`1` for a link that is good, `0` for one that has ended, else nothing; with secure_link_secret the link",
    ),
    Variable(EXPIRES, lambda exchange: exchange.values.get(EXPIRES), doc="when the link ends, in seconds since 1970"),
)


# state


@dataclass(frozen=True, slots=True)
class Check:
    """What checks the links of a location."""

    result: Callable[[Exchange], str | None]


def furnish(build: Build) -> None:
    """Tell the location what its links are like."""
    link, signed, secret = _in_force(build.scope)
    check: Callable[[Exchange], str | None]
    if secret is not None:
        check = _signed_path(wire(secret))
    elif link is not None and signed is not None:
        check = _hashed(build.template(link).render, build.template(signed).render)
    else:
        return
    assert build.location is not None
    build.location.known[Check] = Check(check)


def _in_force(scope: Scope | None) -> tuple[Text | None, Text | None, str | None]:
    """The three settings of a block: its own secret hides outer links, and a link an outer secret."""
    if scope is None:
        return None, None, None
    own = {field: given for (cls, field), given in scope.given.items() if cls is SecureLinkSettings}
    if (secret := own.get("secure_link_secret")) is not None:
        if len(own) > 1:
            message = '"secure_link_secret" cannot be mixed with "secure_link" and "secure_link_md5"'
            raise ConfigError(message, secret.spans[0])
        return None, None, str(secret.value)
    outer = _in_force(scope.parent)
    link, signed = (
        each.value if each is not None and isinstance(each.value, Text) else inherited
        for each, inherited in zip((own.get(LINK), own.get("secure_link_md5")), outer[:2], strict=True)
    )
    return link, signed, outer[2] if link is None and signed is None else None


def _hashed(link: Render, signed: Render) -> Callable[[Exchange], str | None]:
    """What checks a hash, and the time that may stand behind it (ngx_http_secure_link_variable)."""

    def check(exchange: Exchange) -> str | None:
        given, comma, ends = link(exchange).partition(",")
        if comma:
            if not (ends.isascii() and ends.isdigit() and len(ends) < 19 and int(ends)):
                return None
            exchange.values[EXPIRES] = ends
        found = _HASH.fullmatch(given)
        if found is None or not compare_digest(urlsafe_b64decode(f"{found[1]}=="), _md5(wire(signed(exchange)))):
            return None
        return "0" if comma and int(ends) < int(time.time()) else "1"

    return check


def _signed_path(secret: bytes) -> Callable[[Exchange], str | None]:
    """What gives the link behind a hash in the path (ngx_http_secure_link_old_variable)."""

    def check(exchange: Exchange) -> str | None:
        found = _SIGNED.fullmatch(exchange.target)
        if found is None or not compare_digest(bytes.fromhex(found[1]), _md5(wire(found[2]) + secret)):
            return None
        return found[2]

    return check


def _md5(data: bytes) -> bytes:
    return md5(data, usedforsecurity=False).digest()  # nginx's format


MODULE = Module("secure_link", settings=(SecureLinkSettings,), variables=VARIABLES, furnish=furnish)
