"""docs/logs.md names all fields of the access log and all events of the error log, and nothing else."""

from __future__ import annotations

import ast
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pyngx.modules.log_json import Line, UpstreamLine, WebSocketLine

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "logs.md").read_text(encoding="utf-8")
ACCESS, ERRORS = TEXT.split("## The error log")
BY_LEVEL = {"debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"}
WITH_LEVEL = {"log", "_log", "write", "say"}
"""Functions that log: those that are named for a level, and those that take it before the event."""
JSON_TYPES = {str: "string", int: "number", float: "number", bool: "boolean", list: "array"}


def fields_of(table: str) -> dict[str, tuple[str, bool]]:
    """Names in a table, their types, and whether they are optional."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (optional: )?", table, re.MULTILINE)
    return {name: (kind, bool(optional)) for name, kind, optional in rows}


def json_type(hint: object) -> str:
    if isinstance(hint, types.UnionType):
        hint = next(each for each in typing.get_args(hint) if each is not type(None))
    origin = typing.get_origin(hint) or hint
    return JSON_TYPES.get(origin, "object")  # type: ignore[arg-type] # what is no type is not in the table


@pytest.mark.parametrize(("at", "struct"), list(enumerate([Line, UpstreamLine, WebSocketLine])))
def test_every_field_of_the_access_log_is_there_with_its_type(at: int, struct: type[msgspec.Struct]) -> None:
    table = re.findall(r"\| field \| type .*?\n\n", ACCESS, re.DOTALL)[at]
    hints = typing.get_type_hints(struct)
    optional = {field.name for field in msgspec.structs.fields(struct) if not field.required}
    assert fields_of(table) == {name: (json_type(hint), name in optional) for name, hint in hints.items()}


def events_of(tree: ast.AST) -> Iterator[str]:
    """The constants that are logged."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if name in BY_LEVEL:
            given = call.args[:1]
        elif name in WITH_LEVEL and len(call.args) > 1:
            given = call.args[1:2]
        else:
            continue
        for node in given:
            chosen = (node.body, node.orelse) if isinstance(node, ast.IfExp) else (node,)
            yield from (each.value for each in chosen if isinstance(each, ast.Constant) and isinstance(each.value, str))


def test_every_event_is_there_and_no_other() -> None:
    used = {event for path in (ROOT / "pyngx").rglob("*.py") for event in events_of(ast.parse(path.read_text("utf-8")))}
    tables = re.findall(r"\| event \| level .*?\n\n", ERRORS, re.DOTALL)
    told = {event for table in tables for event in re.findall(r"^\| `(\w+)`", table, re.MULTILINE)}
    assert told == used, "docs/logs.md names each event that is logged, and only those"
