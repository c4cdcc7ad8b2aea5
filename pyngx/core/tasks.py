"""The one way to start a task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

Work = Coroutine[object, object, None]
Spawn = Callable[[Work, str], asyncio.Task[None]]


class Tasks:
    """The tasks that run: held until they end, as the event loop itself keeps weak references only.

    What a task dies of, other than cancellation, goes to `report` with the task's name.
    """

    def __init__(self, report: Callable[[str, BaseException], None]) -> None:
        self._report = report
        self._running: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Tasks {sorted(task.get_name() for task in self._running)}>"

    def spawn(self, work: Work, name: str) -> asyncio.Task[None]:
        """Start `work` as a task of that name."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """Cancel what still runs, and wait until it has ended."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._report(task.get_name(), error)
