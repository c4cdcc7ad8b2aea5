"""The last header filter: a response's head as it goes to the client (ngx_http_header_filter_module)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pyngx.core.blocks import PipelineSettings
from pyngx.http.codec import wire
from pyngx.http.dates import format_http_date
from pyngx.http.escape import escape_line_ends
from pyngx.http.status import reason
from pyngx.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyngx.core.answers import HeaderFilter, Response
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

DATED = frozenset({200, 206, 304})  # statuses of responses that say when their content changed
DEFAULT_PORTS = {"http": 80, "https": 443}


def product(tokens: str) -> str:
    """What the Server field and the built-in pages say for a value of `server_tokens`; may be empty."""
    match tokens:
        case "on" | "build":
            return f"pyngx/{VERSION}"
        case "off":
            return "pyngx"
        case _:
            return tokens


def head_writer(build: Build) -> HeaderFilter:
    """What sends a head by the settings of a location."""
    own = build.settings(PipelineSettings)
    server = wire(product(own.server_tokens))
    http_date = build.runtime.http_date
    absolute = _absolute(own) if own.absolute_redirect else None

    def send(exchange: Exchange, response: Response) -> None:
        fields: list[tuple[bytes, bytes]] = []
        if name := server if response.server is None else response.server:
            fields.append((b"Server", name))
        if date := http_date.at(time.time()) if response.date is None else response.date:
            fields.append((b"Date", date))
        status = response.status
        fields += response.headers.items
        if response.location:
            response.location = _location(exchange, response.location, absolute)
        if after_type := _describing(exchange, response):
            at = _after_type(fields)
            fields[at:at] = after_type
        exchange.client.send_head(status, response.reason or reason(status), fields)

    return send


def _describing(exchange: Exchange, response: Response) -> list[tuple[bytes, bytes]]:
    """Content-Length, Last-Modified, Location and ETag, as far as there are any."""
    fields: list[tuple[bytes, bytes]] = []
    if exchange.late_trailers is not None and exchange.location.connection.chunked_transfer_encoding:
        response.length = None  # trailers need the chunked coding, which excludes a length (RFC 9112 6.2)
    if response.length is not None and response.status not in {204, 304}:
        fields.append((b"Content-Length", b"%d" % response.length))
    if response.status not in DATED:
        response.last_modified = None
    if response.last_modified is not None and b"last-modified" not in response.headers:
        fields.append((b"Last-Modified", format_http_date(response.last_modified)))
    if response.location:
        fields.append((b"Location", wire(response.location)))
    if response.etag is not None and b"etag" not in response.headers:
        fields.append((b"ETag", response.etag))
    return fields


def _after_type(fields: list[tuple[bytes, bytes]]) -> int:
    """Where those belong: behind Content-Type, as people know it from nginx."""
    for at, (name, _) in enumerate(fields):
        if len(name) == 12 and name.lower() == b"content-type":
            return at + 1
    return min(2, len(fields))


def _location(exchange: Exchange, location: str, absolute: Callable[[Exchange], str] | None) -> str:
    # nginx sends line ends as they are, and so lets a client write fields of the response: we encode them again
    location = escape_line_ends(location)
    if absolute is None or not location.startswith("/"):
        return location
    return absolute(exchange) + location


def _absolute(own: PipelineSettings) -> Callable[[Exchange], str]:
    """What gives the scheme and host that relative redirects get in front."""

    def prefix(exchange: Exchange) -> str:
        connection = exchange.connection
        host = exchange.server.name if own.server_name_in_redirect else exchange.host
        host = host or (f"[{connection.local_addr}]" if ":" in connection.local_addr else connection.local_addr)
        port = connection.local_port
        shown = own.port_in_redirect and port and port != DEFAULT_PORTS[connection.scheme]
        return f"{connection.scheme}://{host}{f':{port}' if shown else ''}"

    return prefix
