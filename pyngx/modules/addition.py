"""ngx_http_addition_filter_module: other URIs' answers before and behind a body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import word
from pyngx.config.declare import directive, repeated
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module
from pyngx.core.postpone import Postponed
from pyngx.core.subrequest import subrequests_of
from pyngx.modules.gzip import body_changes
from pyngx.modules.type_sets import HTML, media_types, type_test

if TYPE_CHECKING:
    from pyngx.core.answers import HeaderFilter, Response
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange


# settings


@dataclass(frozen=True, slots=True)
class AdditionSettings:
    """What is added to which bodies."""

    add_before_body: str = directive(
        word.called("uri"), EVERYWHERE, default="", doc="the URI of a subrequest whose body comes before that of a 200"
    )
    add_after_body: str = directive(
        word.called("uri"), EVERYWHERE, default="", doc="the URI of a subrequest whose body comes behind that of a 200"
    )
    addition_types: tuple[tuple[str, ...], ...] = repeated(
        media_types,
        EVERYWHERE,
        default=HTML,
        shown="text/html",
        doc="media types that something is added to, text/html always; * for all",
    )


# state


class Before:
    """A body filter that passes everything, and something before it."""

    __slots__ = ("_begun", "_exchange", "_uri")

    def __init__(self, exchange: Exchange, uri: str) -> None:
        self._exchange = exchange
        self._uri = uri
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        """Ask for what comes before."""
        if not self._begun:
            self._begun = True
            _include(self._exchange, self._uri)
        return data

    def flush(self) -> bytes:
        """Nothing is held back."""
        return b""

    def finish(self) -> bytes:
        """An empty body has something before it as well."""
        return self.feed(b"")


# handlers


def furnish(build: Build) -> None:
    """Have a place for subrequests in bodies."""
    assert build.location is not None
    own = build.settings(AdditionSettings)
    build.location.postpones |= bool(own.add_before_body or own.add_after_body)


def make_filter(build: Build) -> HeaderFilter | None:
    """What adds, in a location that says so."""
    own = build.settings(AdditionSettings)
    before, after = own.add_before_body, own.add_after_body
    if not before and not after:
        return None
    is_wanted = type_test(own.addition_types)

    def add(exchange: Exchange, response: Response) -> None:
        if response.status != 200 or not is_wanted(response):
            return
        body_changes(response)
        if exchange.header_only:
            return
        exchange.postponed = postponed = exchange.postponed or Postponed(exchange)
        if before:
            exchange.body_filters.append(Before(exchange, before))
        if after:
            postponed.at_end(lambda: _include(exchange, after))

    return add


def _include(exchange: Exchange, uri: str) -> None:
    postponed = exchange.postponed
    assert postponed is not None
    postponed.gather()
    postponed.include(uri, "")
    subrequests_of(exchange).begin()
    postponed.release()


MODULE = Module("addition", settings=(AdditionSettings,), furnish=furnish, header_filter=make_filter)
