"""Whether a connection is kept after a response (ngx_http_core_module's keepalive_*; RFC 9112 9.3)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pyngx.http.request_facts import request_facts

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange


def keeps_alive(exchange: Exchange) -> bool:
    """What client, location and age say together."""
    if not exchange.keepalive:
        return False
    settings = exchange.location.connection
    connection = exchange.connection
    if not settings.keepalive_timeout[0] or connection.requests >= settings.keepalive_requests:
        return False
    facts = exchange.headers.facts or request_facts(exchange.headers)
    if b"close" in facts.options or (exchange.version != "1.1" and b"keep-alive" not in facts.options):
        return False
    if time.monotonic() - connection.opened > settings.keepalive_time:
        return False
    return not facts.browsers or not _is_disabled(exchange, facts.browsers & settings.keepalive_disable)


def _is_disabled(exchange: Exchange, browsers: frozenset[str]) -> bool:
    return "safari" in browsers or ("msie6" in browsers and exchange.method == "POST")
