"""The addresses that are listened on, served by uvicorn's protocol classes; they come and go while it runs.

A change is made in two steps. `prepare` binds what is new and can fail, with nothing changed; `commit` serves it and
closes the sockets of what is gone. Connections live on: one that came by an address that is gone ends with the request
under way, and WebSockets and requests that haven't begun to arrive aren't touched.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, cast
from weakref import WeakSet

import uvicorn
from uvicorn.server import ServerState

from pyngx.core.ports import Closed
from pyngx.server.asgi_scope import DOOR, Door
from pyngx.server.front import Front
from pyngx.server.sockets import backlog_of, open_socket, remove_socket_file, set_options

if TYPE_CHECKING:
    import socket

    from pyngx.core.listen import ListenAddress, SocketOptions
    from pyngx.server.asgi import App

GOING_AWAY = Closed(1001)
GRACE = 1.0  # seconds for what was cut off to end by itself
STEP = 0.02  # seconds between two looks at connections that uvicorn doesn't tell the end of


class Served(Protocol):
    """What uvicorn's HTTP protocols are to us."""

    transport: asyncio.Transport
    cycle: object | None  # the request under way or the last one, None before the first

    def shutdown(self) -> None:
        """Close after the request under way."""


Protocols = type[asyncio.Protocol] | Literal["httptools", "h11"]


@dataclass(frozen=True, slots=True)
class Serving:
    """How connections are served."""

    protocol: Protocols = "httptools"
    keepalive_timeout: int = 75  # seconds
    max_message: int = 1 << 30  # bytes of one WebSocket message


@dataclass(slots=True)
class _Listener:
    socket: socket.socket
    options: SocketOptions
    inherited: bool
    server: asyncio.Server | None = None  # None: not served yet


@dataclass(frozen=True, slots=True)
class Change:
    """What `prepare` found to be done."""

    opened: Mapping[ListenAddress, _Listener]
    changed: Mapping[ListenAddress, SocketOptions]
    removed: tuple[ListenAddress, ...]
    unused: tuple[socket.socket, ...] = field(default=(), repr=False)  # inherited, but not listened on


