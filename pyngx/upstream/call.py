"""One HTTP request to a peer, and its response, over a kept connection or a new one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyngx.core.deadline import Deadline
from pyngx.core.ports import Failure, UpstreamError
from pyngx.http.headers import Headers
from pyngx.upstream.connection import Connection
from pyngx.upstream.dial import connection_key, dial
from pyngx.upstream.head import encode_head
from pyngx.upstream.response import Broken, Ended, Head, Informational, ResponseReader

if TYPE_CHECKING:
    from pyngx.core.ports import CallHandler, Fields, Request
    from pyngx.core.tasks import Spawn
    from pyngx.upstream.pool import Pool
    from pyngx.upstream.response import Event

Upgraded = Callable[[Connection, Head, bytes], None]

# How much of a body is taken before there is a connection to write it to.
WAITING_LIMIT = 64 * 1024


class HttpCall:
    """A `Call`, and the user of its connection.

    With `upgraded`, a 101 hands over the connection and the bytes behind the head; else a 101 is a failure.
    """

    def __init__(
        self, request: Request, handler: CallHandler, pool: Pool, spawn: Spawn, upgraded: Upgraded | None = None
    ) -> None:
        loop = asyncio.get_running_loop()
        self._request = request
        self._handler = handler
        self._pool = pool
        self._spawn = spawn
        self._upgraded = upgraded
        self._over = False
        self._dialling: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._head_sent = False
        self._kept = False
        # the request
        self._left = request.body_length  # None: chunked
        self._body_ended = request.body_length == 0
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._asked_to_pause = False
        self._sent = 0
        self._stuck = 0
        self._send_deadline = Deadline(loop, self._sending_expired)
        # the response
        self._reader = ResponseReader(request.method, loop, request.head_limit)
        self._head: Head | None = None
        self._paused = False
        self._received = 0
        self._read_deadline = Deadline(loop, self._reading_expired)

    def start(self) -> None:
        """Take a kept connection, or make one; nothing is called back before this returns."""
        connection = None if self._upgraded else self._pool.take(connection_key(self._request))
        if connection is None:
            self._dial()
        else:
            self._kept = True
            asyncio.get_running_loop().call_soon(self._begin, connection)

    # What the core says

    @property
    def is_connected(self) -> bool:
        """Never at once: the connection is told of by `connected`."""
        return False

    @property
    def bytes_sent(self) -> int:
        """Bytes that have left for the peer, framing included."""
        return max(0, self._sent - (self._connection.unsent() if self._connection else 0))

    @property
    def bytes_received(self) -> int:
        """Bytes that came from the peer, framing included."""
        return self._received

    def send_body(self, data: bytes) -> None:
        """Send a part of the request's body; more than its declared length is a ValueError."""
        if self._over or not data:
            return
        if self._left is None:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        elif len(data) > self._left:
            raise ValueError(f"the body has {len(data) - self._left} bytes more than were announced")
        else:
            self._left -= len(data)
        self._write(data)

    def end_body(self, trailers: Fields = ()) -> None:
        """The request's body is whole; less than its declared length is a ValueError."""
        if self._over or self._body_ended:
            return
        if self._left:
            raise ValueError(f"the body lacks {self._left} of the announced bytes")
        self._body_ended = True
        if self._left is None:
            self._write(b"".join([b"0\r\n", *(b"%b: %b\r\n" % field for field in trailers), b"\r\n"]))
        self._touch()

    def pause_reading(self) -> None:
        """Hear no more of the response; the peer's silence doesn't count until `resume_reading`."""
        self._paused = True
        self._read_deadline.stop()
        if self._connection is not None:
            self._connection.pause_reading()

    def resume_reading(self) -> None:
        """Go on."""
        self._paused = False
        if self._connection is not None:
            self._touch()
            self._connection.resume_reading()

    def cancel(self) -> None:
        """Give up, and close the connection."""
        if self._over:
            return
        connection = self._leave()
        if connection is not None:
            connection.abort()
        if self._dialling is not None:
            self._dialling.cancel()

    # What the connection says

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        for event in self._reader.feed(data):
            self._take(event)
            if self._over:
                return
        if self._head is not None:
            self._handler.flush()

    def connection_lost(self, error: Exception | None) -> None:
        event = self._reader.end(clean=error is None)
        if event is not None:
            self._take(event)

    def pause_writing(self) -> None:
        assert self._connection is not None
        self._stuck = self._connection.unsent()
        self._send_deadline.set(self._request.timeouts.send)
        self._ask_to_pause()

    def resume_writing(self) -> None:
        self._send_deadline.stop()
        self._touch()
        if self._asked_to_pause:
            self._asked_to_pause = False
            self._handler.resume_reading()

    # Connecting

    def _dial(self) -> None:
        self._kept = False
        self._dialling = self._spawn(self._dial_and_begin(), f"dial {self._request.address}")

    async def _dial_and_begin(self) -> None:
        try:
            connection = await dial(self._request, lambda: Connection(connection_key(self._request)))
        except UpstreamError as error:
            self._fail(error)
            return
        self._dialling = None
        self._begin(connection)

    def _begin(self, connection: Connection) -> None:
        if self._over:
            connection.abort()
            return
        if connection.transport.is_closing():
            self._dial()  # nothing was sent on it yet, so this repeats nothing
            return
        try:
            head = encode_head(self._request)
        except UpstreamError as error:
            connection.abort()
            self._fail(error)
            return
        self._connection = connection
        connection.user = self
        connection.requests += 1
        self._handler.connected()
        self._send_waiting(head)

    # Sending

    def _send_waiting(self, head: bytes) -> None:
        if self._over:
            return
        connection = self._connection
        assert connection is not None
        if self._paused:
            connection.pause_reading()
        data = b"".join([head, *self._waiting])
        self._waiting.clear()
        self._head_sent = True
        self._sent += len(data)
        connection.transport.write(data)
        self._touch()
        if self._asked_to_pause and not connection.writing_paused:
            self.resume_writing()

    def _write(self, data: bytes) -> None:
        if self._connection is not None and self._head_sent:
            self._sent += len(data)
            self._connection.transport.write(data)
            return
        self._waiting.append(data)
        self._waiting_size += len(data)
        if self._waiting_size > WAITING_LIMIT:
            self._ask_to_pause()

    def _ask_to_pause(self) -> None:
        if not self._asked_to_pause and not self._body_ended:
            self._asked_to_pause = True
            self._handler.pause_reading()

    # Receiving

    def _take(self, event: Event) -> None:
        match event:
            case bytes():
                self._touch()
                self._handler.body_received(event)
            case Informational(status, fields):
                self._touch()
                self._handler.informational_received(status, fields)
            case Head(status, reason, fields) if status != 101:
                self._head = event
                self._touch()
                self._handler.head_received(status, reason, Headers(fields))
            case Head():
                self._head = event
            case Ended():
                self._end()
            case Broken(failure, message):
                self._fail(self._error(failure, message))

    def _end(self) -> None:
        head = self._head
        assert head is not None
        if head.status == 101 and self._upgraded is None:
            self._fail(self._error(Failure.INVALID_HEADER, "switched protocols unasked"))
            return
        connection = self._leave()
        if head.status == 101 and self._upgraded is not None and connection is not None:
            self._upgraded(connection, head, self._reader.rest)
            return
        if connection is not None:  # else the end of the connection was the end of the response
            if self._reader.is_reusable and self._body_ended:
                self._pool.give(connection, self._request.keepalive)
            else:
                connection.abort()
        self._handler.response_ended([])

    # Failing

    def _touch(self) -> None:
        """Count the peer's silence from now on, if it is its turn to speak."""
        if self._connection is not None and not self._paused and (self._body_ended or self._head is not None):
            self._read_deadline.set(self._request.timeouts.read)

    def _reading_expired(self) -> None:
        what = "the response" if self._head is None else "more of the response"
        self._fail(self._error(Failure.TIMEOUT, f"timed out while {what} was awaited"))

    def _sending_expired(self) -> None:
        assert self._connection is not None
        unsent = self._connection.unsent()
        if unsent < self._stuck:
            self._stuck = unsent
            self._send_deadline.set(self._request.timeouts.send)
            return
        self._fail(self._error(Failure.TIMEOUT, "timed out while the request was sent"))

    def _error(self, failure: Failure, message: str) -> UpstreamError:
        kept = self._kept and not self._received
        return UpstreamError(
            failure, f"{self._request.address} {message}", timed_out=failure is Failure.TIMEOUT, kept=kept
        )

    def _fail(self, error: UpstreamError) -> None:
        connection = self._leave()
        if connection is not None:
            connection.abort()
        self._handler.call_failed(error)

    def _leave(self) -> Connection | None:
        """Hear and say no more; returns the connection, which is the caller's now."""
        self._over = True
        self._read_deadline.close()
        self._send_deadline.close()
        self._waiting.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            self._sent -= connection.unsent()
            connection.user = None
        return connection
