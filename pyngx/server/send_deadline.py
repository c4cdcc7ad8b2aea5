"""How long a client may take nothing of what was written to it (ngx_http_core_module's send_timeout)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.core.deadline import Deadline

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class SendDeadline:
    """Calls `expired` when a transport has written nothing for that long, though there was something to write."""

    __slots__ = ("_deadline", "_expired", "_seconds", "_transport", "_unsent")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, expired: Callable[[], None]
    ) -> None:
        self._deadline = Deadline(loop, self._fire)
        self._transport = transport
        self._expired = expired
        self._seconds = 0.0
        self._unsent = 0

    def set(self, seconds: float) -> None:
        """Begin to wait for the client."""
        self._seconds = seconds
        self._unsent = self._transport.get_write_buffer_size()
        self._deadline.set(seconds)

    def stop(self) -> None:
        """The client has caught up."""
        self._deadline.stop()

    def close(self) -> None:
        """Never expire."""
        self._deadline.close()

    def _fire(self) -> None:
        unsent = self._transport.get_write_buffer_size()
        if unsent and unsent >= self._unsent:
            self._expired()
        elif unsent:  # slow, but not silent
            self.set(self._seconds)
