"""Requests that go on while a test does: streams, clients that leave, generations that come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence

from pyngx.config.include import from_memory, load
from pyngx.core.exchange import Connection, Exchange
from pyngx.core.generation import Generation
from pyngx.core.load import build, check_snapshot
from pyngx.core.phases import Module
from pyngx.core.pipeline import handle
from pyngx.core.runtime import Runtime
from pyngx.http.headers import Headers
from pyngx.http.request_head import RequestHead
from tests.support.event_log import EventLog
from tests.support.live_client import LiveClient
from tests.support.memory_logs import MemoryLogs
from tests.support.no_upstreams import NoUpstreams

PATH = "/etc/pyngx/pyngx.conf"


def spawn(work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work, name=name)


def make_runtime(prefix: str = "/srv") -> Runtime:
    """A runtime without files, transports and sockets."""
    return Runtime(prefix, prefix, MemoryLogs(), EventLog(), NoUpstreams(), spawn)


def log_of(generation: Generation) -> EventLog:
    """What was logged outside the locations' own logs."""
    log = generation.runtime.log
    assert isinstance(log, EventLog)
    return log


def build_text(text: str, modules: Sequence[Module], runtime: Runtime | None = None, number: int = 1) -> Generation:
    """Build the text of a whole configuration; it isn't in force yet."""
    read, find = from_memory({PATH: text})
    checked = check_snapshot(load(PATH, read=read, find=find), modules)
    return build(checked, modules, runtime or make_runtime(), number)


def open_exchange(
    generation: Generation,
    request_line: str,
    headers: Sequence[tuple[bytes, bytes]] = (),
    client: LiveClient | None = None,
) -> Exchange:
    """An exchange whose head has arrived; a body is announced by Content-Length or Transfer-Encoding."""
    method, target, protocol = request_line.split(" ")
    fields = Headers(headers)
    if b"host" not in fields:
        fields.add(b"Host", b"localhost")
    client = client or LiveClient()
    head = RequestHead(method, target, protocol.removeprefix("HTTP/"), fields)
    address = next(iter(generation.addresses), None)
    local = (address.host, address.port) if address is not None else ("127.0.0.1", 80)
    exchange = client.exchange = Exchange(generation, Connection(1, "127.0.0.1", 50000, *local), client, head)
    length = fields.get(b"content-length")
    if length is not None or b"transfer-encoding" in fields:
        exchange.body.expect(int(length) if length is not None else None)
    return exchange


async def run(exchange: Exchange) -> None:
    """Take an exchange through the pipeline, on the first address of its generation."""
    await handle(exchange, next(iter(exchange.generation.addresses.values())))


async def ask(
    generation: Generation, request_line: str, headers: Sequence[tuple[bytes, bytes]] = (), body: bytes = b""
) -> LiveClient:
    """The whole answer to a request, whose body arrives at once."""
    length = [(b"Content-Length", b"%d" % len(body))] if body else []
    client = LiveClient()
    exchange = open_exchange(generation, request_line, [*headers, *length], client)
    if body:
        exchange.body.feed(body)
        exchange.body.end()
    await run(exchange)
    await client.until_over()
    return client
