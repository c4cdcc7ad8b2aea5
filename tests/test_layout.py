"""The house keeps its order: imports point one way, files and functions stay small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "pyngx"
LONGEST_FILE = 400
LONGEST_FUNCTION = 40
MAY_IMPORT = {
    "config": set[str](),
    "http": set[str](),
    "core": {"config", "http"},
    "upstream": {"config", "http", "core"},
    "modules": {"config", "http", "core", "upstream"},
    "server": {"config", "http", "core"},
    "process": {"config", "http", "core", "upstream", "modules", "server"},
    "cli": {"config", "http", "core", "upstream", "modules", "server", "process"},
}
ANYWHERE = {"version"}
"""Modules of the root that every package may import."""


def imported(tree: ast.AST, package: str) -> Iterator[str]:
    """The packages of pyngx that a file imports, wherever in the file; `package` is its own dotted package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            above = ".".join(parts[: len(parts) - node.level + 1]) + "." if node.level else ""
            module = f"{above}{node.module or ''}".rstrip(".")
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "pyngx" else [module]
        else:
            continue
        for name in names:
            first, _, rest = name.partition(".")
            if first == "pyngx":
                yield rest.partition(".")[0]


def wrong_imports(path: Path, root: Path = ROOT) -> list[str]:
    own = path.relative_to(root).parts[0]
    package = ".".join(("pyngx", *path.relative_to(root).parts[:-1]))
    found = sorted(set(imported(ast.parse(path.read_text()), package)))
    allowed = MAY_IMPORT[own] | ANYWHERE | {own}
    return [f"{path.relative_to(root)} imports pyngx.{name}" for name in found if name not in allowed]


def long_functions(tree: ast.AST) -> list[str]:
    return [
        f"{node.name} has {length} lines"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    ]


FILES = sorted(ROOT.rglob("*.py"))
PACKAGED = [path for path in FILES if path.parent != ROOT]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PACKAGED, ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    assert wrong_imports(path) == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_and_functions_are_small(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_FILE
    assert long_functions(ast.parse(text)) == []


@pytest.mark.parametrize(
    ("line", "is_wrong"),
    [
        ("from pyngx.config.source import Span", False),
        ("from pyngx.version import VERSION", False),
        ("import pyngx.http.headers", True),
        ("from pyngx import http", True),
        ("from .source import Span", False),
        ("from ..core import pipeline", True),
        ("from .. import core", True),
        ("def f():\n    from pyngx.cli import x", True),
        ("import http", False),
    ],
)
def test_the_order_is_really_watched(line: str, is_wrong: bool, tmp_path: Path) -> None:
    path = tmp_path / "config" / "x.py"
    path.parent.mkdir()
    path.write_text(line)
    assert bool(wrong_imports(path, tmp_path)) is is_wrong
