from __future__ import annotations

import asyncio

from pyngx.core.deadline import Deadline

TICK = 0.02


async def run(steps: list[tuple[float, str]]) -> int:
    """How often it expired; each step is done after so many ticks."""
    expired = 0

    def expire() -> None:
        nonlocal expired
        expired += 1

    deadline = Deadline(asyncio.get_running_loop(), expire)
    deadline.set(2 * TICK)
    for ticks, step in steps:
        await asyncio.sleep(ticks * TICK)
        match step:
            case "touch":
                deadline.touch()
            case "stop":
                deadline.stop()
            case "sooner":
                deadline.set(TICK)
            case "later":
                deadline.set(9 * TICK)
            case "close":
                deadline.close()
    return expired


async def test_it_expires_once_and_a_touch_doesn_t_wake_it_again() -> None:
    assert await run([(3, "touch"), (3, "")]) == 1


async def test_signs_of_life_move_it_on() -> None:
    assert await run([(1, "touch"), (1, "touch"), (1, "touch"), (1, "")]) == 0


async def test_stopped_or_closed_it_never_expires() -> None:
    assert await run([(1, "stop"), (3, "")]) == 0
    assert await run([(1, "close"), (3, "")]) == 0


async def test_it_may_be_set_sooner_and_later() -> None:
    assert await run([(0, "later"), (3, "sooner"), (2, "")]) == 1
    assert await run([(1, "later"), (4, "")]) == 0
