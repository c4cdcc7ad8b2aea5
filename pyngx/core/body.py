"""A request's body between the server that receives it and the handler that wants it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyngx.core.ports import Fields, Source


class Sink(Protocol):
    """Who takes a request's body."""

    def body_received(self, data: bytes) -> None:
        """A part of it."""

    def body_ended(self, trailers: Fields) -> None:
        """It is whole."""

    def body_refused(self, status: int) -> None:
        """It breaks a rule: too large (413), too slow (408), malformed (400)."""


class RequestBody:
    """Bytes arrive by `feed` and `end` and go to the sink; without one they wait, and reading stays paused.

    `length` is what Content-Length said, None for a chunked body. `limit` is `client_max_body_size`, 0 for none.
    """

    # Defaults stand on the class: most requests have no body.
    length: int | None = 0
    expected = False  # whether the request has a body at all
    limit = 0
    received = 0
    complete = True
    failed = 0  # the status it was refused with
    trailers: Fields = ()
    _sink: Sink | None = None
    _waiting: Sequence[bytes] = ()

    def __init__(self, client: Source) -> None:
        self._client = client

    @property
    def taken(self) -> bool:
        """Whether somebody has had it, or some of it."""
        return self._sink is not None

    def expect(self, length: int | None) -> None:
        """The request's head announces a body: of `length` bytes, or chunked."""
        self.length = length
        self.expected = True
        self.complete = False

    # called by the server

    def feed(self, data: bytes) -> None:
        """A part arrived."""
        if self.failed:
            return
        self.received += len(data)
        if self.limit and self.received > self.limit:
            self.refuse(413)
        elif self._sink is None:
            self._waiting = [*self._waiting, data]
        else:
            self._sink.body_received(data)

    def end(self, trailers: Fields = ()) -> None:
        """All of it arrived."""
        self.complete = True
        self.trailers = trailers
        if self._sink is not None and not self.failed:
            self._sink.body_ended(trailers)

    def refuse(self, status: int) -> None:
        """It can't be taken any further."""
        self.failed = status
        if self._sink is not None:
            self._sink.body_refused(status)

    # called by whoever wants it

    def read_into(self, sink: Sink) -> None:
        """Have it delivered, what has arrived so far at once."""
        self._sink = sink
        if self.failed:
            sink.body_refused(self.failed)
            return
        waiting, self._waiting = self._waiting, ()
        for data in waiting:
            sink.body_received(data)
        if self.complete:
            sink.body_ended(self.trailers)
        else:
            self._client.resume_reading()

    def take_in(self) -> bool:
        """Have what arrived so far come in, before anybody reads; gives whether nothing more will."""
        if not self.complete and not self.failed:
            self._client.resume_reading()
            if not self.complete:
                self._client.pause_reading()
        return self.complete or bool(self.failed)

    def discard(self) -> int:
        """Nobody wants it: gives the status that refuses what of it has come, or 0 (ngx_http_discard_request_body).

        Only chunks can be malformed; a body of known length stays where it is.
        """
        if self.length is not None or self._sink is not None:
            return 0
        self.limit = 0  # it is for those who keep a body
        self.drop()
        self.take_in()
        return self.failed

    def drop(self) -> None:
        """Nobody wants it any more."""
        self._waiting = ()
        self._sink = _Discard()

    def pause_reading(self) -> None:
        """Ask the client to wait."""
        self._client.pause_reading()

    def resume_reading(self) -> None:
        """Let the client go on."""
        if not self.complete:
            self._client.resume_reading()


class _Discard:
    """Takes a body and forgets it."""

    def body_received(self, data: bytes) -> None:
        pass

    def body_ended(self, trailers: Fields) -> None:
        pass

    def body_refused(self, status: int) -> None:
        pass


class Store(Protocol):
    """Where a body is kept."""

    def write(self, data: bytes, /) -> int:
        """Append."""


class _Keeper:
    """A sink that writes a body to a store and says when it is whole."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def body_received(self, data: bytes) -> None:
        if self.done.done():
            return
        try:
            self._store.write(data)
        except OSError as error:  # told to who waits, not to the server that happens to deliver
            self.done.set_exception(error)

    def body_ended(self, trailers: Fields) -> None:  # noqa: ARG002 -- a sink's interface
        self._finish(0)

    def body_refused(self, status: int) -> None:
        self._finish(status)

    def _finish(self, status: int) -> None:
        if not self.done.done():
            self.done.set_result(status)


async def keep_body(body: RequestBody, store: Store) -> int:
    """Read a body whole into a store; gives 0, or the status that it was refused with.

    Raises OSError where the store can't take it; what is still to come is forgotten then.
    """
    keeper = _Keeper(store)
    body.read_into(keeper)
    try:
        return await keeper.done
    except OSError:
        body.drop()
        raise
