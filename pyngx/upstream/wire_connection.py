"""Connections of the fast transport: a protocol that belongs to a call while it is busy, and to the pool while idle."""

from __future__ import annotations

import asyncio
import select
from typing import TYPE_CHECKING, cast

from pyngx.core.deadline import Deadline

if TYPE_CHECKING:
    from pyngx.core.outbox import Outbox
    from pyngx.core.ports import KeepAlive, TunnelReceiver
    from pyngx.upstream.wire_call import WireCall

Key = tuple[object, ...]
LINGER = 5.0  # seconds that unsent bytes are given when a connection is closed


class WireConnection(asyncio.Protocol):
    """One connection. Its deadline is the call's while it has one, else the end of its idleness."""

    def __init__(self, key: Key, pool: WirePool, outbox: Outbox) -> None:
        loop = asyncio.get_running_loop()
        self.key = key
        self.transport = cast("asyncio.Transport", None)  # set before anybody else sees the connection
        self.call: WireCall | None = None
        self.tunnel: TunnelReceiver | None = None
        self.created = loop.time()
        self.requests = 0
        self.writing_paused = False
        self.deadline = Deadline(loop, self._expired)
        self._loop = loop
        self._pool = pool
        self._outbox = outbox
        self._paused = False
        self._lost = False
        self._arrived = select.poll()

    def __repr__(self) -> str:
        return f"<WireConnection {self.key[0]} requests={self.requests} {'busy' if self.call else 'idle'}>"

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

    def is_quiet(self) -> bool:
        """Whether it is open, and nothing is there to be read, be it bytes or the end.

        What has arrived since the event loop last looked would pass for the answer to the next request: half a
        response to HEAD, say. The question takes 0.7 us.
        """
        return not self.transport.is_closing() and not self._arrived.poll(0)

    def unsent(self) -> int:
        """How many of the written bytes are still here."""
        return 0 if self.transport.is_closing() else self.transport.get_write_buffer_size()

    def leave(self) -> None:
        """Belong to nobody, and close."""
        self.call = None
        self.deadline.close()
        if not self._lost:  # asyncio's transports don't take it after a close that had to wait
            self.transport.abort()

    def rest(self, keepalive: KeepAlive) -> None:
        """Belong to the pool, if the connection may serve again."""
        self.call = None
        age = self._loop.time() - self.created
        if self.transport.is_closing() or self.requests >= keepalive.requests or age >= keepalive.time:
            self.leave()
            return
        self.resume_reading()
        self.deadline.set(keepalive.timeout)
        self._pool.put(self, keepalive.connections)

    # called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = self._outbox.cork(transport)
        self._arrived.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if self.call is not None:
            self.call.data_received(data)
        elif self.tunnel is not None:
            self.tunnel.data_received(data)
        else:  # an idle connection has nothing to say: late bytes must not become the next response
            self._pool.drop(self)
            self.leave()

    def connection_lost(self, error: Exception | None) -> None:
        self.deadline.close()
        self._lost = True
        call, self.call = self.call, None
        tunnel, self.tunnel = self.tunnel, None
        if call is not None:
            call.connection_lost(error)
        elif tunnel is not None:
            tunnel.connection_lost(error)
        else:
            self._pool.drop(self)

    def pause_writing(self) -> None:
        self.writing_paused = True
        if self.call is not None:
            self.call.pause_writing()
        elif self.tunnel is not None:
            self.tunnel.pause_writing()

    def resume_writing(self) -> None:
        self.writing_paused = False
        if self.call is not None:
            self.call.resume_writing()
        elif self.tunnel is not None:
            self.tunnel.resume_writing()

    def _expired(self) -> None:
        if self.call is not None:
            self.call.expired()
        elif self.tunnel is None:
            self._pool.drop(self)
            self.leave()


class WirePool:
    """Idle connections by peer, the latest used first, no more in each group than its KeepAlive says."""

    def __init__(self) -> None:
        self._idle: dict[Key, list[WireConnection]] = {}
        self._groups: dict[object, dict[WireConnection, None]] = {}  # the same, those that were idle longest first
        self._closed = False

    def __repr__(self) -> str:
        return f"<WirePool { ({str(key[0]): len(idle) for key, idle in self._idle.items() if idle}) }>"

    def take(self, key: Key) -> WireConnection | None:
        """A connection that may serve again, if there is one; it is the caller's now."""
        idle = self._idle.get(key)
        while idle:
            connection = idle.pop()
            del self._groups[key[1]][connection]
            if connection.is_quiet():
                connection.deadline.stop()
                return connection
            connection.leave()
        return None

    def put(self, connection: WireConnection, limit: int) -> None:
        """Keep an idle connection; of more than `limit` in its group, the one that was idle longest goes."""
        key = connection.key
        siblings = self._groups.get(key[1])
        if siblings is None:
            siblings = self._groups[key[1]] = {}
        siblings[connection] = None
        idle = self._idle.get(key)
        if idle is None:
            idle = self._idle[key] = []
        idle.append(connection)
        if len(siblings) > limit or self._closed:
            oldest = next(iter(siblings))
            self.drop(oldest)
            oldest.leave()

    def drop(self, connection: WireConnection) -> None:
        """Forget a connection that is no use any more."""
        idle = self._idle.get(connection.key)
        if idle is not None and connection in idle:
            idle.remove(connection)
            del self._groups[connection.key[1]][connection]

    def close(self) -> None:
        """Close all, and each that comes from now on."""
        self._closed = True
        for idle in self._groups.values():
            for connection in list(idle):
                self.drop(connection)
                connection.leave()
