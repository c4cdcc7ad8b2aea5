"""The way of one exchange through its upstream: peers tried in turn, the response passed on (ngx_http_upstream.c).

A relay is the handler of its calls. It chooses a peer, sends the request, and either passes the answer to the client or
tries the next peer; both sides' flow control is coupled to each other.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyngx.core.answers import Answer, Redirected, Refused, Response, Status
from pyngx.core.pipeline import answer_later
from pyngx.core.ports import Failure, Request, UpstreamError
from pyngx.core.records import Try
from pyngx.http.headers import Headers
from pyngx.upstream.plan import (
    CONDITIONS,
    IDEMPOTENCE_MATTERS,
    NO_HINTS,
    NO_TRAILERS,
    NOT_FAILURES,
    STATUS_CONDITIONS,
    Condition,
)
from pyngx.upstream.tunnel import Tunnel
from pyngx.upstream.upload import Upload

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange
    from pyngx.core.ports import Call, TunnelEnd
    from pyngx.core.spool import Spool
    from pyngx.upstream.group import Group
    from pyngx.upstream.outlet import Outlet
    from pyngx.upstream.peer import Peer
    from pyngx.upstream.plan import Plan
    from pyngx.upstream.queue import Waiter


class Relay:
    """One exchange on its way to an upstream and back."""

    # Defaults stand on the class: making a relay sets only what differs.
    _noted = False  # an attempt of ours stands among the exchange's
    _responded = False
    _done = False
    _sent = False  # something of the request may have reached a peer
    _held = False  # the peer takes no more of the body for now
    _chunks: Iterator[bytes] = iter(())
    _call: Call | None = None
    _peer: Peer | None = None
    _attempt: Try | None = None
    _waiter: Waiter | None = None  # in the group's queue
    _outlet: Outlet | None = None  # since the response's head was passed on

    def __init__(self, exchange: Exchange, plan: Plan, group: Group, request: Request, body: Spool | None) -> None:
        """`body` is what is sent if it was kept before; the exchange's own body is streamed if the plan says so."""
        self._exchange = exchange
        self._plan = plan
        self._group = group
        self._request = request
        self._body = body
        self._streams = plan.streams_body and body is None
        self._choose = group.begin(exchange) if group.begin is not None else None
        self._tried: set[Peer] = set()
        self._tries_left = plan.tries(group)
        self._deadline = plan.deadline()

    def start(self) -> None:
        """Try the first peer."""
        self._exchange.on_gone = self._client_gone
        self._try_next()

    # called by the transport

    def connected(self) -> None:
        """Send the body, which the head went ahead of."""
        attempt, call = self._now()
        attempt.connect_time = time.monotonic() - attempt.started
        self._sent = True
        if self._body is not None:
            self._chunks = self._body.chunks()
            self._send_chunks()
        elif self._streams:
            self._exchange.body.read_into(Upload(call, self._refuse))
        elif self._request.body_length != 0:
            call.end_body()

    def pause_reading(self) -> None:
        """The peer is slow: hold the request's body."""
        self._held = True
        if self._streams:
            self._exchange.body.pause_reading()

    def resume_reading(self) -> None:
        """Go on with the request's body."""
        self._held = False
        if self._body is not None:
            self._send_chunks()
        elif self._streams:
            self._exchange.body.resume_reading()

    def informational_received(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        """Early hints go on, where the location wants it; 100 is between the peer and us."""
        pass_hints = self._plan.pass_hints
        if status == 103 and pass_hints is not None:
            hints = [each for each in fields if each[0].lower() not in NO_HINTS]
            if passed := pass_hints(self._exchange, hints):
                self._exchange.client.send_informational(status, passed)

    def head_received(self, status: int, reason: bytes, headers: Headers) -> None:
        """Pass the head on, or try the next peer, or answer otherwise."""
        attempt, call = self._now()
        attempt.status = status
        attempt.header_time = time.monotonic() - attempt.started
        attempt.fields = headers
        if status in STATUS_CONDITIONS and self._tries_left > 1 and self._may_try_next(status):
            self._abandon(failed=status not in NOT_FAILURES)
            self._try_next()
            return
        answer = self._plan.answer_to(self._exchange, status, reason, attempt.fields)
        if not isinstance(answer, Response):
            self._abandon(failed=False)
            self._answer(answer)
            return
        exchange = self._exchange
        exchange.source = self._outlet = outlet = self._plan.open_outlet(exchange, call, answer)
        try:
            exchange.respond(answer)
        except Refused as refused:  # a filter wants another answer
            self._abandon(failed=False)
            self._answer(refused.status)
            return
        self._responded = True
        if exchange.paused:
            outlet.pause_reading()

    def response_received(self, status: int, reason: bytes, headers: Headers, body: bytes) -> None:
        """Pass a response on that is whole already: nothing has to be held for it."""
        exchange = self._exchange
        if exchange.paused or status in STATUS_CONDITIONS or self._plan.paces:
            self.head_received(status, reason, headers)
            if self._responded:
                if body:
                    self.body_received(body)
                self.response_ended([])
            return
        attempt, _ = self._now()
        attempt.status, attempt.fields = status, headers
        attempt.header_time = time.monotonic() - attempt.started
        answer = self._plan.answer_to(exchange, status, reason, headers)
        if isinstance(answer, Response):
            try:
                exchange.respond(answer)
            except Refused as refused:  # a filter wants another answer
                answer = refused.status
            else:
                attempt.response_length = len(body)
                self._close_attempt(failed=False)
                self._done = True
                if body:
                    exchange.write(body)
                exchange.end()
                self._finish()
                return
        self._close_attempt(failed=False)
        self._answer(answer)

    def switched(self, reason: bytes, headers: Headers, end: TunnelEnd, rest: bytes) -> None:
        """Couple both connections, once the client has the 101 with all that was negotiated."""
        attempt, _ = self._now()
        attempt.status = 101
        attempt.header_time = time.monotonic() - attempt.started
        attempt.fields = headers
        exchange = self._exchange
        response = self._plan.read_head(exchange, 101, reason, headers)
        if not isinstance(response, Response):
            end.transport.abort()
            self._close_attempt(failed=False)
            self._answer(response)
            return
        response.length = None
        response.headers.add(b"Upgrade", headers.get(b"upgrade") or b"")
        response.headers.add(b"Connection", b"upgrade")
        self._done = True
        exchange.on_gone = None
        exchange.respond(response)
        exchange.headers.slim()
        headers.slim()
        response.headers.slim()
        self._request.fields, self._request.lines = [], b""
        tunnel = Tunnel(self._plan.timeouts.read, self._tunnel_ended)
        tunnel.open(exchange.client, end, rest)

    def _tunnel_ended(self, tunnel: Tunnel) -> None:
        exchange = self._exchange
        exchange.body_bytes_sent, exchange.body.received = tunnel.sent, tunnel.received
        self._close_attempt(failed=False)
        self._finish()
        exchange.end()

    def body_received(self, data: bytes) -> None:
        """Pass a part of the body on."""
        if self._attempt is not None:
            self._attempt.response_length += len(data)
        assert self._outlet is not None
        self._outlet.write(data)

    def flush(self) -> None:
        """The client need not wait for a body to see the head."""
        if not self._exchange.ended:
            self._exchange.client.flush()

    def response_ended(self, trailers: list[tuple[bytes, bytes]]) -> None:
        """The peer did its work."""
        self._close_attempt(failed=False)
        exchange, outlet = self._exchange, self._outlet
        exchange.upstream_trailers = trailers
        assert outlet is not None
        self._done = True
        passed = [field for field in trailers if field[0].lower() not in NO_TRAILERS]
        outlet.end(passed if self._plan.passes_trailers else ())
        self._finish()

    def call_failed(self, error: UpstreamError) -> None:
        """Try the next peer, or say what is wrong; a response that has begun can only be broken off."""
        attempt, _ = self._now()
        self._log_failure(error)
        if self._responded and self._outlet is not None:
            self._close_attempt(failed=False)  # as nginx has it: who sends a head has not failed
            self._done = True
            self._outlet.fail()
            self._finish()
            return
        code = 504 if error.timed_out else 502
        attempt.status = attempt.status or code
        self._sent = (self._sent or error.sent) and error.failure is not Failure.CONNECT
        # A peer may close a connection just when it is used again: that is no failure of its, and costs no try.
        stale = error.kept and error.failure is Failure.ERROR
        self._close_attempt(failed=not stale)
        self._tries_left += stale
        if self._tries_left > 0 and self._may_try_next(CONDITIONS[error.failure]):
            self._try_next()
        else:
            self._answer(Status(code))

    # private

    def _now(self) -> tuple[Try, Call]:
        assert self._attempt is not None
        assert self._call is not None
        return self._attempt, self._call

    def _try_next(self, peer: Peer | None = None) -> None:
        """Ask a peer that was waited for, or else the group's next."""
        now = time.monotonic()
        if peer is None and (peer := self._group.select(self._tried, now, self._choose)) is None:
            self._waiter = self._group.wait(self._tried, self._choose, self._waited)
            if self._waiter is None:
                self._find_nobody("no live upstreams while connecting to upstream")
            return
        self._peer = peer
        self._attempt = self._note(str(peer.address), now)
        self._sent = False
        self._request.address = peer.address
        self._call = call = self._plan.transport.start(self._request, self)
        if call.is_connected:
            self.connected()

    def _waited(self, peer: Peer | None) -> None:
        self._waiter = None
        if peer is not None:
            self._try_next(peer)
        else:
            self._find_nobody("no upstream became free while the request was queued")

    def _find_nobody(self, message: str) -> None:
        nobody = self._note(self._group.name, time.monotonic())
        nobody.status, nobody.response_time = 502, 0.0
        self._log("error", "no_live_upstreams", message)
        self._answer(Status(502))

    def _note(self, address: str, now: float) -> Try:
        """Write an attempt down where variables and logs find it."""
        tries = self._exchange.tries
        attempt = Try(address, now, is_anew=bool(tries) and not self._noted)
        self._noted = True
        tries.append(attempt)
        return attempt

    def _may_try_next(self, condition: Condition | int) -> bool:
        """Whether the configuration lets another peer be tried after this (ngx_http_upstream_next)."""
        conditions = self._plan.next_conditions
        if condition not in conditions:
            return False
        if self._sent:
            if self._streams and self._exchange.body.expected:
                return False
            if self._exchange.method in IDEMPOTENCE_MATTERS and Condition.NON_IDEMPOTENT not in conditions:
                return False
        return not self._deadline or time.monotonic() < self._deadline

    def _abandon(self, *, failed: bool) -> None:
        """Give up the call that is under way."""
        _, call = self._now()
        call.cancel()
        self._close_attempt(failed=failed)

    def _close_attempt(self, *, failed: bool) -> None:
        """Count the end of one attempt, with its peer and in the log."""
        attempt, call = self._now()
        attempt.response_time = time.monotonic() - attempt.started
        attempt.bytes_sent, attempt.bytes_received = call.bytes_sent, call.bytes_received
        peer, self._peer = self._peer, None
        if peer is None:
            return
        self._tries_left -= 1
        if not failed:
            self._group.succeeded(peer)
        elif self._group.failed(peer, time.monotonic()):
            self._log("warn", "upstream_disabled", "upstream server temporarily disabled")

    def _answer(self, answer: Answer) -> None:
        exchange = self._exchange
        self._close_outlet()
        if isinstance(answer, Redirected):
            exchange.valid_target = False
        self._finish()
        exchange.spawn(answer_later(exchange, answer), "answer")

    def _refuse(self, status: int) -> None:
        """The request's body breaks a rule on its way."""
        if self._done:
            return
        if self._peer is not None:
            self._abandon(failed=False)
        if self._responded:
            self._close_outlet()
            self._finish()
            self._exchange.fail()
        else:
            self._exchange.keepalive = False
            self._answer(Status(status))

    def _client_gone(self) -> None:
        if self._plan.ignore_client_abort and not self._done:
            if self._outlet is not None:
                self._outlet.discard()
            return
        if self._peer is not None:
            self._abandon(failed=False)
        self._close_outlet()
        self._finish()
        self._exchange.leave()

    def _send_chunks(self) -> None:
        _, call = self._now()
        for chunk in self._chunks:
            call.send_body(chunk)
            if self._held:
                return
        self._chunks = iter(())
        call.end_body()

    def _close_outlet(self) -> None:
        if self._outlet is not None:
            self._outlet.close()
            self._outlet = None
        self._exchange.on_gone = self._exchange.source = None

    def _finish(self) -> None:
        """Let go of all: what refers to each other would lie about until it is collected.

        The exchange closes the body: error pages and logs may ask for it still.
        """
        self._done = True
        if self._waiter is not None:
            self._waiter.leave()
        self._call = self._body = self._waiter = None
        exchange = self._exchange
        if exchange.ended:  # else the outlet still holds some of the response
            self._outlet = exchange.on_gone = exchange.source = None

    def _log_failure(self, error: UpstreamError) -> None:
        self._log("error", "upstream_failed", str(error))

    def _log(self, level: str, event: str, message: str) -> None:
        upstream = f"{self._attempt.addr if self._attempt is not None else self._group.name}"
        target = self._request.target.decode("utf-8", "surrogateescape")
        self._exchange.log(level, event, message, upstream=f"http://{upstream}{target}")
