"""Bytes at a limited rate."""

from __future__ import annotations

import asyncio
import time

from pyngx.core.trickle import Trickle


class Recorder:
    """A source, and who takes the bytes."""

    def __init__(self) -> None:
        self.paused = False
        self.taken = b""
        self.over = asyncio.Event()

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def take(self, data: bytes) -> None:
        self.taken += data


def trickle(recorder: Recorder, rate: int, started: float | None = None) -> Trickle:
    made = Trickle(recorder, started)
    made.rate = rate
    made.forward = recorder.take
    return made


async def test_the_first_seconds_share_goes_at_once_and_the_rest_waits_with_its_source() -> None:
    recorder = Recorder()
    limited = trickle(recorder, 1000)
    limited.write(b"x" * 1100)
    assert 1000 <= len(recorder.taken) < 1050
    assert recorder.paused
    limited.stop()


async def test_what_goes_ahead_does_not_count() -> None:
    recorder = Recorder()
    limited = trickle(recorder, 1000)
    limited.after = 4000
    limited.write(b"x" * 4000)
    assert (len(recorder.taken), recorder.paused) == (4000, False)


async def test_no_rate_is_no_limit() -> None:
    recorder = Recorder()
    trickle(recorder, 0).write(b"x" * 10**6)
    assert (len(recorder.taken), recorder.paused) == (10**6, False)


async def test_what_waits_follows_in_time_and_then_the_source_goes_on() -> None:
    recorder = Recorder()
    limited = trickle(recorder, 10_000, time.monotonic() - 1)
    limited.sent = 20_000  # the allowance is used up
    limited.write(b"x" * 500)
    assert recorder.taken == b""
    begun = time.monotonic()
    limited.when_empty(recorder.over.set)
    async with asyncio.timeout(5):
        await recorder.over.wait()
    assert len(recorder.taken) == 500
    assert time.monotonic() - begun >= 0.045


async def test_nothing_goes_on_while_the_taker_is_stalled() -> None:
    recorder = Recorder()
    limited = trickle(recorder, 0)
    limited.stall()
    limited.write(b"abc")
    assert (recorder.taken, recorder.paused) == (b"", True)
    limited.flow()
    assert (recorder.taken, recorder.paused) == (b"abc", False)


async def test_an_end_waits_for_what_waits() -> None:
    recorder = Recorder()
    limited = trickle(recorder, 0)
    limited.stall()
    limited.write(b"abc")
    limited.when_empty(lambda: recorder.take(b"."))
    assert recorder.taken == b""
    limited.flow()
    assert recorder.taken == b"abc."
