"""One request and its response on the fast transport: parsed where it arrives, passed on where it is parsed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pyngx.core.ports import Failure, UpstreamError
from pyngx.http.body_reader import BodyReader
from pyngx.http.chunked import BadChunk
from pyngx.http.headers import Headers
from pyngx.http.request_head import HEAD_END
from pyngx.http.response_head import BadResponse, ResponseHead, parse_response_head
from pyngx.http.websocket import find_problem

if TYPE_CHECKING:
    from pyngx.core.ports import CallHandler, Fields, Request
    from pyngx.upstream.wire_connection import WireConnection

INFORMATIONAL_LIMIT = 32  # an endless row of 1xx would be an endless wait
WAITING_LIMIT = 64 * 1024  # bytes of a body that are taken before there is a connection to write it to
BODILESS = frozenset({204, 304})


class WireCall:
    """A `Call`, over a kept connection or one that is being made."""

    # Defaults stand on the class: making a call sets only what differs.
    dialling: asyncio.Task[None] | None = None
    over = False
    bytes_sent = 0
    bytes_received = 0
    _connection: WireConnection | None = None
    _kept = False
    # the request
    _waiting: list[bytes] | None = None  # what waits for a connection
    _waiting_size = 0
    _unsent = b""  # the head, or chunks: wait for what may follow at once, so that both go out together
    _asked_to_pause = False
    # the response
    _buffer = b""
    _head: ResponseHead | None = None
    _reader: BodyReader | None = None
    _until_close = False
    _informational = 0
    _paused = False

    def __init__(self, request: Request, handler: CallHandler) -> None:
        self._request = request
        self._handler = handler
        self._left = request.body_length  # of the request's body; None: chunked
        self._body_ended = request.body_length == 0

    # called by the transport

    def begin(self, connection: WireConnection, head: bytes, *, kept: bool) -> None:
        """Send the head, and what has been waiting."""
        if self.over:
            connection.leave()
            return
        self.dialling = None
        self._kept = kept
        self._connection = connection
        connection.call = self
        connection.requests += 1
        waiting, self._waiting = self._waiting, None
        if self._body_ended or waiting:
            self._write(b"".join((head, *(waiting or ()))))
        else:
            self._hold(head)
        if self._paused:
            connection.pause_reading()
        self._touch()

    def announce(self) -> None:
        """Tell the handler of the connection."""
        if self.over:
            return
        self._handler.connected()
        if self._asked_to_pause and self._connection is not None and not self._connection.writing_paused:
            self.resume_writing()

    def fail(self, error: UpstreamError) -> None:
        """The call is over without a whole response."""
        if self.over:
            return
        connection = self._leave()
        if connection is not None:
            connection.leave()
        self._handler.call_failed(error)

    # called by the core

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    def send_body(self, data: bytes) -> None:
        if self.over or not data:
            return
        if self._left is None:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        elif len(data) > self._left:
            raise ValueError(f"the body has {len(data) - self._left} bytes more than were announced")
        else:
            self._left -= len(data)
        self._write(data)

    def end_body(self, trailers: Fields = ()) -> None:
        if self.over or self._body_ended:
            return
        if self._left:
            raise ValueError(f"the body lacks {self._left} of the announced bytes")
        self._body_ended = True
        if self._left is None:
            self._write(b"".join([b"0\r\n", *(b"%b: %b\r\n" % field for field in trailers), b"\r\n"]))
        self._touch()

    def pause_reading(self) -> None:
        self._paused = True
        if self._connection is not None:
            self._touch()
            self._connection.pause_reading()

    def resume_reading(self) -> None:
        self._paused = False
        if self._connection is not None:
            self._touch()
            self._connection.resume_reading()

    def cancel(self) -> None:
        if self.over:
            return
        connection = self._leave()
        if connection is not None:
            connection.leave()
        if self.dialling is not None:
            self.dialling.cancel()

    # called by the connection

    def data_received(self, data: bytes) -> None:
        self.bytes_received += len(data)
        connection = self._connection
        assert connection is not None
        connection.deadline.touch()
        if self._head is None:
            self._feed_head(data)
        elif self._reader is not None:
            self._feed_body(data)
        else:
            self._handler.body_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self.over:
            return
        if self._until_close and error is None:
            self._connection = None
            self.over = True
            self._handler.response_ended([])
        elif self._head is not None:
            self._break(Failure.TRUNCATED, "prematurely closed connection while sending the response")
        else:
            self._break(Failure.ERROR, "prematurely closed connection while reading response header from upstream")

    def pause_writing(self) -> None:
        if not self._body_ended and not self._asked_to_pause:
            self._asked_to_pause = True
            self._handler.pause_reading()
        self._touch()

    def resume_writing(self) -> None:
        self._touch()
        if self._asked_to_pause:
            self._asked_to_pause = False
            self._handler.resume_reading()

    def expired(self) -> None:
        what = "sending request to upstream"
        if self._connection is not None and not self._connection.writing_paused:
            what = "reading response header from upstream" if self._head is None else "reading upstream"
        self._break(Failure.TIMEOUT, f"timed out (110: Connection timed out) while {what}")

    # private, for sending

    def _write(self, data: bytes) -> None:
        connection = self._connection
        if connection is not None:
            if self._left is None and not self._body_ended:
                self._hold(data)
                return
            data, self._unsent = self._unsent + data, b""
            self.bytes_sent += len(data)
            connection.transport.write(data)
            return
        self._waiting = self._waiting or []
        self._waiting.append(data)
        self._waiting_size += len(data)
        if self._waiting_size > WAITING_LIMIT and not self._body_ended and not self._asked_to_pause:
            self._asked_to_pause = True
            self._handler.pause_reading()

    def _hold(self, data: bytes) -> None:
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._send_held)
        self._unsent += data

    def _send_held(self) -> None:
        data, self._unsent = self._unsent, b""
        if data and self._connection is not None:
            self.bytes_sent += len(data)
            self._connection.transport.write(data)

    def _touch(self) -> None:
        """Count the peer's silence from now on, if it is its turn to speak.

        While the request's body is still coming it isn't, and a slow client is not the peer's fault.
        """
        connection = self._connection
        if connection is None:
            return
        if connection.writing_paused:
            connection.deadline.set(self._request.timeouts.send)
        elif (self._body_ended or self._head is not None) and not self._paused:
            connection.deadline.set(self._request.timeouts.read)
        else:
            connection.deadline.stop()

    # private, for receiving

    def _feed_head(self, data: bytes) -> None:
        # Only what is new is searched: a head that comes byte by byte must not cost its square.
        searched = max(0, len(self._buffer) - 2)
        data = self._buffer + data if self._buffer else data
        while True:
            end = HEAD_END.search(data, searched)
            searched = 0
            at = end.end() if end is not None else 0
            if (at or len(data) + 1) > self._request.head_limit:
                self._break(Failure.INVALID_HEADER, "sent too big header while reading response header from upstream")
                return
            if end is None:
                self._buffer = data
                return
            try:
                head = parse_response_head(data[:at])
            except BadResponse as error:
                self._break(Failure.INVALID_HEADER, str(error))
                return
            data = data[at:]
            if head.status >= 200 or head.status == 101:
                break
            self._informational += 1
            if self._informational > INFORMATIONAL_LIMIT:
                self._break(Failure.INVALID_HEADER, "sent too many informational responses")
                return
            self._handler.informational_received(head.status, head.headers.items)
            if self.over:
                return
        self._buffer = b""
        self._take_head(head, data)

    def _take_head(self, head: ResponseHead, rest: bytes) -> None:
        headers = head.headers
        if head.status == 101:
            self._switch(head, headers, rest)
            return
        if head.problem:
            self._break(Failure.INVALID_HEADER, head.problem)
            return
        self._head = head
        handler = self._handler
        if self._request.method == b"HEAD" or head.status in BODILESS:
            self._reader = BodyReader(0)
        elif head.length is not None:
            if head.length == len(rest) and self._body_ended and not self._paused:
                self._let_go(keeps=head.keeps_alive)
                handler.response_received(head.status, head.reason, headers, rest)
                return
            self._reader = BodyReader(head.length)
        elif head.is_chunked:
            self._reader = BodyReader(None)
        else:
            self._until_close = True
        handler.head_received(head.status, head.reason, headers)
        if self.over:
            return
        if self._reader is not None and (rest or self._reader.done):
            self._feed_body(rest)
        elif rest:
            handler.body_received(rest)
        else:
            handler.flush()

    def _feed_body(self, data: bytes) -> None:
        reader = self._reader
        assert reader is not None
        try:
            content = reader.feed(data) if data else b""
        except BadChunk as error:
            self._break(Failure.TRUNCATED, f"sent invalid chunked response: {error}")
            return
        if content:
            self._handler.body_received(content)
        if reader.done and not self.over:
            self._end(reader)

    def _end(self, reader: BodyReader) -> None:
        assert self._head is not None
        self._let_go(keeps=self._head.keeps_alive and self._body_ended and not reader.rest)
        self._handler.response_ended(reader.trailers)

    def _let_go(self, *, keeps: bool) -> None:
        """Be over, and leave the connection for the next request, if it can serve one."""
        connection = self._leave()
        if connection is None:
            return
        if keeps:
            connection.rest(self._request.keepalive)
        else:
            connection.leave()

    def _switch(self, head: ResponseHead, headers: Headers, rest: bytes) -> None:
        connection = self._connection
        if not self._request.upgrade or connection is None:
            self._break(Failure.INVALID_HEADER, "switched protocols unasked")
            return
        if problem := find_problem(self._request.fields, headers):
            self._break(Failure.INVALID_HEADER, problem)
            return
        self._leave()
        connection.deadline.close()
        connection.resume_reading()
        self._handler.switched(head.reason, headers, connection, rest)

    # private, for ending

    def _leave(self) -> WireConnection | None:
        self.over = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.call = None
        return connection

    def _break(self, failure: Failure, message: str) -> None:
        kept = self._kept and not self.bytes_received
        self.fail(UpstreamError(failure, f"upstream {message}", timed_out=failure is Failure.TIMEOUT, kept=kept))
