"""An open WebSocket to a peer, message by message, over the protocol core of websockets."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from websockets.frames import CloseCode, Opcode
from websockets.protocol import Protocol, Side, State

from pyngx.core.deadline import Deadline
from pyngx.core.ports import Closed

if TYPE_CHECKING:
    from websockets.frames import Frame

    from pyngx.core.ports import Timeouts
    from pyngx.upstream.connection import Connection

ABNORMAL = 1006
NO_CODE = 1005

CLOSE_TIMEOUT = 5.0  # seconds to wait for the answer to a Close
QUEUE_LIMIT = 64 * 1024  # bytes of messages that nobody has received yet, before the peer has to wait


class UpstreamWebSocket:
    """A `WebSocketPeer`, and the user of its connection. Pings are answered here.

    To close with 1006 is to drop the connection without a Close, as 1006 means.
    """

    def __init__(
        self,
        connection: Connection,
        subprotocol: str | None,
        fields: list[tuple[bytes, bytes]],
        message_limit: int,
        timeouts: Timeouts,
    ) -> None:
        self.subprotocol = subprotocol
        self.fields = fields
        self._timeouts = timeouts
        self._protocol = Protocol(Side.CLIENT, max_size=message_limit)
        self._connection = connection
        self._closed: Closed | None = None
        self._gone = asyncio.Event()
        # to be received
        self._messages: deque[str | bytes] = deque()
        self._size = 0
        self._fragments: list[bytes] = []
        self._opcode = Opcode.TEXT
        self._receiver: asyncio.Future[None] | None = None
        # to be sent
        self._writable = asyncio.Event()
        self._writable.set()
        self._silence = Deadline(asyncio.get_running_loop(), self._expired)

    def __repr__(self) -> str:
        return f"<UpstreamWebSocket {self._protocol.state.name} {len(self._messages)} waiting>"

    def begin(self, rest: bytes) -> None:
        """Take the connection over, and the bytes that came right behind the 101."""
        self._connection.user = self
        self._silence.set(self._timeouts.read)
        if rest:
            self.data_received(rest)

    # What the bridge says

    async def receive(self) -> str | bytes | Closed:
        """The next message, or how it all ended."""
        while not self._messages:
            if self._closed is not None:
                return self._closed
            self._receiver = asyncio.get_running_loop().create_future()
            await self._receiver
        message = self._messages.popleft()
        self._size -= len(message)
        if self._size < QUEUE_LIMIT:
            self._connection.resume_reading()
        return message

    async def send(self, message: str | bytes) -> None:
        """Send one message, and wait while the peer is slow. What it can't hear any more is dropped."""
        if self._closed is not None or self._protocol.state is not State.OPEN:
            return
        if isinstance(message, str):
            self._protocol.send_text(message.encode("utf-8", "surrogatepass"))
        else:
            self._protocol.send_binary(message)
        self._silence.set(self._timeouts.read)
        self._flush()
        await self._writable.wait()

    async def close(self, closed: Closed) -> None:
        """Say goodbye, and wait for the answer, but not for ever."""
        if self._gone.is_set():
            return
        try:
            if closed.code == ABNORMAL:
                return
            if self._protocol.state is State.OPEN:
                self._messages.clear()
                self._size = 0
                if closed.code == NO_CODE:
                    self._protocol.send_close()
                else:
                    self._protocol.send_close(closed.code, closed.reason)
                self._flush()
                self._connection.resume_reading()
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._gone.wait()
        except TimeoutError:
            pass
        finally:
            self._drop(Closed(ABNORMAL))

    # What the connection says

    def data_received(self, data: bytes) -> None:
        self._silence.set(self._timeouts.read)
        protocol = self._protocol
        protocol.receive_data(data)
        for frame in protocol.events_received():
            self._take_frame(frame)  # type: ignore[arg-type]  # heads are the handshake's
        self._flush()
        if protocol.close_rcvd is not None:
            self._end(Closed(protocol.close_rcvd.code, protocol.close_rcvd.reason))
        elif protocol.parser_exc is not None and protocol.close_sent is not None:
            self._end(Closed(protocol.close_sent.code, protocol.close_sent.reason))
        elif self._size >= QUEUE_LIMIT:
            self._connection.pause_reading()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        self._drop(Closed(ABNORMAL))

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._silence.set(self._timeouts.read)
        self._writable.set()

    def _take_frame(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._opcode = frame.opcode
        elif frame.opcode is not Opcode.CONT:
            return
        if self._protocol.close_sent is not None:
            return  # nobody listens any more
        self._fragments.append(bytes(frame.data))
        if frame.fin:
            data = b"".join(self._fragments)
            self._fragments.clear()
            self._take_message(data)

    def _take_message(self, data: bytes) -> None:
        message: str | bytes = data
        if self._opcode is Opcode.TEXT:
            try:
                message = data.decode()
            except UnicodeDecodeError:
                self._protocol.fail(CloseCode.INVALID_DATA, "text that is not UTF-8")
                self._end(Closed(CloseCode.INVALID_DATA, "text that is not UTF-8"))
                return
        self._messages.append(message)
        self._size += len(message)
        self._wake()

    def _flush(self) -> None:
        # An empty part stands for the end of the stream; closing is the owner's.
        data = b"".join(self._protocol.data_to_send())
        if data and not self._gone.is_set():
            self._connection.transport.write(data)

    def _expired(self) -> None:
        self._drop(Closed(ABNORMAL, "timed out"))

    def _end(self, closed: Closed) -> None:
        """The peer has closed, or has to be closed upon: send what is written, and leave."""
        self._flush()
        if not self._gone.is_set():
            self._connection.close()
        self._leave(closed)

    def _drop(self, closed: Closed) -> None:
        if not self._gone.is_set():
            self._connection.abort()
        self._leave(closed)

    def _leave(self, closed: Closed) -> None:
        if self._closed is None:
            self._closed = closed
        self._gone.set()
        self._silence.close()
        self._writable.set()
        self._wake()

    def _wake(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None and not receiver.done():
            receiver.set_result(None)
