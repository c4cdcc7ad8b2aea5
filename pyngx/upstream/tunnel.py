"""Two connections coupled: bytes go from one to the other as they are, whatever was agreed on by the 101."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pyngx.core.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyngx.core.ports import Client, TunnelEnd

LINGER = 5.0  # seconds that unsent bytes are given when the other side has ended


class Tunnel:
    """Carries bytes both ways until one side closes or both are silent for too long; `ended` is called once, then."""

    __slots__ = ("_client", "_deadline", "_ended", "_peer", "_timeout", "received", "sent")

    def __init__(self, timeout: float, ended: Callable[[Tunnel], None]) -> None:
        """`timeout` in seconds of silence."""
        self.received = 0  # bytes from the client
        self.sent = 0  # bytes to the client
        self._timeout = timeout
        self._ended: Callable[[Tunnel], None] | None = ended
        self._deadline = Deadline(asyncio.get_running_loop(), self._expired)
        self._client: asyncio.Transport | None = None
        self._peer: asyncio.Transport | None = None

    def open(self, client: Client, peer: TunnelEnd, rest: bytes) -> None:
        """Couple a client that was answered 101 with the upstream, whose first bytes are `rest`."""
        self._peer = peer.transport
        peer.tunnel = _PeerSide(self)
        self._client = client.open_tunnel(_ClientSide(self))
        self._deadline.set(self._timeout)
        if rest:
            self.to_client(rest)

    def to_client(self, data: bytes) -> None:
        """Bytes of the upstream."""
        if self._client is not None:
            self.sent += len(data)
            self._deadline.touch()
            self._client.write(data)

    def to_peer(self, data: bytes) -> None:
        """Bytes of the client."""
        if self._peer is not None:
            self.received += len(data)
            self._deadline.touch()
            self._peer.write(data)

    def pause(self, *, client: bool) -> None:
        """One side is slow: hear less of the other."""
        transport = self._peer if client else self._client
        if transport is not None and not transport.is_closing():
            transport.pause_reading()

    def resume(self, *, client: bool) -> None:
        """It has caught up."""
        transport = self._peer if client else self._client
        if transport is not None and not transport.is_closing():
            transport.resume_reading()

    def end(self) -> None:
        """One side has ended: what was written to the other still goes out, then it ends, too."""
        ended, self._ended = self._ended, None
        if ended is None:
            return
        self._deadline.close()
        for transport in (self._client, self._peer):
            if transport is not None and not transport.is_closing():
                _close(transport)
        ended(self)

    def _expired(self) -> None:
        self.end()


def _close(transport: asyncio.Transport) -> None:
    """Close once all is written; who doesn't take it isn't waited for without end."""
    transport.close()
    if transport.get_write_buffer_size():
        asyncio.get_running_loop().call_later(LINGER, transport.abort)


class _ClientSide:
    """What the client's connection reports."""

    __slots__ = ("_tunnel", "data_received")

    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel
        self.data_received = tunnel.to_peer

    def connection_lost(self, _error: Exception | None) -> None:
        self._tunnel.end()

    def pause_writing(self) -> None:
        self._tunnel.pause(client=True)

    def resume_writing(self) -> None:
        self._tunnel.resume(client=True)


class _PeerSide:
    """What the upstream's connection reports."""

    __slots__ = ("_tunnel", "data_received")

    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel
        self.data_received = tunnel.to_client

    def connection_lost(self, _error: Exception | None) -> None:
        self._tunnel.end()

    def pause_writing(self) -> None:
        self._tunnel.pause(client=False)

    def resume_writing(self) -> None:
        self._tunnel.resume(client=False)
