"""Whether a connection is kept after a response (ngx_http_core_module's keepalive_*; RFC 9112 9.3)."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from pyngx.http.headers import connection_options

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange

# As ngx_http_process_user_agent tells browsers apart.
_OLD_MSIE = re.compile(rb"MSIE (?:[45]\.|6\.(?!.*SV1))", re.DOTALL)
_ANY_MSIE = re.compile(rb"MSIE ...", re.DOTALL)


def keeps_alive(exchange: Exchange) -> bool:
    """What client, location and age say together."""
    if not exchange.keepalive:
        return False
    settings = exchange.location.connection
    connection = exchange.connection
    if not settings.keepalive_timeout[0] or connection.requests >= settings.keepalive_requests:
        return False
    options = connection_options(exchange.headers)
    if b"close" in options or (exchange.version != "1.1" and b"keep-alive" not in options):
        return False
    if time.monotonic() - connection.opened > settings.keepalive_time:
        return False
    return not _is_disabled(exchange, settings.keepalive_disable)


def _is_disabled(exchange: Exchange, browsers: frozenset[str]) -> bool:
    agent = exchange.headers.get(b"user-agent")
    if not agent or not browsers or b"Opera" in agent:
        return False
    if "msie6" in browsers and exchange.method == "POST" and _OLD_MSIE.search(agent):
        return True
    return "safari" in browsers and _is_safari(agent)


def _is_safari(agent: bytes) -> bool:
    others = b"Gecko/" in agent or b"Chrome/" in agent or _ANY_MSIE.search(agent)
    return b"Safari/" in agent and b"Mac OS X" in agent and not others
