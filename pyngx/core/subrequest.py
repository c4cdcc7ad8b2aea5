"""Requests within a request: another URI is asked on the way, and its answer used (ngx_http_subrequest).

A subrequest is an exchange of its own whose client is us. It has the request line, the fields, the host and the set
variables of the request that it is part of, the method GET, and a URI of its own. It runs through the server's rewrites
and all phases of its location but access; of the header filters only those that say `filters_subrequests` see it. What
becomes of the answer is its receiver's affair. All subrequests end with the request that the client made, except those
in the background.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol, TypeVar

from pyngx.core.answers import Refused
from pyngx.core.eager import start_eagerly
from pyngx.core.exchange import Exchange
from pyngx.core.pipeline import handle_inner
from pyngx.http.request_head import RequestHead

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyngx.core.ports import Fields, TunnelReceiver, WebSocketClient

MAX_DEPTH = 51  # subrequests within each other: NGX_HTTP_MAX_SUBREQUESTS, and the first
BODY_LIMIT = 64 * 1024  # bytes of a body that nobody wants, before its source is told to stop

Note = TypeVar("Note")


class Receiver(Protocol):
    """Who takes the answer to a subrequest."""

    wants_body: bool
    has_parts: bool  # whether the body may have subrequests in it
    breaks_whole: bool  # whether an answer that breaks off breaks the whole request, as nginx has it

    def head_received(self, status: int) -> None:
        """The head is there; its fields stand in the subrequest's `response`."""

    def body_received(self, data: bytes) -> None:
        """A part of the body."""

    def flush(self) -> None:
        """There is no more for now."""

    def ended(self) -> None:
        """The answer is whole."""

    def broken(self) -> None:
        """It isn't going to be."""


class Subrequests:
    """All subrequests of a client's request, theirs included. They begin in the order in which they were asked for.

    None begins within another's beginning: what includes itself is stopped by MAX_DEPTH, not by the stack.
    """

    __slots__ = ("_background", "_begins", "_main", "_notes", "_posted", "_under_way")

    def __init__(self, main: Exchange) -> None:
        self._main = main
        self._posted: deque[Exchange] = deque()
        self._under_way: set[Exchange] = set()
        self._background: set[Exchange] = set()
        self._begins = False
        self._notes: dict[type, object] = {}

    def __repr__(self) -> str:
        return f"<Subrequests under_way={[exchange.uri for exchange in self._under_way]}>"

    def note(self, kind: type[Note], make: Callable[[], Note]) -> Note:
        """What a module keeps for the whole request: the one of its type, made now if there is none."""
        if kind not in self._notes:
            self._notes[kind] = make()
        return self._notes[kind]  # type: ignore[return-value] # the key is the type

    def post(self, exchange: Exchange, *, background: bool = False) -> None:
        """Have a subrequest begin when `begin` is called; one in the background outlives the request."""
        self._posted.append(exchange)
        if not background:
            self._under_way.add(exchange)
            return
        self._background.add(exchange)
        exchange.generation.background += 1
        if exchange.kept_body is not None:
            exchange.kept_body.hold()

    def begin(self) -> None:
        """Begin what was posted, and what that posts."""
        if self._begins:
            return
        self._begins = True
        try:
            while self._posted:
                exchange = self._posted.popleft()
                if not exchange.ended:
                    start_eagerly(handle_inner(exchange), exchange.spawn, "subrequest")
        finally:
            self._begins = False

    def exchange_closed(self, exchange: Exchange) -> None:
        """One is over; with the client's own all others are."""
        if exchange in self._background:
            self._background.remove(exchange)
            exchange.generation.background -= 1
            if exchange.kept_body is not None:
                exchange.kept_body.close()
            return
        if exchange is not self._main:
            self._under_way.discard(exchange)
            return
        for subrequest in list(self._under_way):
            subrequest.client_gone()
            subrequest.client.abort()  # who waits for it waits no longer


def main_of(exchange: Exchange) -> Exchange:
    """The exchange with the client that this is, or is part of."""
    while exchange.parent is not None:
        exchange = exchange.parent
    return exchange


def subrequests_of(exchange: Exchange) -> Subrequests:
    """Those of the whole request."""
    if exchange.subrequests is None:
        main = main_of(exchange)
        exchange.subrequests = main.subrequests = main.subrequests or Subrequests(main)
    return exchange.subrequests


