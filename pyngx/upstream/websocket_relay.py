"""A WebSocket through an upstream: connected there first, then accepted, then bridged message by message."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pyngx.core.answers import Answer, Content, Flow, Response, Status
from pyngx.core.ports import Closed, HandshakeRefused, UpstreamError, WebSocketPeer
from pyngx.core.records import Messages, Try
from pyngx.core.websocket import ABNORMAL
from pyngx.http.headers import Headers, connection_options
from pyngx.upstream.plan import CONDITIONS, NOT_FAILURES, Condition
from pyngx.upstream.websocket import Bridged, bridge

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange
    from pyngx.core.ports import Request, Transport, WebSocketClient
    from pyngx.upstream.group import Group
    from pyngx.upstream.peer import Peer
    from pyngx.upstream.plan import Plan

# What each side of a bridge negotiates for itself (RFC 6455 4.2.2).
OWN = frozenset({b"connection", b"upgrade", b"sec-websocket-accept", b"sec-websocket-extensions"}) | frozenset(
    {b"sec-websocket-protocol", b"sec-websocket-key", b"sec-websocket-version", b"date", b"server"}
)


async def relay_websocket(exchange: Exchange, plan: Plan, group: Group, request: Request) -> Answer:
    """Shake hands with the first peer that will, and carry messages until one side closes."""
    request = replace(request, fields=[field for field in request.fields if field[0].lower() not in OWN], lines=b"")
    tries = _Tries(exchange, plan, group)
    while (begun := await tries.begin()) is not None:
        if (answer := await _try(tries, *begun, request)) is not None:
            return answer
    return Status(502)


class _Tries:
    """The peers that are asked, one after the other (ngx_http_upstream_next)."""

    def __init__(self, exchange: Exchange, plan: Plan, group: Group) -> None:
        self.exchange = exchange
        self.plan = plan
        self._group = group
        self._choose = group.begin(exchange) if group.begin is not None else None
        self._tried: set[Peer] = set()
        self._left = plan.tries(group)
        self._deadline = plan.deadline()
        self._first = len(exchange.tries)

    async def begin(self) -> tuple[Peer, Try] | None:
        """The next peer, and the note of its being asked."""
        now = time.monotonic()
        peer = self._group.select(self._tried, now, self._choose) or await self._wait()
        before = len(self.exchange.tries)
        name = str(peer.address) if peer is not None else self._group.name
        attempt = Try(name, now, is_anew=0 < before == self._first)
        self.exchange.tries.append(attempt)
        if peer is None:
            attempt.status, attempt.response_time = 502, 0.0
            message = "no live upstreams while connecting to upstream"
            self.exchange.log("error", "no_live_upstreams", message, upstream=name)
            return None
        self._left -= 1
        return peer, attempt

    async def _wait(self) -> Peer | None:
        """The peer that becomes free, where the group has a queue."""
        served: asyncio.Future[Peer | None] = asyncio.get_running_loop().create_future()
        waiter = self._group.wait(self._tried, self._choose, served.set_result)
        if waiter is None:
            return None
        try:
            return await served
        except asyncio.CancelledError:
            waiter.leave()
            if served.done() and not served.cancelled() and (peer := served.result()) is not None:
                self._group.release(peer)
            raise

    def go_on(self, condition: Condition | int | None) -> bool:
        """Whether another peer may be asked after this."""
        may = self._left > 0 and condition in self.plan.next_conditions
        return may and not (self._deadline and time.monotonic() >= self._deadline)

    def end(self, peer: Peer, attempt: Try, *, failed: bool) -> None:
        """The peer is not needed any more."""
        if attempt.response_time is None:
            attempt.response_time = time.monotonic() - attempt.started
        if not failed:
            self._group.succeeded(peer)
        elif self._group.failed(peer, time.monotonic()):
            message = "upstream server temporarily disabled"
            self.exchange.log("warn", "upstream_disabled", message, upstream=attempt.addr)


async def _try(tries: _Tries, peer: Peer, attempt: Try, request: Request) -> Answer | None:
    """Ask one peer; None if another is to be asked."""
    exchange, plan = tries.exchange, tries.plan
    client = exchange.client.websocket()
    assert client is not None
    failed = False
    try:
        opened = await _open(plan.transport, replace(request, address=peer.address), client)
        if isinstance(opened, UpstreamError):
            failed = True
            attempt.status = 504 if opened.timed_out else 502
            exchange.log("error", "upstream_failed", str(opened), upstream=attempt.addr)
            return None if tries.go_on(CONDITIONS[opened.failure]) else Status(attempt.status)
        attempt.connect_time = attempt.header_time = time.monotonic() - attempt.started
        if not isinstance(opened, HandshakeRefused):
            return await _carry(exchange, client, opened, attempt)
        attempt.status, attempt.fields = opened.status, Headers(opened.fields)
        attempt.bytes_sent, attempt.bytes_received = opened.bytes_sent, opened.bytes_received
        attempt.response_length = len(opened.body)
        if tries.go_on(opened.status):
            failed = opened.status not in NOT_FAILURES
            return None
        return _refusal(exchange, plan, opened, attempt.fields)
    finally:
        tries.end(peer, attempt, failed=failed)


async def _open(
    transport: Transport, request: Request, client: WebSocketClient
) -> WebSocketPeer | HandshakeRefused | UpstreamError:
    try:
        return await transport.open_websocket(request, tuple(client.subprotocols))
    except UpstreamError as error:
        return error


async def _carry(exchange: Exchange, client: WebSocketClient, opened: WebSocketPeer, attempt: Try) -> Answer:
    attempt.status = 101
    attempt.fields = fields = Headers(opened.fields)
    passed = [field for field in opened.fields if field[0].lower() not in OWN | connection_options(fields)]
    exchange.response = Response(101, Headers(passed))
    try:
        await client.accept(opened.subprotocol, passed)
    except BaseException:  # the client left meanwhile
        await opened.close(Closed(ABNORMAL))
        raise
    try:
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


def _refusal(exchange: Exchange, plan: Plan, refused: HandshakeRefused, fields: Headers) -> Answer:
    """The upstream's own answer reaches the client as it is."""
    answer = plan.answer_to(exchange, refused.status, refused.reason, fields)
    if not isinstance(answer, Response):
        return answer
    answer.length = len(refused.body)
    answer.parts = (refused.body,)
    return Content(answer)
