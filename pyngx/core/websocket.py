"""An open WebSocket over a connection, message by message: of a client or of an upstream, by websockets' protocol core.

What only a few of many connections need at a time (a queue, something to wait for) is made when it is needed: most
WebSockets are idle.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

from websockets.frames import CloseCode, Opcode
from websockets.protocol import Protocol as Core
from websockets.protocol import State

from pyngx.core.deadline import Deadline
from pyngx.core.ports import Closed

if TYPE_CHECKING:
    from websockets.frames import Frame
    from websockets.protocol import Side

NO_CODE = 1005
ABNORMAL = 1006
INTERNAL_ERROR = 1011

CLOSE_TIMEOUT = 5.0  # seconds to wait for the answer to a Close
QUEUE_LIMIT = 64 * 1024  # bytes of messages that nobody has received yet, before the other end has to wait
MESSAGE_COST = 64  # bytes that a waiting message counts beside its own, or empty ones would be free
REASON_LIMIT = 123  # bytes: a control frame holds 125, the code takes two (RFC 6455 5.5)

_PROTOCOL_CODES = frozenset({*range(1000, 1004), *range(1007, 1015)})


class Line(Protocol):
    """The connection under a WebSocket: it calls `OpenWebSocket` until it was told to close or abort."""

    transport: asyncio.Transport

    def pause_reading(self) -> None:
        """Hear nothing until `resume_reading`."""

    def resume_reading(self) -> None:
        """Go on hearing."""

    def close(self) -> None:
        """Send what is written, then close."""

    def abort(self) -> None:
        """Close at once."""


def sendable(closed: Closed) -> Closed:
    """The same, as far as it can be said (RFC 6455 7.4): 1005 by a Close without a code, 1006 by no Close at all."""
    code = closed.code
    if code in (NO_CODE, ABNORMAL):
        return Closed(code)
    if code not in _PROTOCOL_CODES and not 3000 <= code < 5000:
        return Closed(INTERNAL_ERROR)
    return Closed(code, closed.reason.encode("utf-8", "replace")[:REASON_LIMIT].decode(errors="ignore"))


class OpenWebSocket:
    """One end of a WebSocket whose handshake is done. Pings are answered here.

    To close with 1006 is to drop the connection without a Close, as 1006 means.
    """

    __slots__ = (
        "_closed",
        "_core",
        "_deadline",
        "_fragments",
        "_gone",
        "_held",
        "_leaving",
        "_line",
        "_messages",
        "_receiver",
        "_saying_goodbye",
        "_silence",
        "_size",
        "_text",
        "_unsent",
        "bytes_received",
        "bytes_sent",
    )

    def __init__(self, side: Side, line: Line, message_limit: int, silence: float | None = None) -> None:
        """`message_limit` in bytes; `silence` in seconds, after which the connection counts as lost."""
        self.bytes_received = 0
        self.bytes_sent = 0
        self._core = Core(side, max_size=message_limit)
        self._line = line
        self._closed: Closed | None = None  # how it ended
        self._gone = False  # the connection is not ours any more
        self._leaving: asyncio.Event | None = None  # for who waits for that
        # to be received
        self._messages: deque[str | bytes] | None = None
        self._size = 0
        self._fragments: list[bytes] = []
        self._text = False  # what kind the fragments are
        self._receiver: asyncio.Future[None] | None = None
        # to be sent
        self._held: asyncio.Event | None = None  # set when the other end has caught up
        self._saying_goodbye = False
        self._unsent = 0  # bytes that waited when the deadline was last looked at, after a Close
        self._silence = silence
        self._deadline = Deadline(asyncio.get_running_loop(), self._expired)
        self._heard()

    def __repr__(self) -> str:
        return f"<OpenWebSocket {self._core.state.name} {len(self._messages or ())} waiting>"

    # called by whoever talks

    @property
    def is_open(self) -> bool:
        """Whether what is sent may still be heard."""
        return self._closed is None and not self._saying_goodbye

    async def receive(self) -> str | bytes | Closed:
        """The next message, or how it all ended."""
        while not self._messages:
            if self._closed is not None:
                return self._closed
            self._receiver = asyncio.get_running_loop().create_future()
            await self._receiver
        message = self._messages.popleft()
        if not self._messages:
            self._messages = None
        before, self._size = self._size, self._size - len(message) - MESSAGE_COST
        if before >= QUEUE_LIMIT > self._size and self._held is None and not self._gone:
            self._line.resume_reading()
        return message

    async def send(self, message: str | bytes) -> None:
        """Send one message, and wait while the other end is slow. What it can't hear any more is dropped."""
        if not self.is_open:
            return
        if isinstance(message, str):
            self._core.send_text(message.encode("utf-8", "surrogatepass"))
        else:
            self._core.send_binary(message)
        self._heard()
        self._flush()
        if self._held is not None:
            await self._held.wait()

    def say_goodbye(self, closed: Closed) -> None:
        """Send a Close, and wait for no answer; the connection goes when it comes, or doesn't in time."""
        if self._gone or self._saying_goodbye:
            return
        told = sendable(closed)
        if told.code == ABNORMAL or self._core.state is not State.OPEN:
            self._drop(Closed(ABNORMAL))
            return
        self._saying_goodbye = True
        self._forget()
        if told.code == NO_CODE:
            self._core.send_close()
        else:
            self._core.send_close(told.code, told.reason)
        self._flush()
        self._line.resume_reading()
        self._unsent = self._line.transport.get_write_buffer_size()
        self._deadline.set(CLOSE_TIMEOUT)

    async def close(self, closed: Closed) -> None:
        """Say goodbye, and wait for the answer, but not for ever."""
        self.say_goodbye(closed)
        if self._gone:
            return
        if self._leaving is None:
            self._leaving = asyncio.Event()
        try:
            await self._leaving.wait()
        except asyncio.CancelledError:
            self._drop(Closed(ABNORMAL))
            raise

    # called by the connection

    def data_received(self, data: bytes) -> None:
        self.bytes_received += len(data)
        self._heard()
        core = self._core
        core.receive_data(data)
        for frame in core.events_received():
            # A Close is answered while it is parsed; what came in front of it counts.
            if self.is_open:
                self._take_frame(frame)  # type: ignore[arg-type]  # heads are the handshake's
        self._flush()
        if core.close_rcvd is not None:
            self._end(Closed(core.close_rcvd.code, core.close_rcvd.reason))
        elif core.parser_exc is not None and core.close_sent is not None:
            self._end(Closed(core.close_sent.code, core.close_sent.reason))
        elif self._size >= QUEUE_LIMIT or self._held is not None:
            # Who doesn't take our answers to its pings isn't heard any more: they would pile up here.
            self._line.pause_reading()

    def connection_lost(self, _error: Exception | None) -> None:
        self._drop(Closed(ABNORMAL))

    def pause_writing(self) -> None:
        if self._held is None:
            self._held = asyncio.Event()

    def resume_writing(self) -> None:
        self._heard()
        held, self._held = self._held, None
        if held is not None:
            held.set()
            if self._size < QUEUE_LIMIT and not self._gone:
                self._line.resume_reading()

    # private

    def _take_frame(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._text = frame.opcode is Opcode.TEXT
        elif frame.opcode is not Opcode.CONT:
            return
        data = bytes(frame.data)
        frame.data = b""  # its parser holds the frame until the next one comes
        if not frame.fin or self._fragments:
            self._fragments.append(data)
        if frame.fin:
            if self._fragments:
                data = b"".join(self._fragments)
                self._fragments.clear()
            self._take_message(data)

    def _take_message(self, data: bytes) -> None:
        message: str | bytes = data
        if self._text:
            try:
                message = data.decode()
            except UnicodeDecodeError:
                self._core.fail(CloseCode.INVALID_DATA, "text that is not UTF-8")
                self._end(Closed(CloseCode.INVALID_DATA, "text that is not UTF-8"))
                return
        if self._messages is None:
            self._messages = deque()
        self._messages.append(message)
        self._size += len(message) + MESSAGE_COST
        self._wake()

    def _flush(self) -> None:
        # An empty part stands for the end of the stream; closing is the line's.
        data = b"".join(self._core.data_to_send())
        if data and not self._gone:
            self.bytes_sent += len(data)
            self._line.transport.write(data)

    def _heard(self) -> None:
        """There is life in it."""
        if self._silence is not None and not self._saying_goodbye:
            self._deadline.set(self._silence)

    def _expired(self) -> None:
        if not self._saying_goodbye:
            self._drop(Closed(ABNORMAL, "timed out"))
            return
        before, self._unsent = self._unsent, self._line.transport.get_write_buffer_size()
        if self._unsent < before:  # it is slow, and takes what was written before the Close
            self._deadline.set(CLOSE_TIMEOUT)
        else:
            self._drop(Closed(ABNORMAL))

    def _end(self, closed: Closed) -> None:
        """The other end has closed, or has to be closed upon: send what is written, and leave."""
        self._flush()
        if not self._gone:
            self._gone = True
            self._line.close()
        self._leave(closed)

    def _drop(self, closed: Closed) -> None:
        if not self._gone:
            self._gone = True
            self._line.abort()
        self._leave(closed)

    def _leave(self, closed: Closed) -> None:
        if self._closed is None:
            self._closed = closed
        self._deadline.close()
        self._fragments.clear()
        if self._held is not None:
            self._held.set()
        if self._leaving is not None:
            self._leaving.set()
        self._wake()

    def _forget(self) -> None:
        """Nobody receives any more."""
        self._messages = None
        self._fragments.clear()
        self._size = 0

    def _wake(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None and not receiver.done():
            receiver.set_result(None)
