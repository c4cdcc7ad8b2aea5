"""Responses that are held for slow clients."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

from pyngx.core.exchange import Exchange
from pyngx.upstream import reservoir
from pyngx.upstream.reservoir import Buffers, Reservoir

MEMORY = 100


class FakeExchange:
    """A client that takes `room` bytes before it is slow."""

    def __init__(self, room: int = 0) -> None:
        self.room = room
        self.paused = room <= 0
        self.taken = b""
        self.expands = False
        self.body_filters: list[object] = []
        self.over = ""
        self.events: list[str] = []

    def write(self, data: bytes) -> None:
        self.taken += data
        self.room -= len(data)
        self.paused = self.room <= 0

    @property
    def body_bytes_sent(self) -> int:
        return len(self.taken)

    def end(self, _trailers: object) -> None:
        self.over = "ended"

    def fail(self) -> None:
        self.over = "failed"

    def log(self, _level: str, event: str, _message: str) -> None:
        self.events.append(event)


class Upstream:
    """Whoever sends."""

    paused = False

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class Flow:
    """A reservoir between both."""

    def __init__(self, room: int = 0, file: int = 10_000, directory: Path | None = None) -> None:
        self.client = FakeExchange(room)
        self.upstream = Upstream()
        buffers = Buffers(MEMORY, file, directory=str(directory) if directory is not None else None)
        self.reservoir = Reservoir(cast("Exchange", self.client), self.upstream, buffers)

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self.reservoir.write(part)

    async def lose_patience(self) -> None:
        await asyncio.sleep(reservoir.PATIENCE * 3)

    def take(self, size: int) -> None:
        self.client.room = size
        self.client.paused = False
        self.reservoir.resume_reading()


async def test_a_source_whose_parts_take_time_waits_for_others_in_between() -> None:
    flow = Flow(room=10**7)
    flow.client.body_filters.append("gzip")
    part = b"a" * reservoir.FILTERED_TURN
    flow.send(part)
    assert not flow.upstream.paused
    flow.send(b"b")
    assert flow.upstream.paused
    await asyncio.sleep(0)
    assert not flow.upstream.paused
    flow.send(part, b"c")
    flow.client.paused = True
    flow.send(b"d" * 150)  # too much for the memory: it waits for the client now
    await asyncio.sleep(0)
    assert flow.upstream.paused
    flow.take(10**7)
    assert not flow.upstream.paused
    assert flow.client.taken == part + b"b" + part + b"c" + b"d" * 150


async def test_a_large_part_that_takes_time_goes_in_several_turns() -> None:
    flow = Flow(room=10**7)
    flow.client.body_filters.append("gzip")
    share = reservoir.FILTERED_TURN
    flow.send(b"a" * (share * 3 + 1))
    flow.reservoir.end(())
    for turn in range(1, 4):
        assert (len(flow.client.taken), flow.client.over) == (share * turn, "")
        assert flow.upstream.paused
        await asyncio.sleep(0)
    assert (len(flow.client.taken), flow.client.over) == (share * 3 + 1, "ended")
    assert not flow.upstream.paused


async def test_a_source_that_waits_for_others_goes_on_for_a_client_that_has_left() -> None:
    flow = Flow(room=10**7)
    flow.client.body_filters.append("gzip")
    flow.send(b"a" * (reservoir.FILTERED_TURN * 3))
    assert flow.upstream.paused
    flow.reservoir.discard()
    assert not flow.upstream.paused


async def test_a_client_that_keeps_up_gets_each_part_as_it_comes() -> None:
    flow = Flow(room=1000)
    flow.send(b"a" * 300, b"b" * 300)
    assert flow.client.taken == b"a" * 300 + b"b" * 300


async def test_a_slow_client_does_not_hold_the_upstream_while_there_is_memory() -> None:
    flow = Flow()
    flow.send(b"a" * 60, b"b" * 40)
    assert not flow.upstream.paused
    flow.take(1000)
    assert flow.client.taken == b"a" * 60 + b"b" * 40


async def test_past_the_memory_a_client_that_is_quickly_back_needs_no_file() -> None:
    flow = Flow()
    flow.send(b"a" * 60, b"b" * 60)
    assert flow.upstream.paused
    flow.take(1000)
    await flow.lose_patience()
    assert not flow.upstream.paused
    assert flow.client.events == []


async def test_a_slow_client_has_the_rest_go_to_a_file_in_order() -> None:
    flow = Flow()
    flow.send(b"a" * 60, b"b" * 60)
    await flow.lose_patience()
    assert not flow.upstream.paused
    assert flow.client.events == ["response_buffered"]
    flow.send(b"c" * 500, b"d" * 500)
    assert repr(flow.reservoir) == "<Reservoir memory=0 file=1120>"
    flow.take(1)
    flow.send(b"e" * 10)
    flow.take(10_000)
    assert flow.client.taken == b"a" * 60 + b"b" * 60 + b"c" * 500 + b"d" * 500 + b"e" * 10
    assert repr(flow.reservoir) == "<Reservoir memory=0 file=0>"
    flow.reservoir.close()


async def test_past_the_file_the_upstream_waits_until_the_client_has_taken_it() -> None:
    flow = Flow(file=200)
    flow.send(b"a" * 150)
    await flow.lose_patience()
    flow.send(b"b" * 150, b"c" * 60)
    assert not flow.upstream.paused
    flow.send(b"d" * 60)
    assert flow.upstream.paused
    await flow.lose_patience()
    assert flow.upstream.paused
    flow.take(10_000)
    assert not flow.upstream.paused
    assert flow.client.taken == b"a" * 150 + b"b" * 150 + b"c" * 60 + b"d" * 60
    flow.reservoir.close()


async def test_without_a_file_the_upstream_waits_past_the_memory() -> None:
    flow = Flow(file=0)
    flow.send(b"a" * 150)
    await flow.lose_patience()
    assert flow.upstream.paused
    assert flow.client.events == []


async def test_where_the_file_cannot_be_written_the_upstream_waits_and_it_is_logged_once(tmp_path: Path) -> None:
    no_directory = tmp_path / "file"
    no_directory.write_text("")
    flow = Flow(directory=no_directory)
    flow.send(b"a" * 150)
    await flow.lose_patience()
    assert flow.upstream.paused
    flow.take(10_000)
    assert not flow.upstream.paused
    flow.client.paused = True
    flow.send(b"b" * 150)
    await flow.lose_patience()
    assert flow.upstream.paused
    assert flow.client.events == ["temp_file_failed"]
    flow.take(10_000)
    assert flow.client.taken == b"a" * 150 + b"b" * 150


async def test_the_end_waits_for_the_client() -> None:
    flow = Flow()
    flow.send(b"a" * 50)
    flow.reservoir.end(())
    assert flow.client.over == ""
    flow.take(10)
    assert flow.client.over == "ended"


async def test_a_break_lets_the_client_have_what_came_first() -> None:
    flow = Flow()
    flow.send(b"a" * 50)
    flow.reservoir.fail()
    flow.take(100)
    assert (flow.client.taken, flow.client.over) == (b"a" * 50, "failed")


async def test_for_a_client_that_has_left_nothing_is_held() -> None:
    flow = Flow(file=0)
    flow.send(b"a" * 150)
    flow.reservoir.discard()
    flow.send(b"b" * 150)
    assert repr(flow.reservoir) == "<Reservoir memory=0 file=0>"
    assert not flow.upstream.paused
    flow.reservoir.end(())
    assert flow.client.over == "ended"


async def test_the_file_is_gone_with_the_exchange(tmp_path: Path) -> None:
    flow = Flow(directory=tmp_path / "new" / "proxy_temp")
    flow.send(b"a" * 150)
    await flow.lose_patience()
    assert list((tmp_path / "new" / "proxy_temp").iterdir()) == []
    flow.reservoir.close()
