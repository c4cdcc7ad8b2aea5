"""Where the body of an upstream's response goes: to the client as it comes, or into buffers in between.

An outlet stands between a call and the exchange. It is the exchange's source: told when the client is slow, it decides
whether the call is held.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from pyngx.core.trickle import Trickle

if TYPE_CHECKING:
    from pyngx.core.answers import Response
    from pyngx.core.exchange import Exchange
    from pyngx.core.ports import Call, Fields, Source


class Outlet(Protocol):
    """Takes a response's body from a call, once its head has been judged; a `Source` for the exchange."""

    def pause_reading(self) -> None:
        """The client takes no more for now."""

    def resume_reading(self) -> None:
        """It does again."""

    def write(self, data: bytes) -> None:
        """A part of the body."""

    def end(self, trailers: Fields) -> None:
        """The body is whole: end the exchange as soon as the client has all that is held."""

    def fail(self) -> None:
        """The body broke off: so does the exchange, as soon as the client has all that is held."""

    def discard(self) -> None:
        """The client has left: hold nothing, and let the upstream go on."""

    def close(self) -> None:
        """The exchange is over: forget what is held."""


OpenOutlet = Callable[["Exchange", "Call", "Response"], Outlet]


class Direct:
    """Each part goes to the client as it comes, past no buffer: a slow client slows its upstream down."""

    __slots__ = ("_call", "_exchange")

    def __init__(self, exchange: Exchange, call: Call) -> None:
        self._exchange = exchange
        self._call = call

    def pause_reading(self) -> None:
        self._call.pause_reading()

    def resume_reading(self) -> None:
        self._call.resume_reading()

    def write(self, data: bytes) -> None:
        self._exchange.write(data)
        self._exchange.flush()

    def end(self, trailers: Fields) -> None:
        self._exchange.end(trailers)

    def fail(self) -> None:
        self._exchange.fail()

    def discard(self) -> None:
        self._call.resume_reading()

    def close(self) -> None:
        """Nothing is held."""


def direct(exchange: Exchange, call: Call, _response: Response) -> Outlet:
    """Pass a response on without buffers."""
    return Direct(exchange, call)


class Paced:
    """An outlet behind a limited rate: what the upstream sends faster waits, and the upstream with it."""

    __slots__ = ("_outlet", "_trickle")

    def __init__(self, call: Call, rate: int, open_next: Callable[[Source], Outlet]) -> None:
        """`open_next` gives the outlet behind the limit; it holds what it is given in place of the call."""
        self._trickle = trickle = Trickle(call)
        trickle.rate = rate
        self._outlet = open_next(trickle.downstream)
        trickle.forward = self._outlet.write

    def pause_reading(self) -> None:
        self._outlet.pause_reading()

    def resume_reading(self) -> None:
        self._outlet.resume_reading()

    def write(self, data: bytes) -> None:
        self._trickle.write(data)

    def end(self, trailers: Fields) -> None:
        self._trickle.when_empty(lambda: self._outlet.end(trailers))

    def fail(self) -> None:
        self._trickle.when_empty(self._outlet.fail)

    def discard(self) -> None:
        self._trickle.stop()
        self._outlet.discard()

    def close(self) -> None:
        self._trickle.stop()
        self._outlet.close()
