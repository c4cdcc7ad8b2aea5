"""How a connection ends: what was written goes out first, and what the client still says is heard out for a while.

A client that takes nothing, or never stops talking, isn't waited for without end (ngx_http_set_lingering_close).
"""

from __future__ import annotations

import math
import socket
import struct
from typing import TYPE_CHECKING

from pyngx.server.send_deadline import SendDeadline

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from pyngx.core.connection import ConnectionSettings
    from pyngx.core.deadline import Deadline

RESET = struct.pack("ii", 1, 0)  # linger for no time: what is unsent is dropped


class Farewell:
    """The end of one connection; `deadline` is for what the client has to say, `expired` for what it has to take."""

    __slots__ = ("_deadline", "_expired", "_loop", "_sending", "_transport", "_until", "idle_since", "lingers")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.Transport,
        deadline: Deadline,
        expired: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._deadline = deadline
        self._expired = expired
        self._sending: SendDeadline | None = None  # made for slow clients only
        self._until = 0.0
        self.idle_since = -math.inf  # by the loop's clock
        self.lingers = False  # nothing more is sent, and what still comes is dropped

    def wait_for_client(self, settings: ConnectionSettings) -> None:
        """Have it take something in time."""
        if self._sending is None:
            self._sending = SendDeadline(self._loop, self._transport, self._expired)
        self._sending.set(settings.send_timeout)

    def caught_up(self) -> None:
        """It has."""
        if self._sending is not None:
            self._sending.stop()

    def hang_up(self, settings: ConnectionSettings) -> None:
        """Close once all is written."""
        if self._transport.get_write_buffer_size():
            self._transport.close()
            self.wait_for_client(settings)
        else:  # at the end of this turn, after its lines of the access log: who sees the end may look for them
            self.lingers = True
            self._loop.call_soon(self._transport.close)

    def part(self, settings: ConnectionSettings) -> None:
        """Close an idle connection, after `keepalive_min_timeout` only: a client may just be about to use it."""
        spared = self.idle_since + settings.keepalive_min_timeout - self._loop.time()
        if spared > 0:
            self._deadline.set(spared)
        else:
            self.hang_up(settings)

    def should_linger(self, settings: ConnectionSettings, unread: bool) -> bool:
        """Whether what still comes is read before the end; `unread`: something is known to come."""
        wanted = settings.lingering_close
        return (wanted == "always" or (wanted == "on" and unread)) and self._transport.can_write_eof()

    def linger(self, settings: ConnectionSettings) -> None:
        """Send no more, and close when the client has ended, too: a reset could take our answer from it."""
        self.lingers = True
        self._transport.write_eof()
        self.begin_dropping(settings)

    def begin_dropping(self, settings: ConnectionSettings) -> None:
        """From now on nobody wants what comes."""
        self._until = self._loop.time() + settings.lingering_time
        self._deadline.set(min(settings.lingering_timeout, settings.lingering_time))

    def drop(self) -> None:
        """More of it came."""
        if self._loop.time() < self._until:
            self._deadline.touch()
        else:
            self._transport.abort()

    def cut_off(self, settings: ConnectionSettings) -> None:
        """Close without waiting for anything."""
        if settings.reset_timedout_connection:
            self.reset()
        else:
            self._transport.abort()

    def reset(self) -> None:
        """Close so that the client sees an error rather than an end."""
        connected = self._transport.get_extra_info("socket")
        if connected is not None and connected.family != socket.AF_UNIX:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._transport.abort()

    def close(self) -> None:
        """It is over."""
        if self._sending is not None:
            self._sending.close()
