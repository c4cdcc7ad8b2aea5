"""One request and its response on the fast transport: parsed where it arrives, passed on where it is parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.core.ports import Failure, UpstreamError
from pyngx.http.body_reader import BodyReader
from pyngx.http.chunked import BadChunk
from pyngx.http.request_head import HEAD_END
from pyngx.http.response_head import BadResponse, ResponseHead, parse_response_head
from pyngx.upstream.head import encode_head

if TYPE_CHECKING:
    import asyncio

    from pyngx.core.ports import CallHandler, Fields, Request
    from pyngx.upstream.wire_connection import WireConnection

HEAD_LIMIT = 128 * 1024
INFORMATIONAL_LIMIT = 32  # an endless row of 1xx would be an endless wait
WAITING_LIMIT = 64 * 1024  # bytes of a body that are taken before there is a connection to write it to
BODILESS = frozenset({204, 304})


class WireCall:
    """A `Call`, over a kept connection or one that is being made."""

    __slots__ = (
        "_asked_to_pause",
        "_body_ended",
        "_buffer",
        "_connection",
        "_handler",
        "_head",
        "_informational",
        "_kept",
        "_left",
        "_paused",
        "_reader",
        "_request",
        "_until_close",
        "_waiting",
        "_waiting_size",
        "bytes_received",
        "bytes_sent",
        "dialling",
        "over",
    )

    def __init__(self, request: Request, handler: CallHandler) -> None:
        self._request = request
        self._handler = handler
        self._connection: WireConnection | None = None
        self._kept = False
        self.dialling: asyncio.Task[None] | None = None
        self.over = False
        # the request
        self._left = request.body_length  # None: chunked
        self._body_ended = request.body_length == 0
        self._waiting: list[bytes] | None = None  # what waits for a connection
        self._waiting_size = 0
        self._asked_to_pause = False
        self.bytes_sent = 0
        # the response
        self._buffer = b""
        self._head: ResponseHead | None = None
        self._reader: BodyReader | None = None
        self._until_close = False
        self._informational = 0
        self._paused = False
        self.bytes_received = 0

    # called by the transport

    def begin(self, connection: WireConnection, *, kept: bool) -> None:
        """Send the head, and what has been waiting."""
        if self.over:
            connection.leave()
            return
        try:
            head = encode_head(self._request)
        except UpstreamError as error:
            connection.leave()
            self.fail(error)
            return
        self.dialling = None
        self._kept = kept
        self._connection = connection
        connection.call = self
        connection.requests += 1
        waiting, self._waiting = self._waiting, None
        if waiting:
            head = b"".join((head, *waiting))
        self.bytes_sent += len(head)
        connection.transport.write(head)
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
            self._connection.deadline.stop()
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
            self._feed_head(self._buffer + data if self._buffer else data)
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
        if self._connection is not None:
            self._connection.deadline.set(self._request.timeouts.send)

    def resume_writing(self) -> None:
        self._touch()
        if self._asked_to_pause:
            self._asked_to_pause = False
            self._handler.resume_reading()

    def expired(self) -> None:
        what = "sending request to upstream"
        if self._body_ended:
            what = "reading response header from upstream" if self._head is None else "reading upstream"
        self._break(Failure.TIMEOUT, f"timed out (110: Connection timed out) while {what}")

    # private, for sending

    def _write(self, data: bytes) -> None:
        connection = self._connection
        if connection is not None:
            self.bytes_sent += len(data)
            connection.transport.write(data)
            return
        self._waiting = self._waiting or []
        self._waiting.append(data)
        self._waiting_size += len(data)
        if self._waiting_size > WAITING_LIMIT and not self._body_ended and not self._asked_to_pause:
            self._asked_to_pause = True
            self._handler.pause_reading()

    def _touch(self) -> None:
        """Count the peer's silence from now on, if it is its turn to speak."""
        connection = self._connection
        if connection is None or self._paused:
            return
        timeouts = self._request.timeouts
        waits_for_response = self._body_ended or self._head is not None
        connection.deadline.set(timeouts.read if waits_for_response else timeouts.send)

    # private, for receiving

    def _feed_head(self, data: bytes) -> None:
        while True:
            end = HEAD_END.search(data)
            if end is None:
                self._buffer = data
                if len(data) > HEAD_LIMIT:
                    self._break(
                        Failure.INVALID_HEADER, "sent too big header while reading response header from upstream"
                    )
                return
            at = end.end()
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
            self._handler.informational_received(head.status, head.fields)
            if self.over:
                return
        self._buffer = b""
        self._take_head(head, data)

    def _take_head(self, head: ResponseHead, rest: bytes) -> None:
        if head.status == 101:
            self._switch(head, rest)
            return
        problem = self._choose_framing(head)
        if problem:
            self._break(Failure.INVALID_HEADER, problem)
            return
        self._head = head
        self._handler.head_received(head.status, head.reason, head.fields)
        if self.over:
            return
        if self._reader is None:
            if rest:
                self._handler.body_received(rest)
        elif rest or self._reader.done:
            self._feed_body(rest)

    def _choose_framing(self, head: ResponseHead) -> str:
        """Decide how the body ends (RFC 9112 6.3); gives what is wrong with the fields that say it."""
        coding: bytes | None = None
        length: bytes | None = None
        for name, value in head.fields:
            if len(name) == 14 and name.lower() == b"content-length":
                if length is not None:
                    return 'sent duplicate header line: "Content-Length"'
                length = value
            elif len(name) == 17 and name.lower() == b"transfer-encoding":
                if coding is not None:
                    return 'sent duplicate header line: "Transfer-Encoding"'
                coding = value.lower()
        if coding is not None and length is not None:
            return 'sent "Content-Length" and "Transfer-Encoding" headers at the same time'
        if length is not None and not length.isdigit():
            return f'sent invalid "Content-Length" header: {length!r}'
        if coding not in {None, b"chunked"}:
            return f'sent unknown "Transfer-Encoding": {coding!r}'
        if self._request.method == b"HEAD" or head.status in BODILESS:
            self._reader = BodyReader(0)
        elif coding is not None:
            self._reader = BodyReader(None)
        elif length is not None:
            self._reader = BodyReader(int(length))
        else:
            self._until_close = True
        return ""

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
        """Let go of the connection, for the next request if the peer keeps it."""
        connection, head = self._leave(), self._head
        assert head is not None
        if connection is not None:
            if self._body_ended and not reader.rest and _keeps_alive(head):
                connection.rest(self._request.keepalive)
            else:
                connection.leave()
        self._handler.response_ended(reader.trailers)

    def _switch(self, head: ResponseHead, rest: bytes) -> None:
        connection = self._connection
        if not self._request.upgrade or connection is None:
            self._break(Failure.INVALID_HEADER, "switched protocols unasked")
            return
        self._leave()
        connection.call = None
        connection.deadline.close()
        self._handler.switched(head.reason, head.fields, connection, rest)

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


def _keeps_alive(head: ResponseHead) -> bool:
    """Whether the peer leaves the connection open (RFC 9112 9.3)."""
    persistent = head.is_http_1_1
    for name, value in head.fields:
        if len(name) == 10 and name.lower() == b"connection":
            options = {option.strip() for option in value.lower().split(b",")}
            persistent = b"close" not in options and (persistent or b"keep-alive" in options)
    return persistent
