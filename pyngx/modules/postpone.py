"""ngx_http_postpone_filter_module: subrequests' answers in their places, for the modules that put them into bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.core.phases import Module

if TYPE_CHECKING:
    from pyngx.core.answers import HeaderFilter, Response
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange


# handlers


def make_filter(build: Build) -> HeaderFilter | None:
    """What puts the filter in its place, behind those of the modules that asked for it by `furnish`."""
    assert build.location is not None
    if not build.location.postpones:
        return None

    def place(exchange: Exchange, _: Response) -> None:
        if exchange.postponed is not None:
            exchange.body_filters.append(exchange.postponed)

    return place


MODULE = Module("postpone", header_filter=make_filter, filters_subrequests=True)
