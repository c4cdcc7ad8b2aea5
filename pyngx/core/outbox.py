"""Small writes of one turn of the event loop, handed to the kernel one after the other at its end.

A write wakes whoever waits at the other end. When each goes out alone, a fast client falls asleep in between and is
woken anew by each, which costs more than sending: with 64 connections, 20 of 115 us of a request.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

SMALL = 16 * 1024  # bytes; what is larger goes out at once, so that flow control sees it
TOGETHER = 16  # held transports, before the first has waited long enough


class Outbox:
    """The transports of one event loop that hold something back until the turn ends."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: list[CorkedTransport] = []

    def __repr__(self) -> str:
        return f"<Outbox of {len(self._held)}>"

    def cork(self, transport: asyncio.BaseTransport) -> asyncio.Transport:
        """The transport, with its small writes held for the turn."""
        return cast("asyncio.Transport", CorkedTransport(self, cast("asyncio.Transport", transport)))

    def hold(self, transport: CorkedTransport) -> None:
        """Have a transport flushed at the end of the turn."""
        held = self._held
        if not held:
            asyncio.get_running_loop().call_soon(self._flush)
        held.append(transport)
        if len(held) >= TOGETHER:
            self._flush()

    def _flush(self) -> None:
        held, self._held = self._held, []
        for transport in held:
            transport.flush()


class CorkedTransport:
    """An asyncio transport for all that we ask of one. What isn't a small write is done at once, in its order."""

    __slots__ = (
        "_data",
        "_outbox",
        "_transport",
        "can_write_eof",
        "get_extra_info",
        "is_closing",
        "pause_reading",
        "resume_reading",
    )

    def __init__(self, outbox: Outbox, transport: asyncio.Transport) -> None:
        self._outbox = outbox
        self._transport = transport
        self._data = b""  # held
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.get_extra_info = transport.get_extra_info
        self.can_write_eof = transport.can_write_eof

    def __repr__(self) -> str:
        return f"<CorkedTransport {self._transport} holding={len(self._data)}>"

    def write(self, data: bytes) -> None:
        """Send, now or at the end of the turn."""
        held = self._data
        if held:
            self._data = held + data
            if len(self._data) > SMALL:
                self.flush()
        elif len(data) > SMALL:
            self._transport.write(data)
        elif data:
            self._data = data
            self._outbox.hold(self)

    def writelines(self, parts: Iterable[bytes]) -> None:
        """Send several parts at once."""
        self.flush()
        self._transport.writelines(parts)

    def flush(self) -> None:
        """Send what is held."""
        data, self._data = self._data, b""
        if data and not self.is_closing():
            self._transport.write(data)

    def get_write_buffer_size(self) -> int:
        """Bytes that were written here and not to the kernel."""
        self.flush()
        return self._transport.get_write_buffer_size()

    def write_eof(self) -> None:
        """Say no more."""
        self.flush()
        self._transport.write_eof()

    def close(self) -> None:
        """Close once all is written."""
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """Close now; what the kernel doesn't take at once is lost."""
        self.flush()
        self._transport.abort()
