"""A generation made by hand, served on 127.0.0.1, and a client that speaks bytes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from typing import Any, cast

from pyngx.core.answers import Answer, Content, Handler, Response
from pyngx.core.exchange import Exchange
from pyngx.core.generation import EVERYTHING, Generation, Location, Server
from pyngx.core.listen import ListenAddress, SocketOptions
from pyngx.core.locations import Locations, Modifier, Pattern
from pyngx.core.ports import Fields
from pyngx.core.runtime import Runtime
from pyngx.core.servers import ServerNames
from pyngx.http.headers import Headers
from pyngx.server.asgi import App, is_worth_logging
from pyngx.server.listeners import Listeners, Serving

Say = Callable[[bytes], bytes]


@dataclass
class Memory:
    """A log that keeps what it is told."""

    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def enabled(self, level: str) -> bool:
        return True

    def write(self, level: str, event: str, message: str = "", **facts: object) -> None:
        self.events.append((event, facts | {"message": message}))


class Tasks:
    """Spawns, and keeps what runs."""

    def __init__(self) -> None:
        self.running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        return task


@dataclass
class Site:
    """One generation and what happened in it."""

    generation: Generation
    log: Memory
    logged: list[Exchange] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def exchange(self) -> Exchange:
        """The last one that ended, as soon as one has."""
        async with asyncio.timeout(5):
            await self.closed.wait()
        return self.logged[-1]


def send_head(exchange: Exchange, response: Response) -> None:
    sent = list(response.headers.items)
    if response.length is not None and response.status not in {204, 304}:
        sent.append((b"Content-Length", b"%d" % response.length))
    exchange.client.send_head(response.status, response.reason, sent)


def make_site(handlers: dict[str, Handler], *listens: ListenAddress, max_body: int = 0) -> Site:
    """A site with a location for each path; listens on what is given."""
    log = Memory()
    given: dict[str, Any] = {"prefix": "", "conf_prefix": "", "logs": None, "log": log, "transport": None}
    given["spawn"] = Tasks().spawn
    runtime = Runtime(**{one.name: given[one.name] for one in fields(Runtime) if one.name in given})
    server = Server("test")
    site: Site

    def record(exchange: Exchange) -> None:
        site.logged.append(exchange)
        site.closed.set()

    def furnish(pattern: Pattern, content: tuple[Handler, ...]) -> Location:
        location = Location(pattern, server, cast("Any", None), inside=content, loggers=(record,), send_head=send_head)
        location.max_body_size = max_body
        return location

    server.location = furnish(EVERYTHING, ())
    server.locations = Locations(
        furnish(Pattern(Modifier.PREFIX, path), (handler,)) for path, handler in handlers.items()
    )
    names = ServerNames(server)
    generation = Generation(runtime, 1, server, dict.fromkeys(listens, names), dict.fromkeys(listens, SocketOptions()))
    site = Site(generation, log)
    return site


def answer(body: bytes, status: int = 200, **more: Any) -> Answer:
    return Content(Response(status, Headers(), length=len(body), parts=(body,), **more))


class Collect:
    """A sink that answers when it has all, with all."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.parts: list[bytes] = []

    def body_received(self, data: bytes) -> None:
        self.parts.append(data)

    def body_ended(self, trailers: Fields) -> None:
        body = b"".join(self.parts)
        self.exchange.respond(Response(200, length=len(body)))
        self.exchange.write(body)
        self.exchange.end()

    def body_refused(self, status: int) -> None:
        self.exchange.respond(Response(status, length=0))
        self.exchange.end()


class Peer:
    """A client of bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, request: bytes, *, head_only: bool = False) -> tuple[bytes, bytes]:
        """Send a request, and read a response: head and body."""
        self.writer.write(request)
        return await self.answer(head_only=head_only)

    async def answer(self, *, head_only: bool = False) -> tuple[bytes, bytes]:
        async with asyncio.timeout(5):
            head = await self.reader.readuntil(b"\r\n\r\n")
            lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
            if head_only:
                return head, b""
            if b"content-length" in lines:
                return head, await self.reader.readexactly(int(lines[b"content-length"]))
            if b"transfer-encoding" in lines:
                return head, await self.chunks()
            return head, b""

    async def chunks(self) -> bytes:
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)
        return body

    async def rest(self) -> bytes:
        """All until the connection is closed."""
        async with asyncio.timeout(5):
            return await self.reader.read()


@dataclass
class Served:
    """A site behind listeners."""

    site: Site
    app: App
    listeners: Listeners

    @property
    def port(self) -> int:
        return next(iter(self.listeners.sockets)).port

    @asynccontextmanager
    async def peer(self, address: ListenAddress | None = None, **limits: int) -> AsyncIterator[Peer]:
        """A connection to an address, by default to the first."""
        address = address or next(iter(self.listeners.sockets))
        if address.path:
            reader, writer = await asyncio.open_unix_connection(address.path)
        else:
            reader, writer = await asyncio.open_connection(address.host, address.port, **limits)
        try:
            yield Peer(reader, writer)
        finally:
            writer.close()


@asynccontextmanager
async def served(
    handlers: dict[str, Handler], *listens: ListenAddress, max_body: int = 0, serving: Serving | None = None
) -> AsyncIterator[Served]:
    """A site made and listening."""
    logging.getLogger("uvicorn.error").addFilter(is_worth_logging)
    site = make_site(handlers, *(listens or (free_address(),)), max_body=max_body)
    app = App(site.generation)
    listeners = Listeners(app, serving or Serving())
    await listeners.commit(listeners.prepare(site.generation.listeners))
    try:
        yield Served(site, app, listeners)
    finally:
        await listeners.shutdown(0)


def free_address(host: str = "127.0.0.1") -> ListenAddress:
    """An address that nobody listens on."""
    import socket

    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return ListenAddress(host, probe.getsockname()[1])


def get(path: str, *fields_: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: test", *fields_, "", ""]).encode()
