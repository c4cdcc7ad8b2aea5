"""The fast transport's idle connections: their number is the group's, and groups don't share them."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pyngx.core.ports import Address, KeepAlive
from pyngx.core.tasks import Tasks
from pyngx.upstream.wire import WireTransport
from tests.upstream.peers import OK, Peer, ask, get, listen


async def answer(peer: Peer) -> None:
    while True:
        await peer.head()
        peer.say(OK)


@asynccontextmanager
async def transport() -> AsyncIterator[WireTransport]:
    reports: list[str] = []
    tasks = Tasks(lambda name, error: reports.append(f"{name}: {error!r}"))
    opened = WireTransport(tasks.spawn)
    try:
        yield opened
    finally:
        await opened.close()
        await tasks.close()
    assert reports == []


async def test_the_bound_of_idle_connections_is_one_for_all_peers_of_a_group() -> None:
    keepalive = KeepAlive(connections=1, group="app")
    async with listen(answer) as first, listen(answer) as second, transport() as upstream:
        await ask(upstream, get(first.address, keepalive=keepalive))
        await ask(upstream, get(second.address, keepalive=keepalive))
        await asyncio.sleep(0.01)
        assert (first.open, second.open) == (0, 1)
        assert repr(upstream) == f"<WireTransport <WirePool {{'{second.address}': 1}}>>"


async def test_groups_do_not_share_connections() -> None:
    async with listen(answer) as peer, transport() as upstream:
        for group in ("one", "two", "one"):
            await ask(upstream, get(peer.address, keepalive=KeepAlive(group=group)))
        assert peer.connections == 2


async def test_what_has_arrived_since_the_loop_last_looked_is_no_answer() -> None:
    """The peer runs in a thread: the loop is held while it says more than it was asked for."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for late in (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b""):
                connection, _ = server.accept()
                held.append(connection)
                connection.recv(4096)
                connection.sendall(OK)
                time.sleep(0.02)
                connection.sendall(late)

        held: list[socket.socket] = []
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        async with transport() as upstream:
            address = Address(*server.getsockname())
            assert (await ask(upstream, get(address))).body == b"ok"
            time.sleep(0.1)  # noqa: ASYNC251 -- nobody may look
            assert (await ask(upstream, get(address))).body == b"ok"
        thread.join(5)
        for connection in held:
            connection.close()