class Listeners:
    """All listening sockets of a process, and the connections that came by them."""

    def __init__(self, app: App, serving: Serving = Serving()) -> None:
        self._app = app
        self._listeners: dict[ListenAddress, _Listener] = {}
        self._state = ServerState()
        self._config = uvicorn.Config(
            app,
            interface="asgi3",
            http=serving.protocol,
            # Of uvicorn's three the one whose scope keeps all fields of the handshake, at the least memory.
            ws="websockets-sansio",
            ws_max_size=serving.max_message,
            ws_ping_interval=None,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            access_log=False,
            date_header=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=serving.keepalive_timeout,
        )
        self._config.load()

    @property
    def sockets(self) -> Mapping[ListenAddress, socket.socket]:
        """What is listened on now."""
        return {address: listener.socket for address, listener in self._listeners.items()}

    @property
    def connections(self) -> int:
        """Open connections."""
        return len(self._state.connections)

    @property
    def open(self) -> Collection[object]:
        """The protocols that serve them."""
        return self._state.connections

    def prepare(
        self,
        wanted: Mapping[ListenAddress, SocketOptions],
        inherited: Mapping[ListenAddress, socket.socket] | None = None,
    ) -> Change:
        """Open what is wanted and not there, taking inherited sockets where they fit; raises BindError."""
        given = dict(inherited or {})
        opened: dict[ListenAddress, _Listener] = {}
        try:
            for address, options in wanted.items():
                if address not in self._listeners:
                    adopted = given.pop(address, None)
                    found = open_socket(address, options) if adopted is None else adopted
                    opened[address] = _Listener(found, options, inherited=adopted is not None)
        except BaseException:
            for address, listener in opened.items():
                if not listener.inherited:
                    _close(address, listener)
            raise
        kept = {address: options for address, options in wanted.items() if address in self._listeners}
        changed = {address: options for address, options in kept.items() if self._listeners[address].options != options}
        removed = tuple(address for address in self._listeners if address not in wanted)
        return Change(opened, changed, removed, tuple(given.values()))

    def discard(self, change: Change) -> None:
        """Take a prepared change back."""
        for address, listener in change.opened.items():
            _close(address, listener)

    async def commit(self, change: Change) -> None:
        """Put a prepared change in force."""
        for address, options in change.changed.items():
            listener = self._listeners[address]
            listener.options = options
            set_options(listener.socket, options)
            listener.socket.listen(backlog_of(options))
        for address, listener in change.opened.items():
            self._listeners[address] = listener
            listener.server = await self._serve(address, listener)
        for address in change.removed:
            _close(address, self._listeners.pop(address))
        for unused in change.unused:
            unused.close()
        if change.removed:
            self._retire(frozenset(change.removed))

    def end_outdated(self, seconds: float) -> None:
        """Give connections from before the configuration that is in force now so long to end.

        Then what is under way by an older one is broken off, and who asks by the new one is let finish one request.
        """
        generation = self._app.generation
        outdated = WeakSet(found for found in self._http() if getattr(found, "generation", None) is not generation)
        asyncio.get_running_loop().call_later(seconds, self._end, outdated)

    async def shutdown(self, seconds: float | None) -> None:
        """Accept no more, let what is under way end by itself for so long (None: without a bound), close the rest."""
        for address in list(self._listeners):
            _close(address, self._listeners.pop(address))
        for protocol in self._http():
            protocol.shutdown()
        if await self._all_ended(seconds):
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await self._app.close_websockets(GOING_AWAY)
        for protocol in self._http():
            protocol.transport.abort()
        if not await self._all_ended(GRACE):
            for task in list(self._state.tasks):
                task.cancel()
            for connection in list(self._state.connections):
                connection.transport.abort()
            await self._all_ended(GRACE)

    # private

    def _end(self, outdated: WeakSet[Served]) -> None:
        generation = self._app.generation
        for protocol in [found for found in outdated if cast("object", found) in self._state.connections]:
            if getattr(protocol, "generation", generation) is generation:
                protocol.shutdown()
            else:
                protocol.transport.abort()

    async def _serve(self, address: ListenAddress, listener: _Listener) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        config, state = self._config, self._state

        def serve(door: Door) -> asyncio.Protocol:
            return config.http_protocol_class(  # type: ignore[call-arg] # uvicorn's own way to make one
                config=config, server_state=state, app_state={DOOR: door}, _loop=loop
            )

        def accept() -> asyncio.Protocol:
            if self._app.guards(address):
                return Front(self._app, serve, Door(address), cast("set[object]", state.connections))
            return serve(Door(address))

        backlog = backlog_of(listener.options)
        if address.path:
            return await loop.create_unix_server(accept, sock=listener.socket, backlog=backlog)
        return await loop.create_server(accept, sock=listener.socket, backlog=backlog)

    def _http(self) -> list[Served]:
        """The connections that aren't WebSockets."""
        kinds = (self._config.http_protocol_class, Front)
        found = [protocol for protocol in self._state.connections if isinstance(protocol, kinds)]
        return cast("list[Served]", found)

    def _retire(self, addresses: frozenset[ListenAddress]) -> None:
        """Have the connections of closed listeners end with the request under way."""
        for protocol in self._http():
            door = getattr(protocol, "app_state", {}).get(DOOR)
            if door is not None and door.address in addresses and protocol.cycle is not None:
                protocol.shutdown()

    async def _all_ended(self, seconds: float | None) -> bool:
        state = self._state
        deadline = None if seconds is None else time.monotonic() + seconds
        while state.connections or state.tasks:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            if state.tasks:
                await asyncio.wait(set(state.tasks), timeout=left)
            else:
                await asyncio.sleep(STEP)
        return True


def _close(address: ListenAddress, listener: _Listener) -> None:
    if listener.server is not None:
        listener.server.close()
    listener.socket.close()
    if address.path and not listener.inherited:
        remove_socket_file(address.path)
