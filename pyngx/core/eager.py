"""Coroutines that run until they have to wait: most requests never become a task."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from types import coroutine
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from pyngx.core.tasks import Spawn


def start_eagerly(work: Coroutine[object, None, None], spawn: Spawn, name: str) -> asyncio.Task[None] | None:
    """Run at once up to the first wait, and the rest in a task; None if there was nothing to wait for.

    Before its first wait, the work has no current task: what needs one (timeouts, task groups) has to come after it.
    """
    try:
        waited = work.send(None)
    except StopIteration:
        return None
    return spawn(_finish(work, waited), name)


async def _finish(work: Coroutine[object, None, None], waited: object) -> None:
    await _rest(work, waited)


@coroutine
def _rest(work: Coroutine[object, None, None], waited: object) -> Generator[object, None, None]:
    """What is left of a coroutine that waits for `waited` already."""
    try:
        while True:
            try:
                yield waited
            except BaseException as error:  # a cancellation, or what the future failed with
                waited = work.throw(error)
            else:
                waited = work.send(None)
    except StopIteration:
        return
