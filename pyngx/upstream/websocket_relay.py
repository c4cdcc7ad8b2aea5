"""A WebSocket through an upstream: connected there first, then accepted, then bridged message by message."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pyngx.core.answers import Answer, Content, Flow, Response, Status
from pyngx.core.exchange import Messages, Try
from pyngx.core.ports import HandshakeRefused, UpstreamError, WebSocketPeer
from pyngx.http.headers import Headers, connection_options
from pyngx.upstream.websocket import Bridged, bridge

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange
    from pyngx.core.ports import Request, WebSocketClient
    from pyngx.upstream.group import Group
    from pyngx.upstream.peer import Peer
    from pyngx.upstream.relay import Plan

# What each side of a bridge negotiates for itself (RFC 6455 4.2.2).
OWN = frozenset({b"connection", b"upgrade", b"sec-websocket-accept", b"sec-websocket-extensions"}) | frozenset(
    {b"sec-websocket-protocol", b"sec-websocket-key", b"sec-websocket-version", b"date", b"server"}
)


async def relay_websocket(exchange: Exchange, plan: Plan, group: Group, request: Request) -> Answer:
    """Shake hands with the first peer that will, and carry messages until one side closes."""
    client = exchange.client.websocket()
    assert client is not None
    request = replace(request, fields=[field for field in request.fields if field[0].lower() not in OWN])
    tried: set[Peer] = set()
    for _ in range(min(group.tries, plan.next_tries or group.tries)):
        peer = group.select(tried, time.monotonic())
        if peer is None:
            break
        attempt = Try(str(peer.address), time.monotonic())
        exchange.tries.append(attempt)
        try:
            opened = await plan.transport.open_websocket(
                replace(request, address=peer.address), tuple(client.subprotocols)
            )
        except UpstreamError as error:
            attempt.status = 504 if error.timed_out else 502
            attempt.response_time = time.monotonic() - attempt.started
            group.failed(peer, time.monotonic())
            exchange.log("error", "upstream_failed", str(error), upstream=str(peer.address))
            continue
        except BaseException:
            group.succeeded(peer)
            raise
        try:
            return await _run(exchange, plan, client, opened, attempt)
        finally:
            group.succeeded(peer)
    last = exchange.tries[-1] if exchange.tries else None
    return Status(last.status or 502 if last is not None else 502)


async def _run(
    exchange: Exchange, plan: Plan, client: WebSocketClient, opened: WebSocketPeer | HandshakeRefused, attempt: Try
) -> Answer:
    attempt.connect_time = attempt.header_time = time.monotonic() - attempt.started
    if isinstance(opened, HandshakeRefused):
        attempt.response_time = attempt.header_time
        attempt.bytes_sent, attempt.bytes_received = opened.bytes_sent, opened.bytes_received
        attempt.response_length = len(opened.body)
        return _refusal(exchange, plan, opened, attempt)
    attempt.status = 101
    fields = Headers(opened.fields)
    attempt.fields = fields
    passed = [field for field in opened.fields if field[0].lower() not in OWN | connection_options(fields)]
    exchange.response = Response(101, Headers(passed))
    try:
        await client.accept(opened.subprotocol, passed)
        bridged = await bridge(client, opened)
    finally:
        # before the exchange ends, for then it is logged
        attempt.response_time = time.monotonic() - attempt.started
        attempt.bytes_sent, attempt.bytes_received = opened.bytes_sent, opened.bytes_received
    exchange.messages = _messages(bridged)
    exchange.body_bytes_sent = bridged.from_upstream.size
    exchange.end()
    return Flow.TAKEN


def _messages(bridged: Bridged) -> Messages:
    up, down = bridged.from_client, bridged.from_upstream
    return Messages(up.messages, up.size, down.messages, down.size, bridged.closed.code, bridged.closed_by_upstream)


def _refusal(exchange: Exchange, plan: Plan, refused: HandshakeRefused, attempt: Try) -> Answer:
    """The upstream's own answer reaches the client as it is."""
    attempt.status = refused.status
    attempt.fields = Headers(refused.fields)
    answer = plan.read_head(exchange, refused.status, refused.reason, attempt.fields)
    if isinstance(answer, Response):
        if plan.intercept_errors and refused.status in exchange.location.error_pages:
            return Status(refused.status)
        answer.length = len(refused.body)
        answer.parts = (refused.body,)
        return Content(answer)
    return answer
