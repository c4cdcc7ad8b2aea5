import os
from pathlib import Path

import pytest

from pyngx.core.logs import FileCache
from pyngx.process.log_cache import LogCache


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(cache: LogCache) -> list[str]:
    """Names of the files that are open."""
    return [Path(path.strip("'")).name for path in repr(cache)[len("<LogCache [") : -2].split(", ") if path]


def test_a_file_is_kept_open_once_it_is_used_often_enough(tmp_path: Path) -> None:
    cache = LogCache(FileCache(3, uses=2))
    cache.append(str(tmp_path / "a"), b"1\n")
    assert opened(cache) == []
    cache.append(str(tmp_path / "a"), b"2\n")
    assert opened(cache) == ["a"]
    os.rename(tmp_path / "a", tmp_path / "b")
    cache.append(str(tmp_path / "a"), b"3\n")
    cache.close()
    assert opened(cache) == []
    assert (tmp_path / "b").read_bytes() == b"1\n2\n3\n"


def test_the_one_used_longest_ago_is_closed_for_another(tmp_path: Path) -> None:
    cache = LogCache(FileCache(2))
    for name in "abac":
        cache.append(str(tmp_path / name), b"x")
    assert opened(cache) == ["a", "c"]
    cache.close()


def test_a_file_that_is_not_used_is_closed(tmp_path: Path) -> None:
    clock = Clock()
    cache = LogCache(FileCache(9, inactive=10.0), clock)
    cache.append(str(tmp_path / "a"), b"x")
    clock.now += 6
    cache.append(str(tmp_path / "b"), b"x")
    clock.now += 6
    cache.append(str(tmp_path / "b"), b"x")
    assert opened(cache) == ["b"]
    cache.close()


def test_a_file_that_was_moved_away_is_opened_again(tmp_path: Path) -> None:
    clock = Clock()
    cache = LogCache(FileCache(9, inactive=100.0, valid=30.0), clock)
    path = tmp_path / "a"
    cache.append(str(path), b"1")
    os.rename(path, tmp_path / "old")
    cache.append(str(path), b"2")
    clock.now += 31
    cache.append(str(path), b"3")
    assert ((tmp_path / "old").read_bytes(), path.read_bytes()) == (b"12", b"3")
    clock.now += 31
    cache.append(str(path), b"4")
    assert path.read_bytes() == b"34"
    assert opened(cache) == ["a"]
    cache.close()


def test_what_cannot_be_opened_is_told_and_takes_no_place(tmp_path: Path) -> None:
    cache = LogCache(FileCache(1))
    cache.append(str(tmp_path / "a"), b"x")
    with pytest.raises(FileNotFoundError):
        cache.append(str(tmp_path / "none" / "a"), b"x")
    assert opened(cache) == ["a"]
    cache.close()