def make_subrequest(parent: Exchange, uri: str, args: str, receiver: Receiver) -> Exchange:
    """A subrequest, to be posted. Raises Refused where there are too many within each other."""
    depth, outer = 1, parent.parent
    while outer is not None:
        depth, outer = depth + 1, outer.parent
    if isinstance(parent.client, Inside) and not parent.client.receiver.has_parts:
        raise Refused(500, f'nested in-memory subrequest "{uri}"')
    if depth > MAX_DEPTH:
        raise Refused(500, f'subrequests cycle while processing "{uri}"')
    head = RequestHead("GET", parent.target, parent.version, parent.headers)
    exchange = Exchange(parent.generation, parent.connection, Inside(main_of(parent), receiver), head)
    exchange.parent = parent
    exchange.subrequests = subrequests_of(parent)
    exchange.original_method, exchange.original_target = parent.original_method, parent.original_target
    exchange.server, exchange.location = parent.server, parent.server.location
    exchange.host, exchange.port = parent.host, parent.port
    exchange.uri, exchange.args = uri, args
    exchange.internal = True
    exchange.valid_target = False
    exchange.values = parent.values
    exchange.kept_body = parent.kept_body
    return exchange


class Inside:
    """The client of a subrequest: passes its answer to who asked."""

    __slots__ = ("_main", "receiver")

    def __init__(self, main: Exchange, receiver: Receiver) -> None:
        self._main = main
        self.receiver = receiver

    def send_informational(self, status: int, fields: Fields) -> None:
        """Hints of a part are none for the whole."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:  # noqa: ARG002 -- a client's interface
        self.receiver.head_received(status)

    def send_body(self, data: bytes) -> None:
        self.receiver.body_received(data)

    def flush(self) -> None:
        """See `Client`."""
        self.receiver.flush()

    def finish(self, trailers: Fields = ()) -> None:  # noqa: ARG002 -- a client's interface
        self.receiver.ended()

    def abort(self) -> None:
        if self.receiver.breaks_whole:
            self._main.fail()
        self.receiver.broken()

    @property
    def bytes_sent(self) -> int:
        """Those of the client's own connection."""
        return self._main.client.bytes_sent

    def websocket(self) -> WebSocketClient | None:
        return None

    def open_tunnel(self, receiver: TunnelReceiver) -> asyncio.Transport:  # noqa: ARG002 -- a client's interface
        raise AssertionError("a subrequest has no connection to give away")

    def pause_reading(self) -> None:
        """There is no body to read."""

    def resume_reading(self) -> None:
        """There is no body to read."""


class HeadOnly:
    """Waits for a status, and lets the body pass by, up to a size."""

    __slots__ = ("_exchange", "_received", "_wanted")

    wants_body = False
    has_parts = breaks_whole = True

    def __init__(self) -> None:
        self._exchange: Exchange | None = None
        self._wanted: asyncio.Future[None] | None = None
        self._received = 0

    async def ask(self, parent: Exchange, uri: str, args: str = "") -> Exchange:
        """Send a subrequest without a body, and wait for its head: it has no `response` if all broke off."""
        self._exchange = exchange = make_subrequest(parent, uri, args, self)
        exchange.kept_body = None
        subrequests = subrequests_of(parent)
        subrequests.post(exchange)
        subrequests.begin()
        if exchange.response is None and not parent.ended:
            self._wanted = asyncio.get_running_loop().create_future()
            await self._wanted
        return exchange

    def head_received(self, status: int) -> None:  # noqa: ARG002 -- a receiver's interface
        self._tell()

    def body_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > BODY_LIMIT and self._exchange is not None:
            self._exchange.client_gone()

    def flush(self) -> None:
        """Nothing is held back."""

    def ended(self) -> None:
        """Nobody waits for that."""

    def broken(self) -> None:
        """There is nothing to wait for."""
        self._tell()

    def _tell(self) -> None:
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)


class Nobody:
    """Takes an answer that nobody asked for, up to a size."""

    __slots__ = ("_received", "exchange")

    wants_body = breaks_whole = False
    has_parts = True

    def __init__(self) -> None:
        self.exchange: Exchange | None = None
        self._received = 0

    def head_received(self, status: int) -> None:
        """It doesn't matter."""

    def body_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > BODY_LIMIT and self.exchange is not None:
            self.exchange.client_gone()

    def flush(self) -> None:
        """Nothing is held back."""

    def ended(self) -> None:
        """It doesn't matter."""

    def broken(self) -> None:
        """It doesn't matter."""


def send_in_background(parent: Exchange, uri: str, args: str) -> None:
    """Send a copy of a request to another URI, with its method and its body if that was kept; nobody waits for it."""
    receiver = Nobody()
    receiver.exchange = exchange = make_subrequest(parent, uri, args, receiver)
    exchange.method = parent.method
    subrequests = subrequests_of(parent)
    subrequests.post(exchange, background=True)
    subrequests.begin()


def wants_body(exchange: Exchange) -> bool:
    """Whether anybody reads what a response's body says: nobody does where only the status is asked for."""
    return not isinstance(exchange.client, Inside) or exchange.client.receiver.wants_body
