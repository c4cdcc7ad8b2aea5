"""What an error log says of the request that an event is about (ngx_http_log_error_handler)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.http.codec import text

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange


def log_context(exchange: Exchange) -> dict[str, object]:
    """Facts beside those of the event."""
    connection = exchange.connection
    context: dict[str, object] = {
        "connection": connection.serial,
        "client": connection.remote_addr,
        "server": exchange.server.name,
        "request": exchange.request_line,
    }
    if (host := exchange.headers.get(b"host")) is not None:
        context["host"] = text(host)
    if exchange.parent is not None:
        context["subrequest"] = exchange.uri
    return context
