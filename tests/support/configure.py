"""From the text of a configuration to a generation, and from a request line to what the client got."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence

from pyngx.config.include import load
from pyngx.core.exchange import Connection, Exchange
from pyngx.core.generation import Generation
from pyngx.core.load import build, check_snapshot
from pyngx.core.phases import Module
from pyngx.core.pipeline import handle
from pyngx.core.runtime import Runtime
from pyngx.http.headers import Headers
from pyngx.http.request_head import RequestHead
from tests.support.fake_client import FakeClient
from tests.support.memory_logs import MemoryLog, MemoryLogs
from tests.support.no_upstreams import NoUpstreams

MAIN = "/etc/pyngx/pyngx.conf"


def spawn(work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work, name=name)  # type: ignore[arg-type]


def make_runtime(prefix: str = "/prefix") -> Runtime:
    return Runtime(prefix, prefix, MemoryLogs(), MemoryLog(), NoUpstreams(), spawn)


def configure(
    text: str, modules: Sequence[Module], runtime: Runtime | None = None, prefix: str = "/prefix"
) -> Generation:
    """Build the text of a whole configuration and put it in force."""
    runtime = runtime or make_runtime(prefix)
    generation = build(check_snapshot(load(MAIN, read=lambda _: text), modules), modules, runtime, 1)
    for start in generation.starts:
        start()
    runtime.commit(generation)
    return generation


def exchange(
    generation: Generation, line: str, headers: Sequence[tuple[bytes, bytes]] = ((b"Host", b"localhost"),)
) -> Exchange:
    """A request that has just arrived."""
    method, target, protocol = line.split(" ")
    head = RequestHead(method, target, protocol.removeprefix("HTTP/"), Headers(headers))
    connection = Connection(1, "127.0.0.1", 40000, "127.0.0.1", 80, requests=1)
    return Exchange(generation, connection, FakeClient(), head)


def ask(
    generation: Generation,
    line: str,
    headers: Sequence[tuple[bytes, bytes]] = ((b"Host", b"localhost"),),
    body: bytes = b"",
) -> FakeClient:
    """Send a request to the first address, and give what the client got."""
    return answer(exchange(generation, line, headers), body)


def answer(asked: Exchange, body: bytes = b"") -> FakeClient:
    """Answer a request, and give what its client got."""

    async def run() -> None:
        if body:
            asked.body.expect(len(body))
            asked.body.feed(body)
            asked.body.end()
        servers = next(iter(asked.generation.addresses.values()))
        await handle(asked, servers)
        if asked.task is not None:
            await asked.task

    asyncio.run(run())
    client = asked.client
    assert isinstance(client, FakeClient)
    return client


def messages(generation: Generation) -> list[str]:
    """What was logged outside the locations' own logs."""
    log = generation.runtime.log
    assert isinstance(log, MemoryLog)
    return log.messages


def in_server(text: str) -> str:
    """A server block around directives, in a whole configuration."""
    return f"events {{ }} http {{ server {{ listen 80; server_name localhost; {text} }} }}"
