"""The request that proxy_pass sends: its fields, made when the configuration is built as far as possible."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Text
from pyngx.core.ports import UpstreamError
from pyngx.http.codec import wire
from pyngx.http.headers import Headers, connection_options
from pyngx.http.request_facts import Lines, request_facts
from pyngx.upstream.head import encode_fields

if TYPE_CHECKING:
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

# What is never passed on by itself: hop-by-hop fields, and what the transport frames the body with.
DROPPED = frozenset(
    {b"host", b"connection", b"proxy-connection", b"content-length", b"transfer-encoding"}
    | {b"te", b"keep-alive", b"expect", b"upgrade", b"http2-settings"}
)
FRAMING = frozenset({"content-length", "transfer-encoding"})

REMEMBERED = 32  # ways in which a client's fields are passed on that are kept

LinesOf = Callable[["Exchange"], Lines]


@dataclass(frozen=True, slots=True)
class SetHeader:
    """One `proxy_set_header`."""

    name: str
    value: Text


def lines_of(build: Build, set_headers: tuple[SetHeader, ...], passes_fields: bool, is_http_1_1: bool) -> LinesOf:
    """What makes the fields of a request (ngx_http_proxy_create_request): Host, those that are set, the client's.

    They are made once for the same fields of clients and the same values.
    """
    host = next((header for header in set_headers if header.name.lower() == "host"), None)
    render_host = build.template(host.value).render if host is not None else None
    rendered = [
        (wire(header.name), build.template(header.value).render)
        for header in set_headers
        if header.name.lower() not in FRAMING and header is not host
    ]
    dropped = DROPPED | {wire(header.name.lower()) for header in set_headers} if passes_fields else None

    names = [name for name, _ in rendered]
    renders = [render for _, render in rendered]
    # Locations that pass the same fields on remember together, over reloads, too.
    token = build.claim(("passed request fields", tuple(names), dropped), object)

    def lines(exchange: Exchange) -> Lines:
        host = render_host(exchange) if render_host is not None else exchange.proxy_host
        if not host and is_http_1_1:
            host = exchange.proxy_host
        values = [render(exchange) for render in renders]
        remembered = (exchange.headers.facts or request_facts(exchange.headers)).forwarded
        known = remembered.get((token, host))
        if known is not None and known.values == values:
            return known
        fields = _made(exchange, host, zip(names, values, strict=True), dropped)
        if len(remembered) >= REMEMBERED:
            remembered.clear()
        remembered[token, host] = known = Lines(values, fields, _encoded(fields))
        return known

    return lines


def _made(
    exchange: Exchange, host: str, values: Iterable[tuple[bytes, str]], dropped: frozenset[bytes] | None
) -> list[tuple[bytes, bytes]]:
    """Host, what is set, and the client's fields but for those that are dropped; None drops all."""
    made = [(b"Host", wire(host))] if host else []
    made += [(name, wire(value)) for name, value in values if value]
    if dropped is not None:
        named = connection_options(exchange.headers)
        made += exchange.headers.without(dropped | named if named else dropped).items
    return made


def _encoded(fields: list[tuple[bytes, bytes]]) -> bytes:
    """Fields as lines; empty where they can't be said, which the transport reports."""
    try:
        return encode_fields(fields)
    except UpstreamError:
        return b""


def asks_upgrade(fields: list[tuple[bytes, bytes]]) -> bool:
    """Whether fields that were set by hand ask for a WebSocket: nginx's recipe with `map $http_upgrade`."""
    headers = Headers(fields)
    upgrade = headers.get(b"upgrade") or b""
    return upgrade.lower() == b"websocket" and b"upgrade" in connection_options(headers)


def with_upgrade(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Fields that ask for a WebSocket, as the client's did."""
    own = {b"connection", b"upgrade"}
    kept = [field for field in fields if field[0].lower() not in own]
    return [*kept, (b"Upgrade", b"websocket"), (b"Connection", b"Upgrade")]


def without_cleartext_http2(fields: list[tuple[bytes, bytes]]) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Fields set by hand, and whether they ask for an upgrade; one to h2c would tunnel requests past all rules."""
    headers = Headers(fields)
    upgrade = (headers.get(b"upgrade") or b"").lower()
    if b"h2c" in upgrade:
        return [
            field for field in fields if field[0].lower() not in {b"upgrade", b"connection", b"http2-settings"}
        ], False
    return fields, bool(upgrade) and b"upgrade" in connection_options(headers)
