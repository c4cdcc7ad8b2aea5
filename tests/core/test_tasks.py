"""Tasks are held, named and reported."""

from __future__ import annotations

import asyncio

from pyngx.core.tasks import Tasks


async def _fail() -> None:
    raise ValueError("broken")


async def test_a_task_is_held_until_it_ends() -> None:
    tasks = Tasks(lambda name, error: None)
    done = asyncio.Event()

    async def wait() -> None:
        await done.wait()

    task = tasks.spawn(wait(), "wait for it")
    assert repr(tasks) == "<Tasks ['wait for it']>"
    done.set()
    await task
    await asyncio.sleep(0)
    assert repr(tasks) == "<Tasks []>"


async def test_an_unexpected_exception_is_reported_with_the_name() -> None:
    reports: list[str] = []
    tasks = Tasks(lambda name, error: reports.append(f"{name}: {error}"))
    await asyncio.wait([tasks.spawn(_fail(), "doomed")])
    assert reports == ["doomed: broken"]


async def test_closing_cancels_what_runs() -> None:
    reports: list[str] = []
    tasks = Tasks(lambda name, error: reports.append(name))
    task = tasks.spawn(asyncio.sleep(60), "sleeper")
    await tasks.close()
    assert task.cancelled()
    assert reports == []
