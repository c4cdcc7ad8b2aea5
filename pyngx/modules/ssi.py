"""ngx_http_ssi_filter_module: commands in pages, `<!--#include virtual="/x" -->` and others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pyngx.config.arguments import flag, size
from pyngx.config.declare import directive, repeated
from pyngx.core.answers import HeaderFilter
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module
from pyngx.core.postpone import Postponed
from pyngx.core.subrequest import wants_body
from pyngx.core.variables import Getter, Variable
from pyngx.modules.gzip import body_changes
from pyngx.modules.ssi_commands import COMMANDS
from pyngx.modules.ssi_page import TIME, Page, Rules
from pyngx.modules.ssi_text import show_time
from pyngx.modules.type_sets import HTML, media_types, type_test

if TYPE_CHECKING:
    from pyngx.core.answers import Response
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

VARIABLES_KEPT = 1024  # names that pages of a location have asked for


# settings


@dataclass(frozen=True, slots=True)
class SsiSettings:
    """Whether pages have commands, and how they are obeyed; sizes in bytes."""

    ssi: bool = directive(
        flag,
        f"{EVERYWHERE} location-if",
        default=False,
        doc="whether commands in pages are obeyed: server-side includes",
    )
    ssi_silent_errors: bool = directive(
        flag, EVERYWHERE, default=False, doc="whether a page says nothing of a command that can't be obeyed"
    )
    ssi_types: tuple[tuple[str, ...], ...] = repeated(
        media_types,
        EVERYWHERE,
        default=HTML,
        shown="text/html",
        doc="media types of pages, text/html always; * for all",
    )
    ssi_last_modified: bool = directive(
        flag, EVERYWHERE, default=False, doc="whether pages keep Last-Modified and ETag"
    )
    ssi_value_length: int = directive(
        size, EVERYWHERE, default=255, shown="256", doc="bytes that the value of a parameter may have"
    )
    ssi_min_file_chunk: int = directive(
        size, EVERYWHERE, default=1024, shown="1k", doc="without effect: parts of pages are never sent by sendfile"
    )


# variables


def _date(gmt: bool) -> Getter:
    def read(exchange: Exchange) -> str | None:
        page = next((each for each in exchange.body_filters if isinstance(each, Page)), None)
        return show_time(page.time_form if page is not None else TIME, gmt)

    return read


VARIABLES = (
    Variable(
        "date_local", _date(gmt=False), doc="now in local time, in the form that a page has set by `config timefmt`"
    ),
    Variable("date_gmt", _date(gmt=True), doc="now in GMT, in the same form"),
)


# handlers


def furnish(build: Build) -> None:
    """Have a place for subrequests in bodies."""
    assert build.location is not None
    build.location.postpones |= build.settings(SsiSettings).ssi


def make_filter(build: Build) -> HeaderFilter | None:
    """What has pages obeyed, in a location that says so."""
    own = build.settings(SsiSettings)
    if not own.ssi:
        return None
    is_page = type_test(own.ssi_types)
    find = lru_cache(VARIABLES_KEPT)(build.variables.find)
    rules = Rules(COMMANDS, find, own.ssi_value_length, own.ssi_silent_errors)

    def obey(exchange: Exchange, response: Response) -> None:
        if response.length == 0 or not is_page(response) or not wants_body(exchange):
            return
        exchange.postponed = exchange.postponed or Postponed(exchange)
        exchange.body_filters.append(Page(exchange, exchange.postponed, rules))
        if exchange.parent is not None:
            return
        body_changes(response)
        if not own.ssi_last_modified:
            response.drop_last_modified()
            response.set_etag(None)

    return obey


MODULE = Module(
    "ssi",
    settings=(SsiSettings,),
    variables=VARIABLES,
    furnish=furnish,
    header_filter=make_filter,
    filters_subrequests=True,
)
