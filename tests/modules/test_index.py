"""ngx_http_index_module: what answers for a directory, and what where there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyngx.core.generation import Generation
from pyngx.modules import MODULES
from tests.support.configure import ask, configure, in_server, messages


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("dir", "empty", "folder/index.html"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "dir" / "second.html").write_text("second")
    (tmp_path / "file").write_text("file")
    return tmp_path


def site(text: str, root: Path) -> Generation:
    return configure(in_server(f"access_log off; root {root}; {text}"), MODULES)


def get(generation: Generation, target: str) -> tuple[int, bytes]:
    client = ask(generation, f"GET {target} HTTP/1.1")
    return client.status, client.body


def test_the_first_that_is_there_answers(root: Path) -> None:
    assert get(site("index none.html second.html $arg_index;", root), "/dir/") == (200, b"second")
    assert get(site("index none.html $arg_index;", root), "/dir/?index=second.html") == (200, b"second")
    assert (
        get(site("index none.html /file; location = /file { return 200 elsewhere; }", root), "/dir/")[1] == b"elsewhere"
    )


def test_without_one_a_directory_is_forbidden_and_what_is_none_is_missing(root: Path) -> None:
    generation = site("", root)
    assert get(generation, "/empty/")[0] == 403
    assert get(generation, "/none/")[0] == 404
    assert get(generation, "/file/")[0] == 404
    assert messages(generation) == [
        f'directory index of "{root}/empty/" is forbidden',
        f'"{root}/none/index.html" is not found (2: No such file or directory)',
        f'"{root}/file/index.html" is not found (20: Not a directory)',
    ]


def test_log_not_found_off_logs_none_of_it(root: Path) -> None:
    generation = site("log_not_found off;", root)
    for target in ("/none/", "/none", "/file/"):
        assert get(generation, target)[0] == 404
    assert messages(generation) == []


def test_a_name_that_is_too_long_is_missing(root: Path) -> None:
    assert get(site(f"index {'x' * 300};", root), "/dir/")[0] == 404


def test_a_directory_may_bear_the_name(root: Path) -> None:
    assert ask(site("", root), "GET /folder/ HTTP/1.1").header("Location") == "http://localhost/folder/index.html/"


def test_a_circle_of_links_is_forbidden(root: Path) -> None:
    (root / "empty" / "index.html").symlink_to("index.html")
    assert get(site("", root), "/empty/")[0] == 403


def test_what_is_opened_is_closed(root: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for target in ("/dir", "/dir/", "/file", "/none", "/folder/index.html"):
        get(site("", root), target)
    assert len(os.listdir("/proc/self/fd")) == before
