"""What a bare status is answered by where no `error_page` says otherwise (ngx_http_special_response.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.core.answers import Response, Status
from pyngx.core.blocks import PipelineSettings
from pyngx.core.head import product
from pyngx.http.error_pages import error_page, is_msie, refresh_page, wants_padding
from pyngx.http.headers import Headers
from pyngx.http.status import shown_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyngx.core.exchange import Exchange

REFRESHED = frozenset({301, 302})


def page_maker(own: PipelineSettings) -> Callable[[Exchange, Status], Response]:
    """What makes the built-in answers of a location."""
    name = product(own.server_tokens)
    pads, refreshes = own.msie_padding, own.msie_refresh

    def make(exchange: Exchange, status: Status) -> Response:
        code = status.code
        if refreshes and code in REFRESHED and is_msie(_agent(exchange)):
            return _html(Response(200, Headers(status.headers)), refresh_page(status.location))
        padded = pads and code >= 400 and exchange.version != "0.9" and wants_padding(_agent(exchange))
        response = Response(shown_status(code), Headers(status.headers), location=status.location)
        return _html(response, error_page(code, name, padded))

    return make


def _agent(exchange: Exchange) -> bytes:
    return exchange.headers.get(b"user-agent") or b""


def _html(response: Response, page: bytes) -> Response:
    if page:
        response.headers = Headers([(b"Content-Type", b"text/html"), *response.headers])
    response.length = len(page)
    response.parts = (page,) if page else ()
    return response
