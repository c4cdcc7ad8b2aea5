import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import watchfiles

from pyngx.process import watch
from pyngx.process.watch import Pace, Watcher
from pyngx.process.watched_files import Watched

# Nothing is found by looking unasked: these tests are about events.
EVENTS_ONLY = Pace(look=50, looks_without_events=1_000_000)


class Seen:
    """Collects what a watcher yields."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self.queue: asyncio.Queue[tuple[str, ...]] = asyncio.Queue()

    async def collect(self) -> None:
        async with aclosing(self.watcher.changes()) as changes:
            async for changed in changes:
                self.queue.put_nowait(changed)

    async def next(self) -> tuple[str, ...]:
        return await asyncio.wait_for(self.queue.get(), 5)

    async def nothing(self, seconds: float = 0.3) -> bool:
        await asyncio.sleep(seconds)
        return self.queue.empty()


@asynccontextmanager
async def watching(*files: Path, mask: str = "", pace: Pace = EVENTS_ONLY) -> AsyncIterator[Seen]:
    watcher = Watcher(Watched({str(path): None for path in files}, (mask,) if mask else ()), pace)
    seen = Seen(watcher)
    task = asyncio.ensure_future(seen.collect())
    # Until the folders are being watched and the first look is done.
    await asyncio.sleep(0.15)
    yield seen
    watcher.stop()
    await asyncio.wait_for(task, 5)


def rename_over(path: Path) -> None:
    draft = path.with_suffix(".tmp")
    draft.write_text("new")
    draft.replace(path)


def move_away_and_write(path: Path) -> None:
    path.rename(path.with_suffix(".bak"))
    path.write_text("new")


def delete_and_create(path: Path) -> None:
    path.unlink()
    time.sleep(0.03)
    path.write_text("new")


def empty_and_fill(path: Path) -> None:
    with path.open("w") as file:
        file.flush()
        time.sleep(0.08)
        file.write("new")


@pytest.mark.parametrize(
    "save", [lambda path: path.write_text("new"), rename_over, move_away_and_write, delete_and_create, empty_and_fill]
)
async def test_every_way_to_save_is_one_change_in_time(save: Callable[[Path], object], tmp_path: Path) -> None:
    conf = tmp_path / "a.conf"
    conf.write_text("old")
    async with watching(conf) as seen:
        await asyncio.to_thread(save, conf)
        assert await seen.next() == (str(conf),)
        assert conf.read_text() == "new"
        assert await seen.nothing(0.25)


async def test_a_swapped_link_is_a_change(tmp_path: Path) -> None:
    for number in ("1", "2"):
        (tmp_path / f"..{number}").mkdir()
        (tmp_path / f"..{number}" / "a.conf").write_text(number)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "a.conf").symlink_to("..data/a.conf")
    async with watching(tmp_path / "a.conf") as seen:
        (tmp_path / "..new").symlink_to("..2")
        (tmp_path / "..new").replace(tmp_path / "..data")
        assert await seen.next() == (f"{tmp_path}/a.conf",)
        (tmp_path / "..2" / "a.conf").write_text("2, edited")
        assert await seen.next() == (f"{tmp_path}/a.conf",)


async def test_a_folder_that_appears_later_is_watched(tmp_path: Path) -> None:
    async with watching(mask=f"{tmp_path}/x/y/*.conf") as seen:
        (tmp_path / "x" / "y").mkdir(parents=True)
        await asyncio.sleep(0.2)
        (tmp_path / "x" / "y" / "a.conf").write_text("a")
        assert await seen.next() == (f"{tmp_path}/x/y/a.conf",)


async def test_a_folder_that_is_replaced_is_watched(tmp_path: Path) -> None:
    for name in ("now", "next"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.conf").write_text(name)
    async with watching(tmp_path / "now" / "a.conf") as seen:
        (tmp_path / "now").rename(tmp_path / "old")
        (tmp_path / "next").rename(tmp_path / "now")
        assert await seen.next() == (f"{tmp_path}/now/a.conf",)
        await asyncio.sleep(0.1)
        (tmp_path / "now" / "a.conf").write_text("edited")
        assert await seen.next() == (f"{tmp_path}/now/a.conf",)


async def test_own_logs_in_the_same_folder_and_idle_saves_are_no_change(tmp_path: Path) -> None:
    conf = tmp_path / "a.conf"
    conf.write_text("a")
    async with watching(conf, mask=f"{tmp_path}/*.conf") as seen:
        for _ in range(20):
            with (tmp_path / "error.log").open("a") as log:
                log.write("line\n")
            os.utime(conf)
            await asyncio.sleep(0.02)
        assert await seen.nothing()


async def test_a_save_is_noticed_well_within_half_a_second(tmp_path: Path) -> None:
    conf = tmp_path / "a.conf"
    conf.write_text("a")
    seconds = []
    async with watching(conf, pace=Pace()) as seen:
        for number in range(3):
            saved = time.monotonic()
            conf.write_text(str(number))
            await seen.next()
            seconds.append(time.monotonic() - saved)
    # The quickest of three: other processes may take the machine for a while.
    assert min(seconds) < 0.3


async def test_a_change_is_noticed_in_time_beside_a_busy_log(tmp_path: Path) -> None:
    conf = tmp_path / "a.conf"
    conf.write_text("a")

    async def keep_logging() -> None:
        while True:
            (tmp_path / "access.log").write_text("line\n")
            await asyncio.sleep(0.01)

    async with watching(conf) as seen:
        logging = asyncio.ensure_future(keep_logging())
        conf.write_text("b")
        saved = time.monotonic()
        await seen.next()
        logging.cancel()
        assert time.monotonic() - saved < 1


async def test_a_reload_changes_what_is_watched(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "a.conf", tmp_path / "b" / "b.conf"
    for path in (first, second):
        path.parent.mkdir()
        path.write_text("a")
    async with watching(first) as seen:
        seen.watcher.follow(Watched({str(second): b"a"}))
        await asyncio.sleep(0.3)
        first.write_text("b")
        second.write_text("b")
        assert await seen.next() == (str(second),)
        assert await seen.nothing(0.2)


async def test_without_events_changes_are_found_by_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_watches_left(*_: object, **__: object) -> AsyncIterator[set[object]]:
        raise OSError(28, "no space left on device")
        yield set()

    monkeypatch.setattr("pyngx.process.watch.awatch", no_watches_left)
    conf = tmp_path / "a.conf"
    conf.write_text("a")
    async with watching(conf) as seen:
        conf.write_text("b")
        assert await seen.next() == (str(conf),)


async def test_a_cancelled_watch_ends_at_once(tmp_path: Path) -> None:
    seen = Seen(Watcher(Watched({str(tmp_path / "a.conf"): None})))
    task = asyncio.ensure_future(seen.collect())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 2)


async def test_what_is_saved_while_the_watch_is_arranged_is_found_though_a_log_never_rests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = tmp_path / "a.conf"
    conf.write_text("a")
    arrange = watch.awatch

    def save_and_arrange(*folders: str, **options: Any) -> AsyncGenerator[set[tuple[watchfiles.Change, str]], None]:
        conf.write_text("b")
        return arrange(*folders, **options)

    async def log() -> None:
        while True:
            (tmp_path / "error.log").write_text("line\n")
            await asyncio.sleep(0.01)

    monkeypatch.setattr(watch, "awatch", save_and_arrange)
    logging = asyncio.ensure_future(log())
    async with watching(conf) as seen:
        assert await seen.next() == (str(conf),)
    logging.cancel()
