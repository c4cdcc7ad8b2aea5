import os
from pathlib import Path

import pytest

from pyngx.process.watched_files import Watched, WatchedFiles


def watch(*paths: Path, masks: tuple[str, ...] = ()) -> WatchedFiles:
    files = WatchedFiles()
    files.follow(Watched({str(path): None for path in paths}, masks))
    return files


def test_a_save_without_a_change_is_none(tmp_path: Path) -> None:
    conf = tmp_path / "a.conf"
    conf.write_text("a")
    files = watch(conf)
    os.utime(conf, (1, 1))
    conf.write_text("a")
    assert files.compare() == {}


def test_a_change_stays_one_until_accepted(tmp_path: Path) -> None:
    conf = tmp_path / "a.conf"
    conf.write_text("a")
    files = watch(conf)
    conf.write_text("b")
    assert files.compare() == files.compare() == {str(conf): False}
    files.accept()
    assert files.compare() == {}


def test_a_change_of_equal_size_within_one_tick_of_the_clock_is_seen(tmp_path: Path) -> None:
    conf = tmp_path / "a.conf"
    conf.write_text("a")
    files = watch(conf)
    before = conf.stat()
    conf.write_text("b")
    os.utime(conf, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert files.compare() == {str(conf): False}


def test_a_change_since_the_file_was_read_is_seen(tmp_path: Path) -> None:
    conf = tmp_path / "a.conf"
    conf.write_text("newer")
    files = WatchedFiles()
    files.follow(Watched({str(conf): b"as read"}))
    assert list(files.compare()) == [str(conf)]
    files.follow(Watched({str(conf): b"newer"}))
    assert files.compare() == {}


def test_a_new_file_of_a_mask_is_a_change_and_so_is_its_end(tmp_path: Path) -> None:
    mask = str(tmp_path / "conf.d" / "*.conf")
    files = watch(masks=(mask,))
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    assert files.compare() == {}
    (folder / "a.conf").write_text("a")
    assert files.compare() == {f"{folder}/a.conf": False}
    files.accept()
    (folder / "a.conf").unlink()
    assert files.compare() == {f"{folder}/a.conf": True}
    files.accept()
    assert files.compare() == {}


def test_a_masks_file_that_came_after_the_reading_is_a_change(tmp_path: Path) -> None:
    (tmp_path / "late.conf").write_text("a")
    files = WatchedFiles()
    files.follow(Watched({str(tmp_path / "main"): b""}, (str(tmp_path / "*.conf"),)))
    assert f"{tmp_path}/late.conf" in files.compare()


@pytest.mark.parametrize("content", ["", None])
def test_an_empty_or_missing_file_looks_half_written(content: str | None, tmp_path: Path) -> None:
    conf = tmp_path / "a.conf"
    conf.write_text("a")
    files = watch(conf)
    conf.unlink() if content is None else conf.write_text(content)
    assert files.compare() == {str(conf): True}


def test_the_folders_of_every_link_on_the_way_are_watched(tmp_path: Path) -> None:
    (tmp_path / "releases" / "1").mkdir(parents=True)
    (tmp_path / "available").mkdir()
    (tmp_path / "available" / "site").write_text("a")
    (tmp_path / "releases" / "1" / "site.conf").symlink_to("../../available/site")
    (tmp_path / "current").symlink_to("releases/1")
    files = watch(tmp_path / "current" / "site.conf")
    wanted = {tmp_path, tmp_path / "releases" / "1", tmp_path / "available"}
    assert {str(path) for path in wanted} <= files.folders().keys()
    assert files.concerns(str(tmp_path / "current"))
    assert files.concerns(str(tmp_path / "available" / "site"))


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    files = watch(tmp_path / "a" / "conf")
    assert str(tmp_path) in files.folders()
    assert files.compare() == {}


def test_a_missing_folder_is_awaited_from_the_nearest_that_is_there(tmp_path: Path) -> None:
    files = watch(tmp_path / "x" / "y" / "a.conf", masks=(str(tmp_path / "z" / "*" / "*.conf"),))
    assert str(tmp_path) in files.folders()
    assert not any("/x" in folder.removeprefix(str(tmp_path)) for folder in files.folders())


def test_other_plain_files_are_of_no_concern(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "linked").symlink_to("real")
    (real / "error.log").write_text("a")
    (real / "a.conf").write_text("a")
    files = watch(masks=(str(tmp_path / "linked" / "*.conf"),))
    files.folders()
    assert not files.concerns(str(real / "error.log"))
    assert files.concerns(str(real / "a.conf"))
    assert files.concerns(str(real / "gone"))
