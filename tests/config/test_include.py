"""Files that include files."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from pyngx.config.diagnostics import ConfigError, render
from pyngx.config.include import Snapshot, from_memory, load


def read(files: dict[str, str], globals_text: str = "") -> Snapshot:
    texts = {f"/etc/{name}": text for name, text in files.items()}
    reads, finds = from_memory(texts)
    return load("/etc/main.conf", reads, globals_text, finds)


def names(snapshot: Snapshot) -> list[str]:
    return [f"{node.name.text}@{node.name.span}" for node in snapshot.nodes]


def errors(files: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        read(files)
    return "\n".join(map(render, caught.value.diagnostics))


def test_included_directives_stand_in_place_of_the_include() -> None:
    snapshot = read({"main.conf": "a;\ninclude b.conf;\nc;", "b.conf": "\nb;"})
    assert names(snapshot) == ["a@/etc/main.conf:1", "b@/etc/b.conf:2", "c@/etc/main.conf:3"]
    assert [source.path for source in snapshot.sources] == ["/etc/main.conf", "/etc/b.conf"]
    assert snapshot.masks == ("/etc/main.conf", "/etc/b.conf")


def test_paths_are_relative_to_the_main_file_also_in_included_files() -> None:
    snapshot = read({"main.conf": "include d/b.conf;", "d/b.conf": "include d/c.conf;", "d/c.conf": "c;"})
    assert names(snapshot) == ["c@/etc/d/c.conf:1"]


def test_a_mask_gives_its_files_in_order_and_may_give_none() -> None:
    files = {"main.conf": "include d/*.conf; include none/*;", "d/b.conf": "b;", "d/a.conf": "a;", "d/e/c.conf": "c;"}
    snapshot = read(files)
    assert names(snapshot) == ["a@/etc/d/a.conf:1", "b@/etc/d/b.conf:1"]
    assert snapshot.masks == ("/etc/main.conf", "/etc/d/*.conf", "/etc/none/*")


def test_blocks_and_tables_include_too_and_a_file_may_be_included_twice() -> None:
    snapshot = read({"main.conf": "a { include b; x; }\ntypes { include b; }", "b": "text/html html;"})
    assert [[each.name.text for each in node.block or ()] for node in snapshot.nodes] == [
        ["text/html", "x"],
        ["text/html"],
    ]
    assert len(snapshot.sources) == 2


def test_directives_of_the_command_line_come_first() -> None:
    snapshot = read({"main.conf": "a;"}, "daemon off;")
    assert names(snapshot) == ["daemon@command line", "a@/etc/main.conf:1"]
    assert snapshot.main.path == "/etc/main.conf"


def test_the_command_line_has_no_blocks() -> None:
    with pytest.raises(ConfigError, match="block directives are not supported in -g option in command line"):
        read({"main.conf": "a;"}, "events { }")


def test_a_missing_file_is_named_with_its_place() -> None:
    assert errors({"main.conf": "a {\n  include mime.type;\n}", "mime.types": ""}) == (
        'open() "/etc/mime.type" failed (2: No such file or directory) in /etc/main.conf:2\n'
        " 2 |   include mime.type;\n"
        "   |           ^^^^^^^^^\n"
        '   = did you mean "mime.types"?\n'
        "   = a relative path starts at the directory of the main file, /etc"
    )


def test_a_missing_main_file_is_named() -> None:
    assert errors({}) == 'open() "/etc/main.conf" failed (2: No such file or directory)'


def test_a_circle_is_found_and_its_chain_shown() -> None:
    assert errors({"main.conf": "include b;", "b": "\ninclude *.conf;"}) == (
        '"/etc/main.conf" includes itself in /etc/b:2\n'
        " 2 | include *.conf;\n"
        "   |         ^^^^^^\n"
        "   = /etc/main.conf:1 includes b\n"
        "   = /etc/b:2 includes *.conf"
    )


def test_syntax_errors_of_all_files_are_told_once() -> None:
    text = errors({"main.conf": "include b; include b; c }", "b": ";"})
    assert text.count('unexpected ";" in /etc/b:1') == 1
    assert text.count('unexpected "}" in /etc/main.conf:1') == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("include;", 'invalid number of arguments in "include" directive'),
        ("include a b;", 'invalid number of arguments in "include" directive'),
        ("include a { }", 'directive "include" is not terminated by ";"'),
    ],
)
def test_misuse(text: str, message: str) -> None:
    assert errors({"main.conf": text}).startswith(f"{message} in /etc/main.conf:1\n")


def test_a_snapshot_survives_pickling() -> None:
    snapshot = read({"main.conf": "a { include b; }", "b": "b;"})
    copy = pickle.loads(pickle.dumps(snapshot))
    assert copy == snapshot
    assert copy.nodes[0].name.span.source is copy.main


def test_files_are_read_from_the_disk_with_every_byte_kept(tmp_path: Path) -> None:
    (tmp_path / "main.conf").write_bytes(b"a \xff\r\n\xc3\xa9;include d/*;")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x").write_text("x;")
    snapshot = load(str(tmp_path / "main.conf"))
    assert [word.text for word in snapshot.nodes[0].args] == ["\udcff", "é"]
    assert snapshot.nodes[1].name.span.path == str(tmp_path / "d" / "x")
