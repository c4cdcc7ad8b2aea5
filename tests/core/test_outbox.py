"""Small writes go out at the end of the turn, in their order, and nothing overtakes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from pyngx.core.outbox import SMALL, TOGETHER, Outbox


class Wire(asyncio.Transport):
    """Writes down what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[object] = []
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.asked.append(bytes(data))

    def writelines(self, parts: object) -> None:
        self.asked.append(parts)

    def write_eof(self) -> None:
        self.asked.append("eof")

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.asked.append("close")

    def abort(self) -> None:
        self.asked.append("abort")

    def get_write_buffer_size(self) -> int:
        return 7

    def pause_reading(self) -> None:
        self.asked.append("pause")

    def resume_reading(self) -> None:
        self.asked.append("resume")


async def turn() -> None:
    """Let the loop go round once."""
    await asyncio.sleep(0)


async def test_small_writes_wait_for_the_end_of_the_turn() -> None:
    wire = Wire()
    transport = Outbox().cork(wire)
    transport.write(b"a")
    transport.write(b"b")
    assert wire.asked == []
    await turn()
    assert wire.asked == [b"ab"]
    transport.write(b"c")
    await turn()
    assert wire.asked == [b"ab", b"c"]


async def test_transports_are_served_in_the_order_of_their_first_write() -> None:
    order: list[int] = []
    outbox = Outbox()

    class Numbered(Wire):
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

        def write(self, data: bytes | bytearray | memoryview) -> None:
            order.append(self.number)

    transports = [outbox.cork(Numbered(number)) for number in range(3)]
    for number in (1, 0, 2, 1):
        transports[number].write(b"x")
    await turn()
    assert order == [1, 0, 2]


async def test_no_more_than_a_few_wait_for_each_other() -> None:
    outbox = Outbox()
    wires = [Wire() for _ in range(TOGETHER)]
    for wire in wires:
        assert not wire.asked
        outbox.cork(wire).write(b"x")
    assert all(wire.asked == [b"x"] for wire in wires)


async def test_large_writes_go_out_at_once_behind_what_is_held() -> None:
    wire = Wire()
    transport = Outbox().cork(wire)
    large = bytes(SMALL + 1)
    transport.write(large)
    assert wire.asked == [large]
    transport.write(b"head")
    transport.write(large)
    assert wire.asked == [large, b"head" + large]


@pytest.mark.parametrize(
    ("act", "asked"),
    [
        (lambda transport: transport.close(), "close"),
        (lambda transport: transport.abort(), "abort"),
        (lambda transport: transport.write_eof(), "eof"),
        (lambda transport: transport.writelines([b"b"]), [b"b"]),
    ],
)
async def test_nothing_overtakes(act: Callable[[asyncio.Transport], None], asked: object) -> None:
    wire = Wire()
    transport = Outbox().cork(wire)
    transport.write(b"a")
    act(transport)
    assert wire.asked == [b"a", asked]


async def test_the_size_of_the_buffer_counts_what_was_held() -> None:
    wire = Wire()
    transport = Outbox().cork(wire)
    transport.write(b"a")
    assert transport.get_write_buffer_size() == 7
    assert wire.asked == [b"a"]


async def test_a_transport_that_closes_meanwhile_gets_nothing() -> None:
    wire = Wire()
    Outbox().cork(wire).write(b"a")
    wire.closing = True
    await turn()
    assert wire.asked == []
