"""Watching the configuration: says what was saved, once it is whole, well within half a second.

watchfiles says that something moved in a folder; `WatchedFiles` says whether it matters. Now and then it is asked
without any event, for file systems that send none, and for what happened between two arrangements of the watch.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from time import monotonic

from watchfiles import awatch

from pyngx.process.watched_files import Watched, WatchedFiles


@dataclass(frozen=True, slots=True)
class Pace:
    """Milliseconds: how long the folder must be quiet, how long we wait for that at most, how often we look unasked."""

    quiet: int = 50
    at_most: int = 200
    look: int = 250
    looks_without_events: int = 8
    half_written: int = 100


class Watcher:
    """Yields the paths that changed, from `changes()`, until it is told to stop."""

    def __init__(self, watched: Watched, pace: Pace | None = None) -> None:
        self._files = WatchedFiles()
        self._pace = pace or Pace()
        self._next: Watched | None = watched
        self._stopped = False
        # Set to leave the present arrangement of folders: there is a new one, or none.
        self._leave = asyncio.Event()

    def follow(self, watched: Watched) -> None:
        """After a reload, whoever asked for it: watch what it was read from. A change since that reading is noticed."""
        self._next = watched
        self._leave.set()

    def stop(self) -> None:
        self._stopped = True
        self._leave.set()

    async def changes(self) -> AsyncGenerator[tuple[str, ...], None]:
        """Close it (contextlib.aclosing) in the task that iterates."""
        while not self._stopped:
            self._leave = asyncio.Event()
            folders = await asyncio.to_thread(self._arrange)
            async with aclosing(self._stirrings(folders)) as stirrings:
                async for _ in stirrings:
                    changed = await self._settled_changes()
                    if changed and not self._leave.is_set():
                        # Before the reader reads: what is written from now on is another change.
                        self._files.accept()
                        yield changed
                    if self._leave.is_set() or await asyncio.to_thread(self._files.folders) != folders:
                        break

    async def _stirrings(self, folders: dict[str, tuple[int, int]]) -> AsyncGenerator[None, None]:
        """Each time to look: at first, at an event, and after a while without one."""
        yield
        pace = self._pace
        # The first look without an event is for what happened while the watch was being arranged.
        due = monotonic() + pace.look / 1000
        arranged = awatch(
            *folders,
            # A log that is written all the time in such a folder makes events without end, and then no time is quiet.
            watch_filter=lambda _, path: monotonic() >= due or self._files.concerns(path),
            debounce=pace.at_most,
            step=pace.quiet,
            stop_event=self._leave,
            rust_timeout=pace.look,
            yield_on_timeout=True,
            recursive=False,
            ignore_permission_denied=True,
        )
        try:
            async with aclosing(arranged) as batches:
                async for batch in batches:
                    is_due = monotonic() >= due
                    if batch or is_due:
                        due = monotonic() + pace.look / 1000 * (pace.looks_without_events if is_due else 1)
                        yield
        except (OSError, RuntimeError):
            # A folder went away in between, or the system has no watches left: look all the same.
            await asyncio.sleep(pace.look / 1000)
            yield

    async def _settled_changes(self) -> tuple[str, ...]:
        changed = await asyncio.to_thread(self._files.compare)
        if any(changed.values()):
            # Editors that empty or delete a file first fill it at once; reading it now would be an error for nothing.
            await asyncio.sleep(self._pace.half_written / 1000)
            changed = await asyncio.to_thread(self._files.compare)
        return tuple(sorted(changed))

    def _arrange(self) -> dict[str, tuple[int, int]]:
        watched, self._next = self._next, None
        if watched is not None:
            self._files.follow(watched)
        return self._files.folders()
