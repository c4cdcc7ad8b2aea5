from __future__ import annotations

import asyncio

import pytest

from pyngx.core.eager import start_eagerly
from tests.support.configure import spawn


async def test_what_needn_t_wait_is_over_at_once() -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    assert start_eagerly(work(), spawn, "work") is None
    assert done == [1]


async def test_what_waits_goes_on_in_a_task() -> None:
    done: list[object] = []
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        done.append(await future)
        await asyncio.sleep(0)
        async with asyncio.timeout(1):
            await asyncio.sleep(0.001)
        done.append("end")

    task = start_eagerly(work(), spawn, "work")
    assert task is not None
    assert done == []
    future.set_result(1)
    await task
    assert done == [1, "end"]


async def test_what_it_waits_for_may_fail() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    done: list[str] = []

    async def work() -> None:
        with pytest.raises(OSError, match="no"):
            await future
        done.append("went on")

    task = start_eagerly(work(), spawn, "work")
    assert task is not None
    future.set_exception(OSError("no"))
    await task
    assert done == ["went on"]


async def test_it_can_be_cancelled() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            ended.append("cleaned up")

    task = start_eagerly(work(), spawn, "work")
    assert task is not None
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["cleaned up"]


async def test_a_fault_before_the_first_wait_is_the_callers() -> None:
    async def work() -> None:
        raise ValueError("fault")

    with pytest.raises(ValueError, match="fault"):
        start_eagerly(work(), spawn, "work")
