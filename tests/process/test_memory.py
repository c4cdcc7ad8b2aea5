import asyncio
import gc
import weakref

import pytest

from pyngx.process import memory
from pyngx.process.memory import Tidying, collector_resting


class Ring:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.itself = self


def test_the_collector_rests_until_the_work_is_done_or_has_failed() -> None:
    with collector_resting():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ValueError), collector_resting():
        raise ValueError
    assert gc.isenabled()


async def test_what_was_replaced_is_freed_soon_even_in_a_storm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "PATIENCE", 0.02)
    ring = Ring()
    freed = asyncio.Event()
    weakref.finalize(ring, freed.set)
    del ring
    gc.freeze()
    tidying = Tidying()
    try:
        async with asyncio.timeout(5):
            while not freed.is_set():
                tidying.plan()
                await asyncio.sleep(0)
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
