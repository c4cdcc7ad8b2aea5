import os
from pathlib import Path

import pytest

from pyngx.process.pidfile import PidFile


def test_the_file_is_there_when_written_and_gone_when_removed(tmp_path: Path) -> None:
    path = tmp_path / "pyngx.pid"
    file = PidFile(str(path))
    assert not path.exists()
    file.write()
    assert path.read_text() == f"{os.getpid()}\n"
    file.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_stale_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pyngx.pid"
    path.write_text("a very long stale text\n")
    PidFile(str(path), 7).write()
    assert path.read_text() == "7\n"


def test_the_file_of_a_successor_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "pyngx.pid"
    file = PidFile(str(path), 7)
    file.write()
    PidFile(str(path), 8).write()
    file.remove()
    assert path.read_text() == "8\n"


def test_a_missing_folder_is_an_error_and_removal_is_not(tmp_path: Path) -> None:
    file = PidFile(str(tmp_path / "none" / "pyngx.pid"))
    with pytest.raises(FileNotFoundError):
        file.write()
    file.remove()


def test_a_link_is_written_through_and_not_replaced(tmp_path: Path) -> None:
    path, link = tmp_path / "real.pid", tmp_path / "link.pid"
    path.write_text("")
    link.symlink_to(path)
    file = PidFile(str(link), 7)
    file.write()
    assert (path.read_text(), link.is_symlink()) == ("7\n", True)
    file.remove()
    assert link.is_symlink()
