"""What a request's head says, and what of it is refused or left out (ngx_http_process_request_headers)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.core.answers import Refused
from pyngx.http.codec import text, wire
from pyngx.http.headers import Headers
from pyngx.http.host import BadHost, parse_host
from pyngx.http.request_facts import request_facts
from pyngx.http.target import BadTarget, parse_connect, parse_target, split_plain

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange
    from pyngx.http.host import Host
    from pyngx.http.request_head import FieldRules

TUNNELLING = frozenset({"CONNECT", "TRACE"})
FIELD_CHARACTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"


def read_target(exchange: Exchange, merge_slashes: bool) -> None:
    """Take the target and the host apart (RFC 9112 3.2)."""
    if exchange.method in TUNNELLING:
        _refuse_method(exchange)
    if (plain := split_plain(exchange.target)) is not None:
        exchange.uri, exchange.args = plain
        facts = exchange.headers.facts or request_facts(exchange.headers)
        if (host := facts.host or _read_host(exchange)) is not None:
            exchange.host, exchange.port = host.name, host.port
        return
    try:
        target = parse_target(wire(exchange.target), merge_slashes)
    except BadTarget as error:
        exchange.uri = exchange.target = ""  # what can't be read is not shown by $uri and $request_uri
        raise Refused(400, f"client sent invalid request: {error}") from None
    exchange.uri, exchange.args = target.path, target.args
    exchange.target = target.raw
    exchange.quoted = target.quoted or target.plus
    exchange.valid_target = not target.unclear
    host = _read_host(exchange)
    if (named := target.host or host) is not None:
        exchange.host, exchange.port = named.name, named.port
    if target.authority and exchange.headers.get(b"host") != (authority := wire(target.authority)):
        # RFC 9112 3.2.2: what routes the request is what is told of it, by $http_host, too
        exchange.headers = exchange.headers.copy()
        exchange.headers.set(b"Host", authority)


def drop_invalid_fields(exchange: Exchange, rules: FieldRules) -> None:
    """Leave fields out whose names programs might take for others: X_Real_IP is the same as X-Real-IP to CGI.

    For requests that another server has parsed; our own leaves them out while it reads.
    """
    if not rules.ignores_invalid:
        return
    allowed = FIELD_CHARACTERS + b"_" if rules.underscores else FIELD_CHARACTERS
    headers = exchange.headers
    if not b"".join([name for name, _ in headers]).translate(None, allowed):
        return
    kept: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        if name.translate(None, allowed):
            exchange.log("info", "invalid_header", f'client sent invalid header line: "{text(name)}"')
        else:
            kept.append((name, value))
    exchange.headers = Headers(kept)


def _refuse_method(exchange: Exchange) -> None:
    """CONNECT and TRACE are not for a proxy like this one (ngx_http_process_request_header)."""
    exchange.keepalive = False
    if exchange.method == "CONNECT":
        try:
            parse_connect(wire(exchange.target))
        except BadTarget as error:
            raise Refused(400, f"client sent invalid request: {error}") from None
    raise Refused(405, f"client sent {exchange.method} method")


def _read_host(exchange: Exchange) -> Host | None:
    """The host that the Host field names; only HTTP/1.0 may lack one."""
    values = exchange.headers.all(b"host")
    if not values and exchange.version == "1.1":
        raise Refused(400, 'client sent HTTP/1.1 request without "Host" header')
    if len(values) > 1:
        raise Refused(400, 'client sent duplicate header line: "Host"')
    try:
        return parse_host(values[0]) if values else None
    except BadHost as error:
        raise Refused(400, f"client sent invalid host header: {error}") from None
