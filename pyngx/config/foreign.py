"""Two habits that make a text unreadable, and the errors that follow from them misleading."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pyngx.config.diagnostics import Diagnostic
from pyngx.config.source import Source, Span

LUA = "pyngx runs no Lua, and can't read on after it"
BRACE = 'a "{" that is not in quotes begins a block: put the regular expression in quotes'

_LUA = re.compile(r"^[ \t]*(\w+_by_lua_block)[ \t\n]*(?=[\w$]*[ \t\n]*\{)", re.MULTILINE)
_QUANTIFIER = re.compile(r"(?<=[^\s;{}$\\])\{\d+(?:,\d*)?\}")


def find_foreign(source: Source) -> list[Diagnostic]:
    """Blocks of Lua, and regular expressions with braces that are not in quotes; asked of texts with errors only."""
    return [*_lua(source)] or [*_quantifiers(source)]


def _lua(source: Source) -> Iterator[Diagnostic]:
    for found in _LUA.finditer(source.text):
        yield Diagnostic(f'unknown directive "{found[1]}"', Span(source, *found.span(1)), LUA)


def _quantifiers(source: Source) -> Iterator[Diagnostic]:
    """The first of each line."""
    last = -1
    for found in _QUANTIFIER.finditer(source.text):
        start = source.text.rfind("\n", 0, found.start()) + 1
        before = source.text[start : found.start()]
        if start != last and not set("\"'#") & set(before):
            yield Diagnostic('unexpected "{"', Span(source, *found.span()), BRACE)
            last = start
