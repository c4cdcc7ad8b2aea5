"""TLS as a transport: between the socket's transport, whose protocol it is, and a protocol that knows nothing of it.

There is no buffer of its own: what is written is encrypted and handed on at once, so flow control is the socket's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import cast

from OpenSSL import SSL

from pyngx.core import openssl

BytesLike = bytes | bytearray | memoryview

RECORD = 16 * 1024  # bytes that one record holds at most (RFC 8446 5.1)
UNEXPECTED_END = "the peer closed the connection in the handshake"


class NoProtocol(Exception):
    """A client that speaks none of our protocols (RFC 7301 3.2)."""


class TlsLink(asyncio.Transport, asyncio.Protocol):
    """One connection. `opened` is called once after the handshake, or `failed` with the reason.

    What goes wrong later is an error of `connection_lost`.
    """

    def __init__(
        self,
        connection: SSL.Connection,
        opened: Callable[[TlsLink], None],
        failed: Callable[[str], None],
        record: int = RECORD,
    ) -> None:
        super().__init__()
        self.connection = connection
        self.heard: Callable[[], None] | None = (
            None  # called once, when the peer has said something after the handshake
        )
        self._opened = opened
        self._failed = failed
        self._record = record
        self._raw = cast("asyncio.Transport", None)
        self._protocol = asyncio.Protocol()  # hears nothing until there is another
        self._established = False
        self._paused = False
        self._held = False  # whether something may be left to deliver
        self._ended = False  # the peer says no more
        self._said_goodbye = False
        self._closing = False
        self._broken: Exception | None = None  # why it was broken off after the handshake

    def __repr__(self) -> str:
        state = "closing" if self._closing else "open" if self._established else "shaking hands"
        return f"<TlsLink {state}>"

    # called by the socket's transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake; a server waits for the client's part of it."""
        self._raw = cast("asyncio.Transport", transport)
        self._shake()

    def data_received(self, data: bytes) -> None:
        """Records, or parts of them."""
        if self._closing:
            return
        self.connection.bio_write(data)
        if self._established or self._shake():
            self._deliver()

    def eof_received(self) -> bool:
        """The peer's end without a word about it (no close_notify)."""
        if not self._established:
            self._give_up(UNEXPECTED_END)
        else:
            self._hear_end()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """The socket is closed."""
        self._closing = True
        if self._established:
            if self._broken is None:  # else OpenSSL takes the session for a bad one, and never resumes it
                self.connection.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)
            self._protocol.connection_lost(error or self._broken)
        else:
            self._give_up(str(error or UNEXPECTED_END))

    def pause_writing(self) -> None:
        """The socket takes less than is written."""
        if self._established:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """It has caught up."""
        if self._established:
            self._protocol.resume_writing()

    # called by the protocol: an asyncio.Transport

    def get_extra_info(self, name: str, default: object = None) -> object:
        """What the socket's transport tells, and the context as `sslcontext`: it tells servers that this is TLS."""
        if name == "sslcontext":
            return self.connection.get_context()
        return self._raw.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast("asyncio.Protocol", protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def is_closing(self) -> bool:
        return self._closing or self._raw.is_closing()

    def close(self) -> None:
        """Say goodbye (close_notify), and close once all is written."""
        if not self._closing:
            self._say_goodbye()
            self._closing = True
            self._raw.close()

    def abort(self) -> None:
        self._closing = True
        self._raw.abort()

    def can_write_eof(self) -> bool:
        return self._raw.can_write_eof()

    def write_eof(self) -> None:
        """Say no more, and go on listening (RFC 8446 6.1)."""
        self._say_goodbye()
        self._raw.write_eof()

    def write(self, data: BytesLike) -> None:
        if self._said_goodbye or self._closing or not data:
            return
        try:
            if self._record < RECORD:
                view = memoryview(data)
                for at in range(0, len(view), self._record):
                    self.connection.sendall(view[at : at + self._record])
            else:
                self.connection.sendall(data)
        except SSL.Error:  # it failed before, and whoever reads is told
            self.abort()
            return
        self._send()

    def writelines(self, list_of_data: Iterable[BytesLike]) -> None:
        self.write(b"".join(list_of_data))

    def is_reading(self) -> bool:
        return not self._paused and not self._closing

    def pause_reading(self) -> None:
        self._paused = True
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        self._paused = False
        self._raw.resume_reading()
        if self._held:
            asyncio.get_running_loop().call_soon(self._deliver)

    def get_write_buffer_size(self) -> int:
        return self._raw.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._raw.get_write_buffer_limits()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._raw.set_write_buffer_limits(high, low)

    # private

    def _shake(self) -> bool:
        """Go on with the handshake; whether it is done."""
        try:
            self.connection.do_handshake()
        except SSL.WantReadError:
            self._send()
            return False
        except (SSL.Error, NoProtocol) as error:
            self._send()  # the alert
            self._give_up(openssl.reason_of(error))
            return False
        self._send()
        self._established = True
        self._opened(self)
        return True

    def _give_up(self, reason: str) -> None:
        failed, self._failed = self._failed, lambda _reason: None
        self._closing = True
        failed(reason)

    def _deliver(self) -> None:
        """Pass on what has come whole, as long as somebody wants it."""
        self._held = True
        connection = self.connection
        while not self._paused and not self._closing:
            try:
                data = connection.recv(RECORD)
            except SSL.WantReadError:
                self._held = False
                self._send()  # answers of the protocol itself
                return
            except SSL.ZeroReturnError:
                self._held = False
                self._hear_end()
                return
            except SSL.Error as error:
                self._break_off(error)
                return
            if self.heard is not None:
                heard, self.heard = self.heard, None
                heard()
            self._protocol.data_received(data)

    def _hear_end(self) -> None:
        if self._ended or self._closing:
            return
        self._ended = True
        if not self._protocol.eof_received():
            self.close()

    def _break_off(self, error: SSL.Error) -> None:
        self._send()  # the alert
        self._closing = True
        self._broken = ConnectionError(f"SSL_read() failed (SSL: {openssl.reason_of(error)})")
        self._raw.close()

    def _say_goodbye(self) -> None:
        if self._said_goodbye or self._closing or not self._established:
            return
        self._said_goodbye = True
        try:
            self.connection.shutdown()
        except SSL.Error:
            return
        self._send()

    def _send(self) -> None:
        """Hand on what was encrypted."""
        if size := openssl.unsent(self.connection):
            self._raw.write(self.connection.bio_read(size))
