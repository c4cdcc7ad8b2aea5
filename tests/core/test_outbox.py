from __future__ import annotations

import asyncio
from typing import cast

from pyngx.core.outbox import ENOUGH, Outbox


class FakeTransport:
    """Notes each call that would be one of the system's."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def writelines(self, parts: list[bytes]) -> None:
        self.calls.append(b"".join(parts))

    def is_closing(self) -> bool:
        return self.closing


def make() -> tuple[FakeTransport, Outbox]:
    transport = FakeTransport()
    return transport, Outbox(asyncio.get_running_loop(), cast("asyncio.Transport", transport))


async def test_what_is_said_in_one_go_is_written_at_once() -> None:
    transport, outbox = make()
    outbox.write(b"a")
    outbox.writelines((b"b", b"c"))
    assert transport.calls == []
    outbox.flush()
    assert transport.calls == [b"abc"]


async def test_nothing_waits_for_longer_than_a_turn_of_the_loop() -> None:
    transport, outbox = make()
    outbox.write(b"a")
    outbox.write(b"b")
    await asyncio.sleep(0)
    assert transport.calls == [b"ab"]
    outbox.write(b"c")
    await asyncio.sleep(0)
    assert transport.calls == [b"ab", b"c"]


async def test_much_doesn_t_wait_at_all() -> None:
    transport, outbox = make()
    outbox.write(b"head")
    outbox.write(bytes(ENOUGH))
    assert transport.calls == [b"head" + bytes(ENOUGH)]
    await asyncio.sleep(0)
    assert len(transport.calls) == 1


async def test_what_nobody_takes_any_more_is_dropped() -> None:
    transport, outbox = make()
    outbox.write(b"a")
    transport.closing = True
    await asyncio.sleep(0)
    assert transport.calls == []
