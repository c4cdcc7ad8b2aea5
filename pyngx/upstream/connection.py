"""A connection to a peer: an asyncio protocol that passes all it hears to whoever uses it at the time."""

from __future__ import annotations

import asyncio
import select
from typing import Protocol, cast

LINGER = 5.0  # seconds


class ConnectionUser(Protocol):
    """Who uses a connection: a call, a WebSocket, or the pool while it is idle."""

    def data_received(self, data: bytes) -> None:
        """Bytes from the peer."""

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone; `None`: the peer has ended it in due form, or we have."""

    def pause_writing(self) -> None:
        """The peer takes less than is written."""

    def resume_writing(self) -> None:
        """It has caught up."""


class Connection(asyncio.Protocol):
    """One connection. `user` is set by its owner; without one the connection closes at the first thing it hears."""

    __slots__ = ("_lost", "_paused", "created", "key", "requests", "transport", "user", "writing_paused")

    def __init__(self, key: tuple[object, ...]) -> None:
        self.key = key
        self.user: ConnectionUser | None = None
        self.transport = cast("asyncio.Transport", None)  # set before anybody else sees the connection
        self.created = asyncio.get_running_loop().time()
        self.requests = 0
        self.writing_paused = False
        self._paused = False
        self._lost = False

    @property
    def tunnel(self) -> ConnectionUser | None:
        """Who has the connection since a 101."""
        return self.user

    @tunnel.setter
    def tunnel(self, receiver: ConnectionUser | None) -> None:
        self.user = receiver

    # What its owner says

    def is_usable(self) -> bool:
        """Whether it may serve again: it is open, and nothing is there to read, be it bytes or the end."""
        if self.transport.is_closing():
            return False
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    def pause_reading(self) -> None:
        """Hear nothing until `resume_reading`."""
        if not self._paused and not self.transport.is_closing():
            self._paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on hearing."""
        if self._paused:
            self._paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def unsent(self) -> int:
        """How many of the written bytes are still here."""
        return 0 if self.transport.is_closing() else self.transport.get_write_buffer_size()

    def close(self) -> None:
        """Send what is written, if the peer takes it soon, then close. The user hears no more of it."""
        self.user = None
        self.resume_reading()
        if self.unsent():
            asyncio.get_running_loop().call_later(LINGER, self.abort)
        self.transport.close()

    def abort(self) -> None:
        """Close at once."""
        self.user = None
        if not self._lost:  # asyncio's transports don't take it after a close that had to wait
            self.transport.abort()

    # What asyncio says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.user is None:
            self.transport.close()
        else:
            self.user.data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = True
        user, self.user = self.user, None
        if user is not None:
            user.connection_lost(error)

    def pause_writing(self) -> None:
        self.writing_paused = True
        if self.user is not None:
            self.user.pause_writing()

    def resume_writing(self) -> None:
        self.writing_paused = False
        if self.user is not None:
            self.user.resume_writing()
