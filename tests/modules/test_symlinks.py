"""disable_symlinks: what may be on the way to a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.modules import MODULES
from pyngx.modules.symlinks import STEPS, _trusted_part, walk
from pyngx.process.log_files import append_once
from tests.support.configure import ask, configure, in_server, make_runtime
from tests.support.fake_client import FakeClient
from tests.support.memory_logs import MemoryLogs


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "file").write_text("text")
    (tmp_path / "dir" / "index.html").write_text("index")
    (tmp_path / "dir" / "link").symlink_to("file")
    (tmp_path / "dirlink").symlink_to("dir")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "index.html").symlink_to("../dir/index.html")
    return tmp_path


def get(text: str, target: str, root: Path) -> FakeClient:
    generation = configure(in_server(f"access_log off; root {root}; {text}"), MODULES)
    return ask(generation, f"GET {target} HTTP/1.1")


@pytest.mark.parametrize(
    ("links", "target", "status"),
    [
        ("off", "/dirlink/link", 200),
        ("on", "/dir/file", 200),
        ("on", "//dir//file", 200),
        ("on", "/dir/link", 403),
        ("on", "/dirlink/file", 404),
        ("on", "/dir/", 200),
        ("on", "/linked/", 403),
        ("on", "/dirlink/", 404),
        ("on", "/dir", 301),
        ("on", "/none", 404),
        ("on", "/dir/file/", 404),
        ("if_not_owner", "/dirlink/link", 200),
        ("if_not_owner", "/linked/", 200),
        ("on from=$document_root/dirlink", "/dirlink/file", 200),
        ("on from=$document_root/dirlink", "/dirlink/link", 403),
        ("on from=$document_root/dirlink/", "/dirlink/file", 200),
        ("on from=$document_root/dirl", "/dirlink/file", 404),
        ("on from=$document_root/dir/link", "/dir/link", 200),
        ("on from=$arg_none", "/dir/link", 403),
    ],
)
def test_links_on_the_way(root: Path, links: str, target: str, status: int) -> None:
    assert get(f"merge_slashes off; location / {{ disable_symlinks {links}; }}", target, root).status == status


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_link_of_another_owner(root: Path) -> None:
    for name in ("dir/link", "dirlink"):
        os.chown(root / name, 65534, 65534, follow_symlinks=False)
    for target in ("/dir/link", "/dirlink/file"):
        assert get("disable_symlinks if_not_owner;", target, root).status == 403
    assert (
        get("disable_symlinks if_not_owner; location / { try_files $uri /dir/file; }", "/dir/link", root).body
        == b"text"
    )


def test_try_files_and_if_look_in_the_same_way(root: Path) -> None:
    common = "disable_symlinks on;"
    assert get(f"{common} location / {{ try_files $uri =402; }}", "/dir/link", root).status == 402
    assert get(f"{common} location / {{ try_files $uri/ =402; }}", "/dirlink", root).status == 402
    test = "location / { if (-f $request_filename) { return 402; } }"
    assert get(f"{common} {test}", "/dir/link", root).status == 403
    assert get(f"{common} {test}", "/dir/file", root).status == 402


def test_logs_with_variables_in_their_names_are_opened_so(root: Path) -> None:
    runtime = make_runtime()
    runtime.logs = DiskLogs()
    text = f"disable_symlinks on; root {root}; access_log {root}/dir/$arg_log combined; location / {{ return 204; }}"
    generation = configure(in_server(text), MODULES, runtime)
    ask(generation, "GET /?log=link HTTP/1.1")
    ask(generation, "GET /?log=new HTTP/1.1")
    assert (root / "dir" / "file").read_text() == "text"
    assert "GET /?log=new" in (root / "dir" / "new").read_text()


class DiskLogs(MemoryLogs):
    append = staticmethod(append_once)  # type: ignore[assignment]


def test_what_is_opened_is_closed(root: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for target in ("/dir/file", "/dir/link", "/dirlink/file", "/dir/", "/dir", "/none/x"):
        for links in ("off", "on", "if_not_owner", "on from=$document_root/dir"):
            get(f"disable_symlinks {links};", target, root)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_relative_path_starts_at_the_process(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    os.close(walk("dir/file", 0, os.O_RDONLY, 0, STEPS["on"]))
    with pytest.raises(OSError, match="symbolic links"):
        walk("dir/link", 0, os.O_RDONLY, 0, STEPS["on"])


@pytest.mark.parametrize(
    ("path", "trusted", "expected"),
    [
        ("/a/b", "", 0),
        ("/a/b", "/", 0),
        ("/a/b", "/a", 2),
        ("/a/b", "/a/", 2),
        ("/a/b", "/a/b", None),
        ("/a/b", "/a/b/c", 0),
        ("/ab/c", "/a", 0),
    ],
)
def test_the_trusted_part_ends_at_a_slash(path: str, trusted: str, expected: int | None) -> None:
    assert _trusted_part(path, trusted) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("maybe", 'invalid parameter "maybe"'),
        ("on off", 'duplicate parameters "on off"'),
        ("from=/x", 'must have "off", "on" or "if_not_owner"'),
        ("off from=/x", '"from=" cannot be used with "off"'),
    ],
)
def test_what_makes_no_sense_is_refused(words: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        configure(in_server(f"disable_symlinks {words};"), MODULES)
