"""Files that are read for a configuration."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from unittest.mock import patch

import pytest

from pyngx.core.files_read import FilesRead
from pyngx.process.watched_files import changed_files, contents


def test_a_file_is_read_once_and_watched(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    files = FilesRead()
    assert files.read(str(path)) == b"one"
    path.write_bytes(b"two")
    assert files.read(str(path)) == b"one"
    assert files.watched == {str(path): b"one"}
    assert contents(files.watched) != files.watched
    again = FilesRead()
    again.read(str(path))
    assert changed_files(files.watched, again.watched) == (str(path),)


def test_a_file_that_is_not_there_is_watched_all_the_same(tmp_path: Path) -> None:
    files = FilesRead()
    with pytest.raises(FileNotFoundError):
        files.read(str(tmp_path / "a"))
    assert files.watched == {str(tmp_path / "a"): None}
    assert contents(files.watched) == files.watched


def test_a_pipe_is_read_and_not_watched(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"secret",))
    writer.start()
    files = FilesRead()
    assert (files.read(str(path)), files.watched) == (b"secret", {})
    writer.join()


def test_what_may_not_be_read_any_more_is_what_it_was() -> None:
    with patch("builtins.open", side_effect=PermissionError):
        files = FilesRead(known={"/key": b"known"})
        assert files.read("/key") == b"known"
        assert files.watched == {"/key": None}
        with pytest.raises(PermissionError):
            files.read("/other")
