"""Idle connections, kept for the next request to the same peer (ngx_http_upstream_keepalive_module.c).

An idle connection has nothing to say: one that says something, be it bytes or the end, is closed. Late bytes of one
response must never become the next one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyngx.core.ports import KeepAlive
    from pyngx.upstream.connection import Connection

Key = tuple[object, ...]


class Pool:
    """The idle connections to all peers, the latest used first."""

    def __init__(self) -> None:
        self._idle: dict[Key, list[_Idle]] = {}
        self._groups: dict[str, list[_Idle]] = {}  # the same, those that were idle longest first
        self._closed = False

    def __repr__(self) -> str:
        return f"<Pool { ({str(key[0]): len(idle) for key, idle in self._idle.items()}) }>"

    def take(self, key: Key) -> Connection | None:
        """A connection that is still good, if there is one; it is the caller's now."""
        idle = self._idle.get(key)
        while idle:
            connection = idle[-1].leave()
            if connection.is_usable():
                return connection
            connection.abort()
        return None

    def give(self, connection: Connection, keepalive: KeepAlive) -> None:
        """Keep a connection whose response is whole, or close it if it has served its time."""
        age = asyncio.get_running_loop().time() - connection.created
        if (
            self._closed
            or not keepalive.connections
            or connection.requests >= keepalive.requests
            or age >= keepalive.time
            or connection.transport.is_closing()
        ):
            connection.close()
            return
        siblings = self._groups.setdefault(keepalive.group, [])
        if len(siblings) >= keepalive.connections:
            siblings[0].close()
        idle = _Idle(self._idle, siblings, connection, keepalive.timeout)
        siblings.append(idle)
        self._idle.setdefault(connection.key, []).append(idle)

    def close(self) -> None:
        """Close all idle connections, and each that is given from now on."""
        self._closed = True
        for idle in list(self._groups.values()):
            for entry in list(idle):
                entry.close()


class _Idle:
    """The user of a connection that nobody uses."""

    __slots__ = ("_connection", "_home", "_siblings", "_timer")

    def __init__(
        self, home: dict[Key, list[_Idle]], siblings: list[_Idle], connection: Connection, timeout: float
    ) -> None:
        self._home = home
        self._siblings = siblings
        self._connection = connection
        self._timer = asyncio.get_running_loop().call_later(timeout, self.close)
        connection.user = self
        connection.resume_reading()

    def leave(self) -> Connection:
        self._timer.cancel()
        connection = self._connection
        connection.user = None
        self._siblings.remove(self)
        alike = self._home[connection.key]
        alike.remove(self)
        if not alike:
            del self._home[connection.key]
        return connection

    def close(self) -> None:
        self.leave().close()

    def data_received(self, data: bytes) -> None:  # noqa: ARG002
        self.leave().abort()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        self.leave()

    def pause_writing(self) -> None:
        """Nothing is being written."""

    def resume_writing(self) -> None:
        """Nothing is being written."""
