import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pyngx.process.log_files import LogFile, LogFiles, LogLoss

Action = Callable[[], None]


class Timer:
    """Notes what is to be done later, and does it when told."""

    def __init__(self) -> None:
        self.planned: list[tuple[float, Action]] = []

    def __call__(self, seconds: float, action: Action) -> object:
        self.planned.append((seconds, action))
        return None

    def fire(self) -> None:
        planned, self.planned = self.planned, []
        for _, action in planned:
            action()


def test_a_line_is_in_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"old\n")
    file = LogFile(str(path))
    file.write(b"new\n")
    assert path.read_bytes() == b"old\nnew\n"
    file.close()


def test_a_buffer_is_written_when_the_next_line_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    file = LogFile(str(path))
    file.keep_back(10)
    file.write(b"12345\n")
    assert path.read_bytes() == b""
    file.write(b"6789\n")
    assert path.read_bytes() == b"12345\n"
    file.close()
    assert path.read_bytes() == b"12345\n6789\n"


def test_a_line_longer_than_the_buffer_keeps_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    file = LogFile(str(path))
    file.keep_back(4)
    file.write(b"1\n")
    file.write(b"longer\n")
    assert path.read_bytes() == b"1\nlonger\n"
    file.close()


def test_a_buffer_is_written_after_its_time_and_planned_once(tmp_path: Path) -> None:
    path, timer = tmp_path / "a.log", Timer()
    file = LogFile(str(path), later=timer)
    file.keep_back(1000, 5.0)
    file.write(b"1\n")
    file.write(b"2\n")
    assert [seconds for seconds, _ in timer.planned] == [5.0]
    timer.fire()
    assert path.read_bytes() == b"1\n2\n"
    file.write(b"3\n")
    assert len(timer.planned) == 1
    file.close()


def test_an_error_goes_past_the_buffer(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    file = LogFile(str(path))
    file.keep_back(1000)
    file.write(b"access\n")
    file.write_now(b"error\n")
    assert path.read_bytes() == b"error\n"
    file.close()


def test_after_rotation_reopen_writes_the_new_file_and_the_buffer_goes_to_the_old(tmp_path: Path) -> None:
    path, old = tmp_path / "a.log", tmp_path / "a.log.1"
    file = LogFile(str(path))
    file.keep_back(1000)
    file.write(b"before\n")
    path.rename(old)
    file.reopen()
    file.keep_back(0)
    file.write(b"after\n")
    assert (old.read_bytes(), path.read_bytes()) == (b"before\n", b"after\n")
    file.close()


def test_a_failed_reopen_keeps_the_old_file_and_tells(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    losses: list[LogLoss] = []
    file = LogFile(str(folder / "a.log"), losses.append)
    folder.rename(tmp_path / "moved")
    file.reopen()
    file.write(b"still\n")
    assert (tmp_path / "moved" / "a.log").read_bytes() == b"still\n"
    assert [loss.error.errno for loss in losses] == [errno.ENOENT]
    file.close()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_told_once_and_the_lost_lines_are_counted() -> None:
    losses: list[LogLoss] = []
    file = LogFile("/dev/full", losses.append)
    for _ in range(3):
        file.write(b"x\n")
    assert [(loss.path, loss.error.errno) for loss in losses] == [("/dev/full", errno.ENOSPC)]
    assert repr(file) == "<LogFile /dev/full open pending=0 lost=3>"
    file.close()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_lost_lines_of_a_buffer_are_counted_one_by_one() -> None:
    file = LogFile("/dev/full", lambda loss: None)
    file.keep_back(100)
    file.write(b"1\n")
    file.write(b"2\n")
    file.close()
    assert file.lost == 2


def test_a_line_that_was_begun_is_ended_before_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.log"
    file = LogFile(str(path), lambda loss: None)
    write, room = os.write, 7

    def write_into_little_room(fd: int, data: bytes) -> int:
        nonlocal room
        if not room:
            raise OSError(errno.EDQUOT, "no room")
        data = data[:room]
        room -= len(data)
        return write(fd, data)

    monkeypatch.setattr(os, "write", write_into_little_room)
    file.write(b"1234\n")
    file.write(b"5678\n")
    file.write(b"lost\n")
    room = 100
    file.write(b"9\n")
    file.write(b"10\n")
    file.close()
    assert path.read_bytes() == b"1234\n56\n9\n10\n"
    assert file.lost == 2


def test_standard_streams_have_names_and_stay_open(capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("stdout", "/dev/stdout", "stderr", "/dev/stderr"):
        file = LogFile(name)
        file.reopen()
        file.write(f"{name}\n".encode())
        file.close()
    os.fstat(1)
    os.fstat(2)
    assert capfd.readouterr() == ("stdout\n/dev/stdout\n", "stderr\n/dev/stderr\n")


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        LogFiles().lease().open(str(tmp_path / "none" / "a.log"))


def test_a_reload_adopts_open_files_and_closes_unused_ones(tmp_path: Path) -> None:
    files = LogFiles()
    kept, gone = str(tmp_path / "kept.log"), str(tmp_path / "gone.log")
    old = files.lease()
    first, second = old.open(kept), old.open(gone)
    assert old.open(kept) is first
    new = files.lease()
    assert new.open(kept) is first
    old.close()
    old.close()
    assert files.paths() == (kept,)
    assert repr(second).startswith(f"<LogFile {gone} closed")
    first.write(b"alive\n")
    new.close()
    assert files.paths() == ()


def test_all_open_files_are_reopened_and_flushed_together(tmp_path: Path) -> None:
    files = LogFiles()
    lease = files.lease()
    path = tmp_path / "a.log"
    lease.open(str(path)).keep_back(100)
    lease.open(str(path)).write(b"1\n")
    files.flush()
    assert path.read_bytes() == b"1\n"
    path.unlink()
    files.reopen()
    assert path.exists()
    lease.close()
