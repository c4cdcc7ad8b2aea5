"""Blocks of media types."""

from __future__ import annotations

from pathlib import Path

from pyngx.modules import MODULES
from tests.support.configure import ask, configure, in_server


def types_of(tmp_path: Path, text: str) -> list[str | None]:
    for name in ("a.one", "b.two", "c.html"):
        (tmp_path / name).write_text("x")
    generation = configure(in_server(f"root {tmp_path}; default_type text/none; {text}"), MODULES)
    return [ask(generation, f"GET /{name} HTTP/1.1").header("content-type") for name in ("a.one", "b.two", "c.html")]


def test_blocks_in_one_place_add_up_and_the_last_one_wins(tmp_path: Path) -> None:
    text = "types { text/one one; text/html html; } types { text/two two; text/new html; }"
    assert types_of(tmp_path, text) == ["text/one", "text/two", "text/new"]


def test_a_type_may_have_no_extensions(tmp_path: Path) -> None:
    assert types_of(tmp_path, "types { text/idle; text/two two; }") == ["text/none", "text/two", "text/none"]


def test_an_empty_block_takes_all_types_away(tmp_path: Path) -> None:
    assert types_of(tmp_path, "types { }") == ["text/none"] * 3
    assert types_of(tmp_path, "") == ["text/none", "text/none", "text/html"]
