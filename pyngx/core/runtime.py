"""What outlives a generation: peers, zones, pools, log files; kept under keys and adopted by the next."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Hashable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from pyngx.core.census import Census, Uncounted
from pyngx.core.files_read import FilesRead
from pyngx.http.dates import PerSecond, format_http_date

if TYPE_CHECKING:
    from pyngx.core.generation import Generation
    from pyngx.core.logs import Log, Logs
    from pyngx.core.ports import Transport

T = TypeVar("T")

Closing = Coroutine[object, object, None]
Close = Callable[[T], Closing | None]
"""What ends a thing that was kept; a coroutine runs as a task, and the process waits for it before it ends."""


def random_ids() -> Iterator[str]:
    """Names of 32 hexadecimal digits; the system is asked for 256 of them at once."""
    while True:
        block = os.urandom(4096).hex()
        for at in range(0, len(block), 32):
            yield block[at : at + 32]


@dataclass(slots=True)
class _Kept:
    value: object
    close: Callable[[], Closing | None] | None


@dataclass(slots=True)
class Runtime:
    """State by key. A generation claims what it needs while it is built; what no living generation claims is closed."""

    prefix: str  # relative paths of the configuration start here
    conf_prefix: str  # relative paths of files that the configuration reads, where nginx looks beside the main file
    logs: Logs
    log: Log  # for what concerns no request
    transport: Transport  # to upstreams
    spawn: Callable[[Coroutine[object, object, None], str], asyncio.Task[None]]
    testing: bool = False  # `-t`: nothing is opened for good
    files: FilesRead = field(default_factory=FilesRead)  # by the build under way, or the last one
    request_ids: Iterator[str] = field(default_factory=random_ids)
    http_date: PerSecond[bytes] = field(default_factory=lambda: PerSecond(format_http_date))
    _kept: dict[Hashable, _Kept] = field(default_factory=dict)
    census: Census = field(default_factory=Uncounted)
    _ended_requests: int = 0  # of generations that have ended
    _living: list[Generation] = field(default_factory=list)
    _closing: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def exchanges(self) -> int:
        """How many are under way."""
        return sum(generation.exchanges for generation in self._living)

    @property
    def requests(self) -> int:
        """How many there were since the start."""
        return self._ended_requests + sum(generation.opened for generation in self._living)

    def claim(self, key: Hashable, make: Callable[[], T], close: Close[T] | None = None) -> T:
        """What is kept under a key, made now if nothing is."""
        kept = self._kept.get(key)
        if kept is None:
            value = make()
            closer = (lambda: close(value)) if close is not None else None
            self._kept[key] = kept = _Kept(value, closer)
        return kept.value  # type: ignore[return-value] # a key belongs to one type

    def commit(self, generation: Generation) -> None:
        """A generation is in force; the ones before it end with their last exchange."""
        others = [older for older in self._living if older is not generation]
        for older in others:
            older.retired = True
        self._living = [older for older in others if older.exchanges]
        self._ended_requests += sum(older.opened for older in others if not older.exchanges)
        self._living.append(generation)
        self.sweep()

    def hold(self, generation: Generation) -> None:
        """A generation gets ready: what it claims isn't closed when an older one ends meanwhile."""
        self._living.append(generation)

    def release(self, generation: Generation) -> None:
        """A generation has ended, or isn't going to be put in force."""
        if generation in self._living:
            self._living.remove(generation)
            self._ended_requests += generation.opened
            self.sweep()

    def sweep(self) -> None:
        """Close what no living generation claims."""
        claimed = frozenset[object]().union(*(generation.claims for generation in self._living))
        for key in [key for key in self._kept if key not in claimed]:
            kept = self._kept.pop(key)
            if kept.close is not None and (work := kept.close()) is not None:
                task = self.spawn(work, f"close {key}")
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """The process ends: close all that is kept, and wait for what takes its time."""
        self._living.clear()
        self.sweep()
        if self._closing:
            await asyncio.wait(self._closing)
