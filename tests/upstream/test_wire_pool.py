"""The fast transport's idle connections: their number is the group's, and groups don't share them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pyngx.core.ports import KeepAlive
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
