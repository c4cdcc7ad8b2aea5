"""ngx_http_not_modified_filter_module: conditional requests.

Only answers whose body is at hand are judged. Who passes a body on as it comes, a proxy above all, has passed the
conditions on as well; nginx leaves those to the upstream, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from pyngx.core.answers import HeaderFilter, Refused, Response
from pyngx.core.phases import Module
from pyngx.http.conditions import Validators, evaluate
from pyngx.modules.core import CoreSettings

if TYPE_CHECKING:
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

CONDITIONS = (b"if-modified-since", b"if-none-match", b"if-match", b"if-unmodified-since")


# handlers


def make_filter(build: Build) -> HeaderFilter:
    """What answers 304 or 412 where the client's conditions say so; the first of all header filters."""
    mode = cast("Literal['off', 'exact', 'before']", build.settings(CoreSettings).if_modified_since)

    def judge(exchange: Exchange, response: Response) -> None:
        if response.status != 200 or response.parts is None:
            return
        asked = exchange.headers
        if not any(name in asked for name in CONDITIONS):
            return
        match evaluate(asked, Validators(response.entity_tag(), response.modified()), mode):
            case 412:
                raise Refused(412)
            case 304:
                _empty(response)

    return judge


def _empty(response: Response) -> None:
    """Make a response say that nothing has changed: what describes the body goes with it."""
    response.status = 304
    response.reason = b""
    response.length = None
    response.parts = ()
    response.allow_ranges = False
    for name in (b"Content-Type", b"Content-Encoding", b"Accept-Ranges"):
        response.headers.remove(name)


MODULE = Module("not_modified", header_filter=make_filter)
