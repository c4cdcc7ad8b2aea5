"""A response at a limited rate: stands between an exchange and its client, where there is a limit, and only there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyngx.core.trickle import Trickle

if TYPE_CHECKING:
    import asyncio

    from pyngx.core.exchange import Exchange
    from pyngx.core.ports import Client, Fields, TunnelReceiver, WebSocketClient


def limit_rate(exchange: Exchange, rate: int) -> None:
    """Send no more than `rate` bytes a second from now on, whatever the location says; 0 for no limit."""
    if exchange.parent is not None:
        return  # the bytes of a subrequest are those of the request that it is part of
    exchange.limit_rate = rate
    if exchange.throttle is not None:
        exchange.throttle.rate = rate
    elif rate:
        exchange.client = exchange.throttle = Throttle(exchange, exchange.client, rate)


class Throttle:
    """A client that takes so many bytes a second; the head counts, but never waits."""

    def __init__(self, exchange: Exchange, client: Client, rate: int) -> None:
        self._client = client
        self._trickle = Trickle(_Answering(exchange), exchange.started)
        self._trickle.rate = rate
        self._trickle.forward = client.send_body

    @property
    def rate(self) -> int:
        """Bytes a second; 0 for no limit."""
        return self._trickle.rate

    @rate.setter
    def rate(self, rate: int) -> None:
        self._trickle.rate = rate

    def begin_after(self, size: int) -> None:
        """Don't count that many bytes at the beginning."""
        self._trickle.after = size

    # called by the exchange

    def stall(self) -> None:
        """The client itself is slow."""
        self._trickle.stall()

    def flow(self) -> None:
        """It has caught up."""
        self._trickle.flow()

    def stop(self) -> None:
        """Send nothing any more."""
        self._trickle.stop()

    def when_empty(self, then: Callable[[], None]) -> None:
        """Call `then` when the client was sent all that waits."""
        self._trickle.when_empty(then)

    # a client's own

    def send_informational(self, status: int, fields: Fields) -> None:
        self._client.send_informational(status, fields)

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        self._client.send_head(status, reason, fields)
        self._trickle.sent = self._client.bytes_sent

    def send_body(self, data: bytes) -> None:
        self._trickle.write(data)

    def flush(self) -> None:
        """See `Client`."""
        self._client.flush()

    def finish(self, trailers: Fields = ()) -> None:
        self._client.finish(trailers)

    def abort(self) -> None:
        self._trickle.stop()
        self._client.abort()

    @property
    def bytes_sent(self) -> int:
        return self._client.bytes_sent

    def websocket(self) -> WebSocketClient | None:
        return self._client.websocket()

    def open_tunnel(self, receiver: TunnelReceiver) -> asyncio.Transport:
        return self._client.open_tunnel(receiver)

    def pause_reading(self) -> None:
        self._client.pause_reading()

    def resume_reading(self) -> None:
        self._client.resume_reading()


class _Answering:
    """Whoever answers an exchange, as a source."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def pause_reading(self) -> None:
        self._exchange.pause_source()

    def resume_reading(self) -> None:
        self._exchange.resume_source()
