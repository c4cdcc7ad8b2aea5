"""A bridge between two sides, of which each is a script here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from pyngx.core.ports import Closed
from pyngx.core.websocket import sendable
from pyngx.upstream.websocket import Bridged, Traffic, bridge

if TYPE_CHECKING:
    from collections.abc import Sequence

Message = str | bytes | Closed


class Side:
    """Says its messages, then waits for ever; notes what it is sent. A client and a peer in one."""

    subprotocols: Sequence[str] = ()
    subprotocol: str | None = None
    bytes_sent = bytes_received = 0
    is_open = True

    def __init__(self, *says: Message, waits_for: int = 0) -> None:
        self.says = list(says)
        self.waits_for = waits_for  # how many messages must have come before it says anything
        self.heard: list[Message] = []
        self.arrived = asyncio.Condition()
        self.takes = asyncio.Event()
        self.takes.set()
        self.fields: list[tuple[bytes, bytes]] = []

    async def accept(self, subprotocol: str | None, fields: Sequence[tuple[bytes, bytes]]) -> None:
        raise AssertionError("accepting is not the bridge's")

    async def receive(self) -> Message:
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.heard) >= self.waits_for and self.says)
        await asyncio.sleep(0)
        return self.says.pop(0)

    async def send(self, message: str | bytes) -> None:
        await self.takes.wait()
        async with self.arrived:
            self.heard.append(message)
            self.arrived.notify_all()

    async def close(self, closed: Closed) -> None:
        self.heard.append(closed)


async def run(client: Side, peer: Side) -> Bridged:
    return await asyncio.wait_for(bridge(client, peer), 1)


async def test_messages_go_both_ways_until_the_client_closes() -> None:
    client = Side("a", b"\xff\0", "é", Closed(1000, "bye"))
    peer = Side("1", b"2", waits_for=1)
    client.waits_for = 0
    bridged = await run(client, peer)
    assert peer.heard == ["a", b"\xff\0", "é", Closed(1000, "bye")]
    assert bridged.from_client == Traffic(3, 5)
    assert bridged.closed == Closed(1000, "bye")
    assert not bridged.closed_by_upstream


async def test_messages_go_both_ways_until_the_upstream_closes() -> None:
    client = Side("a", "b")
    peer = Side("c", Closed(4321, "moved"), waits_for=2)
    bridged = await run(client, peer)
    assert peer.heard == ["a", "b"]
    assert client.heard == ["c", Closed(4321, "moved")]
    assert bridged == Bridged(Traffic(2, 2), Traffic(1, 1), Closed(4321, "moved"), closed_by_upstream=True)


@pytest.mark.parametrize(
    ("closed", "told"),
    [
        (Closed(1006), Closed(1006)),
        (Closed(1005), Closed(1005)),
        (Closed(1015), Closed(1011)),
        (Closed(1000, "ä" * 62), Closed(1000, "ä" * 61)),
    ],
)
async def test_the_client_is_told_how_the_upstream_ended(closed: Closed, told: Closed) -> None:
    client = Side()
    assert (await run(client, Side(closed))).closed == closed
    assert client.heard == [told]


@pytest.mark.parametrize(
    ("closed", "told"),
    [(Closed(1006), Closed(1006)), (Closed(1005), Closed(1005)), (Closed(999), Closed(1011))],
)
async def test_the_upstream_is_told_how_the_client_ended(closed: Closed, told: Closed) -> None:
    peer = Side()
    await run(Side(closed), peer)
    assert peer.heard == [told]


async def test_no_message_is_taken_while_the_other_side_is_slow() -> None:
    client, peer = Side(*"abcdef"), Side()
    peer.takes.clear()
    bridging = asyncio.ensure_future(bridge(client, peer))
    await asyncio.sleep(0.01)
    assert len(client.says) == 5
    peer.takes.set()
    await asyncio.sleep(0.01)
    assert peer.heard == list("abcdef")
    bridging.cancel()
    await asyncio.wait([bridging])


async def test_cancelling_closes_both_sides() -> None:
    client, peer = Side(), Side()
    bridging = asyncio.ensure_future(bridge(client, peer))
    await asyncio.sleep(0.01)
    bridging.cancel()
    await asyncio.wait([bridging])
    assert bridging.cancelled()
    assert (client.heard, peer.heard) == ([Closed(1001)], [Closed(1006)])


async def test_a_side_that_raises_closes_both() -> None:
    class Broken(Side):
        async def send(self, message: str | bytes) -> None:
            raise ConnectionResetError("gone")

    client, peer = Broken(), Side("a")
    with pytest.raises(ConnectionResetError):
        await run(client, peer)
    assert (client.heard, peer.heard) == ([Closed(1011)], [Closed(1006)])


@pytest.mark.parametrize("code", [0, 999, 1004, 1015, 2999, 5000])
def test_codes_that_no_frame_may_carry_become_1011(code: int) -> None:
    assert sendable(Closed(code, "why")) == Closed(1011)
