"""A configuration in force in this process, between real sockets, and the pairs of ports that it is tried on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pyngx.config.include import from_memory, load
from pyngx.core.load import check_snapshot
from pyngx.core.runtime import Runtime
from pyngx.core.tasks import Tasks
from pyngx.modules import MODULES
from pyngx.process.install import Installer
from pyngx.process.load import Loaded
from pyngx.process.runtime import TRANSPORTS
from pyngx.server.asgi import is_worth_logging
from tests.conformance.client import Client
from tests.support.daemon import free_port
from tests.support.memory_logs import MemoryLog, MemoryLogs

CONF = "/conformance.conf"
LOG = "log_format t '$status $request_method $request_uri $body_bytes_sent $upstream_status'; access_log /access.log t;"


@dataclass(frozen=True)
class Pair:
    """What serves clients, and what asks upstreams: words of `http_server` and `http_client`."""

    server: str
    client: str

    def __str__(self) -> str:
        return f"{self.server}-{self.client}"

    def needs(self, what: str) -> None:
        """Skip where a side of the pair can't."""
        for side in (self.server, self.client):
            if side in LIMITS[what]:
                pytest.skip(f"{side}: {what}")


PAIRS = [Pair(server, client) for server in ("uvicorn", "fast") for client in ("aiohttp", "fast")]

# What a side can't, and why. All else holds over every pair.
LIMITS: dict[str, frozenset[str]] = {
    # uvicorn's httptools protocol hands on names in lower case, and writes them so
    "the case of names": frozenset({"uvicorn"}),
    # it knows the phrases of Python's http.HTTPStatus
    "reason phrases": frozenset({"uvicorn"}),
    # ASGI's HTTP scope has no informational responses on uvicorn
    "103": frozenset({"uvicorn"}),
    # httptools takes trailers of a request for fields that follow (a Host among them)
    "trailers of requests": frozenset({"uvicorn"}),
    # aiohttp's parser unfolds lines
    "refusing folded fields": frozenset({"aiohttp"}),
    # nor trailers; aiohttp's parser reads over an upstream's
    "trailers": frozenset({"uvicorn", "aiohttp"}),
    # httptools refuses them, and answers by itself, with text/plain and without the access log
    "refusing by itself": frozenset({"uvicorn"}),
    # its queue of pipelined requests isn't served once the client has half-closed
    "half-closed clients": frozenset({"uvicorn"}),
    # websockets' sans-I/O protocol unmasks, joins fragments and negotiates by itself: there are messages, no bytes
    "tunnels": frozenset({"uvicorn"}),
    # ASGI says nothing of the connection
    "limits of connections": frozenset({"uvicorn"}),
}


@dataclass
class Gateway:
    """pyngx in this process."""

    port: int
    runtime: Runtime
    installer: Installer
    tasks: Tasks
    failed: list[str]
    clients: list[Client] = field(default_factory=list)

    async def connect(self, *, path: str = "", host: str = "127.0.0.1", limit: int = 2**16) -> Client:
        """A connection of a client."""
        if path:
            reader, writer = await asyncio.open_unix_connection(path)
        else:
            reader, writer = await asyncio.open_connection(host, self.port, limit=limit)
        client = Client(reader, writer)
        self.clients.append(client)
        return client

    @property
    def access(self) -> list[str]:
        """The lines of the access log."""
        logs = self.runtime.logs
        assert isinstance(logs, MemoryLogs)
        return [line for file in logs.files.values() for line in file.lines]

    @property
    def errors(self) -> list[str]:
        """The messages of the error log."""
        logs, log = self.runtime.logs, self.runtime.log
        assert isinstance(logs, MemoryLogs)
        assert isinstance(log, MemoryLog)
        return [message for each in (log, *logs.errors.values()) for message in each.messages]

    @property
    def connections(self) -> int:
        return self.installer.listeners.connections

    async def until_logged(self, count: int = 1) -> list[str]:
        await until(lambda: len(self.access) >= count)
        return self.access

    async def reload(self, text: str) -> None:
        await self.installer.install(self.installer.prepare(_loaded(text)))


@dataclass(frozen=True)
class Opened:
    """Opens gateways of one pair."""

    pair: Pair
    folder: Path

    @asynccontextmanager
    async def gateway(self, inside: str, *, http: str = "", listen: str = "") -> AsyncIterator[Gateway]:
        """One that has a server with `inside` in it; PORT and FOLDER are filled in."""
        logging.getLogger("uvicorn.error").addFilter(is_worth_logging)
        failed: list[str] = []
        tasks = Tasks(lambda name, error: failed.append(f"{name}: {error!r}"))
        port = free_port()
        text = self.text(inside, port, http, listen)
        transport = TRANSPORTS[self.pair.client](tasks.spawn)
        runtime = Runtime(str(self.folder), str(self.folder), MemoryLogs(), MemoryLog(), transport, tasks.spawn)
        gateway = Gateway(port, runtime, Installer(runtime, self.pair.server), tasks, failed)
        await gateway.reload(text)
        try:
            yield gateway
        finally:
            for client in gateway.clients:
                client.writer.transport.abort()
            await gateway.installer.listeners.shutdown(0)
            await transport.close()
            await tasks.close()
        assert gateway.failed == [], (gateway.failed, gateway.errors)
        assert not gateway.connections, gateway.installer.listeners._state.connections

    def text(self, inside: str, port: int, http: str = "", listen: str = "") -> str:
        listen = listen or f"127.0.0.1:{port}"
        text = f"events {{ }} http {{ {LOG} {http} server {{ listen {listen}; {inside} }} }}"
        return text.replace("PORT", str(port)).replace("FOLDER", str(self.folder))


def _loaded(text: str) -> Loaded:
    read, find = from_memory({CONF: text})
    snapshot = load(CONF, read=read, find=find)
    return Loaded(snapshot, check_snapshot(snapshot, MODULES))


async def until(claim: Callable[[], object]) -> None:
    """Wait until something holds that tells nobody."""
    for _ in range(1000):
        if claim():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("waited in vain")
