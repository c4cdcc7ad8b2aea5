"""The end of the process: at once, or when what is under way has ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyngx.core.runtime import Runtime
    from pyngx.core.tasks import Tasks
    from pyngx.process.logs import Log
    from pyngx.server.listeners import Listeners

LAST_WAIT = 5.0
"""Seconds for state and tasks to end, once all connections have."""


class Shutdown:
    """Asked for once gracefully, and perhaps again by who has no patience."""

    def __init__(self, log: Log) -> None:
        self.asked = asyncio.Event()
        self.graceful = True
        self._at_once = asyncio.Event()
        self._log = log

    def ask(self, *, graceful: bool) -> None:
        if not graceful:
            self.graceful = False
            self._at_once.set()
        self.asked.set()

    async def close(self, listeners: Listeners, patience: float | None) -> None:
        """Close all listeners and connections; a graceful end may take `patience` seconds (None: any time)."""
        if self.graceful:
            ending = asyncio.ensure_future(listeners.shutdown(patience))
            impatient = asyncio.ensure_future(self._at_once.wait())
            await asyncio.wait([ending, impatient], return_when=asyncio.FIRST_COMPLETED)
            impatient.cancel()
            if ending.done():
                ending.result()
                return
            await listeners.shutdown(0)
            await ending
        else:
            await listeners.shutdown(0)

    async def finish(self, runtime: Runtime, tasks: Tasks) -> None:
        """Close what outlives generations, then idle connections to upstreams, then end all tasks."""
        ends = (("state", runtime.close()), ("connections", runtime.transport.close()), ("tasks", tasks.close()))
        for name, work in ends:
            try:
                await asyncio.wait_for(work, LAST_WAIT)
            except TimeoutError:
                self._log.error("close_timed_out", message=f"{name} did not end within {LAST_WAIT:.0f} s")
