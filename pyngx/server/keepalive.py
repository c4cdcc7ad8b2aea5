"""Whether a connection is kept after a response (ngx_http_core_module's keepalive_*; RFC 9112 9.3)."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from pyngx.http.headers import connection_options

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange

_OLD_MSIE = re.compile(rb"MSIE [1-6]\.")
_OLD_SAFARI = re.compile(rb"Mac OS X.*Safari/")
_OTHERS = re.compile(rb"Chrome/|Chromium|Opera")


def keeps_alive(exchange: Exchange) -> bool:
    """What client, location and age say together."""
    if not exchange.keepalive:
        return False
    settings = exchange.location.connection
    connection = exchange.connection
    if not settings.keepalive_timeout[0] or connection.requests >= settings.keepalive_requests:
        return False
    options = connection_options(exchange.headers)
    if exchange.version == "1.1":
        if b"close" in options:
            return False
    elif b"keep-alive" not in options:
        return False
    if time.monotonic() - connection.opened > settings.keepalive_time:
        return False
    return not _is_disabled(exchange, settings.keepalive_disable)


def _is_disabled(exchange: Exchange, browsers: frozenset[str]) -> bool:
    agent = exchange.headers.get(b"user-agent")
    if not agent or not browsers:
        return False
    if "msie6" in browsers and exchange.original_method == "POST" and _OLD_MSIE.search(agent):
        return True
    return "safari" in browsers and bool(_OLD_SAFARI.search(agent)) and not _OTHERS.search(agent)
