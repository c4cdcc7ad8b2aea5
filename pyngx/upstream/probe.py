"""One request of our own to a peer, and its whole response in memory: what a health check looks at."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pyngx.core.ports import Failure, UpstreamError
from pyngx.http.headers import Headers

if TYPE_CHECKING:
    from pyngx.core.ports import Call, Request, Transport, TunnelEnd

BODY_LIMIT = 256 * 1024  # bytes of a body that are looked at (ngx_http_upstream_hc_module); what follows isn't read


class Probed:
    """A response, as far as it was read."""

    __slots__ = ("body", "headers", "reason", "status")

    def __init__(self) -> None:
        self.status = 0
        self.reason = b""
        self.headers = Headers()
        self.body = bytearray()


async def probe(transport: Transport, request: Request) -> Probed:
    """Ask, and wait for the response; raises UpstreamError. All of it has as long as its timeouts add up to."""
    timeouts = request.timeouts
    handler = _Gather()
    handler.call = call = transport.start(request, handler)
    if call.is_connected:
        handler.connected()
    try:
        async with asyncio.timeout(timeouts.connect + timeouts.send + timeouts.read):
            return await handler.answer
    except TimeoutError:
        message = f"{request.address} took too long"
        raise UpstreamError(Failure.TIMEOUT, message, timed_out=True) from None
    finally:
        if not handler.over:
            call.cancel()


class _Gather:
    """The handler of that call."""

    __slots__ = ("_probed", "answer", "call", "over")

    def __init__(self) -> None:
        self.answer: asyncio.Future[Probed] = asyncio.get_running_loop().create_future()
        self.call: Call | None = None
        self.over = False  # the call has ended by itself
        self._probed = Probed()

    def connected(self) -> None:
        if self.call is not None:
            self.call.end_body()

    def informational_received(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        """It isn't the response."""

    def head_received(self, status: int, reason: bytes, headers: Headers) -> None:
        probed = self._probed
        probed.status, probed.reason, probed.headers = status, reason, headers

    def switched(self, reason: bytes, headers: Headers, end: TunnelEnd, rest: bytes) -> None:  # noqa: ARG002
        """Nobody asked for that."""
        end.transport.abort()
        self.call_failed(UpstreamError(Failure.INVALID_HEADER, "the connection was switched to another protocol"))

    def body_received(self, data: bytes) -> None:
        body = self._probed.body
        body += data[: BODY_LIMIT - len(body)]
        if len(body) >= BODY_LIMIT:
            self._tell()

    def flush(self) -> None:
        """Nothing is passed on."""

    def response_received(self, status: int, reason: bytes, headers: Headers, body: bytes) -> None:
        self.over = True
        self.head_received(status, reason, headers)
        self._probed.body += body[:BODY_LIMIT]
        self._tell()

    def response_ended(self, trailers: list[tuple[bytes, bytes]]) -> None:  # noqa: ARG002
        self.over = True
        self._tell()

    def call_failed(self, error: UpstreamError) -> None:
        self.over = True
        if not self.answer.done():
            self.answer.set_exception(error)

    def pause_reading(self) -> None:
        """There is no body to send."""

    def resume_reading(self) -> None:
        """There is no body to send."""

    def _tell(self) -> None:
        if not self.answer.done():
            self.answer.set_result(self._probed)
