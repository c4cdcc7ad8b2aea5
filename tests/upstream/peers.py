"""Peers that do as they are told, and a handler that notes what it is told."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from pyngx.core.ports import Address, Call, KeepAlive, Request, Timeouts
from pyngx.core.tasks import Tasks
from pyngx.http.headers import Headers
from pyngx.upstream.aiohttp import AiohttpTransport

if TYPE_CHECKING:
    import ssl

    from pyngx.core.ports import UpstreamError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Script = Callable[["Peer"], Awaitable[None]]


class Peer:
    """One connection at the peer's side."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.reader = reader
        self.writer = writer

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def request(self) -> bytes:
        """A head and a body of announced length."""
        head = await self.head()
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        return head + await self.reader.readexactly(int(length[1]) if length else 0)

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    def reset(self) -> None:
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Listener:
    """A server that plays a script on each connection, and notes how many there were and how many are still open."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.connections = 0
        self.open = 0
        self.gone = asyncio.Event()
        self.address = Address("")
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.writers.append(writer)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self.script(Peer(self.connections, reader, writer))
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self.open -= 1
            self.gone.set()


@contextlib.asynccontextmanager
async def listen(script: Script, *, path: str = "", tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    listener = Listener(script)
    if path:
        server = await asyncio.start_unix_server(listener.serve, path, ssl=tls)
        listener.address = Address("", path=path)
    else:
        server = await asyncio.start_server(listener.serve, "127.0.0.1", 0, ssl=tls, limit=2**20)
        listener.address = Address(*server.sockets[0].getsockname())
    try:
        yield listener
    finally:
        server.close()
        for writer in listener.writers:
            # asyncio's own transport can't be aborted once it has closed after writing what was left.
            with contextlib.suppress(AttributeError):
                writer.transport.abort()
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def transport(message_limit: int = 2**20) -> AsyncIterator[AiohttpTransport]:
    reports: list[str] = []
    tasks = Tasks(lambda name, error: reports.append(f"{name}: {error!r}"))
    opened = AiohttpTransport(tasks.spawn, message_limit)
    try:
        yield opened
    finally:
        await opened.close()
        await tasks.close()
        await asyncio.sleep(0)
    assert reports == []


class Recorder:
    """A `CallHandler` whose notes read like the log of the call."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.body = bytearray()
        self.fields: list[tuple[bytes, bytes]] = []
        self.error: UpstreamError | None = None
        self.over = asyncio.Event()
        self.changed = asyncio.Event()
        self.on_body: Callable[[], None] = lambda: None
        self.on_connected: Callable[[], None] = lambda: None

    async def wait(self, *notes: str) -> None:
        async with asyncio.timeout(5):
            while not set(notes) <= set(self.notes):
                self.changed.clear()
                await self.changed.wait()

    async def end(self) -> list[str]:
        async with asyncio.timeout(5):
            await self.over.wait()
        return self.notes

    def note(self, text: str) -> None:
        assert not self.over.is_set(), f"{text} after the end"
        self.notes.append(text)
        self.changed.set()

    def connected(self) -> None:
        self.note("connected")
        self.on_connected()

    def informational_received(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        self.note(f"{status}")

    def head_received(self, status: int, reason: bytes, headers: Headers) -> None:
        self.fields = headers.items
        self.note(f"{status} {reason.decode()}")

    def flush(self) -> None:
        pass

    def body_received(self, data: bytes) -> None:
        if not self.body:
            self.note("body")
        self.body += data
        self.on_body()

    def response_received(self, status: int, reason: bytes, headers: Headers, body: bytes) -> None:
        self.head_received(status, reason, headers)
        if body:
            self.body_received(body)
        self.response_ended([])

    def response_ended(self, trailers: list[tuple[bytes, bytes]]) -> None:
        self.note("ended")
        self.over.set()

    def call_failed(self, error: UpstreamError) -> None:
        self.error = error
        self.note(f"failed: {error.failure.value}")
        self.over.set()

    def pause_reading(self) -> None:
        self.note("pause")

    def resume_reading(self) -> None:
        self.note("resume")


def get(address: Address, target: bytes = b"/", **more: object) -> Request:
    settings: dict[str, object] = {
        "method": b"GET",
        "fields": [(b"Host", b"app")],
        "timeouts": Timeouts(1, 1, 1),
        "keepalive": KeepAlive(),
    }
    return Request(address=address, target=target, **{**settings, **more})  # type: ignore[arg-type]


async def ask(transport: AiohttpTransport, request: Request, *body: bytes) -> Recorder:
    """The notes of a whole call."""
    recorder = Recorder()
    call: Call = transport.start(request, recorder)
    for part in body:
        call.send_body(part)
    call.end_body()
    await recorder.end()
    return recorder
