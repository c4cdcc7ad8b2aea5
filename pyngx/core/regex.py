"""Regular expressions of the configuration: written for PCRE, run by Python.

`re` is the fastest of what was measured on typical locations (0.06-0.20 us a search, `regex` 0.23-0.45, a PCRE2 binding
0.9-1.2); what it doesn't know of PCRE's syntax goes to `regex`. Both match as PCRE does without UTF mode: by ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import regex

from pyngx.config.diagnostics import ConfigError

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.core.exchange import Exchange
    from pyngx.core.variables import Setter, Variables

_NAMED = re.compile(r"\(\?(?:P?<|')(?P<name>[A-Za-z_]\w*)[>']")
_QUOTED = re.compile(r"\\Q(.*?)(?:\\E|$)", re.DOTALL)
# what `re` reads otherwise than PCRE, or not at all: POSIX classes, \h \K \R \z \Z \p, recursion
_BEYOND_RE = re.compile(r"\[\[:|\\[hHKRzZpPXgG]|\(\?[R0-9&|]|\(\*")


@dataclass(frozen=True, slots=True)
class Regex:
    """A compiled expression: `search` gives the groups, or None."""

    pattern: str
    search: Callable[[str], Sequence[str | None] | None]
    names: tuple[tuple[str, int], ...]  # of named captures, and their group numbers from 0


def compile_regex(pattern: str, span: Span | None = None, *, ignore_case: bool = False) -> Regex:
    """Compile a pattern; raises ConfigError where it isn't valid."""
    source = _QUOTED.sub(lambda match: re.escape(match[1]), pattern)
    source = _NAMED.sub(r"(?P<\g<name>>", source)
    try:
        compiled = _compile(source, ignore_case)
    except (re.error, regex.error) as error:
        raise ConfigError(f'invalid regular expression "{pattern}": {error}', span) from None
    names = tuple((name, number - 1) for name, number in compiled.groupindex.items())
    return Regex(pattern, _searcher(compiled), names)


def match_and_capture(
    expression: Regex, variables: Variables, span: Span | None = None
) -> Callable[[Exchange, str], bool]:
    """A test that keeps what it captures, as $1 … and as named variables, in the exchange."""
    search = expression.search
    named: list[tuple[Setter, int]] = [
        (variables.define_slot(name.lower(), span), number) for name, number in expression.names
    ]

    def test(exchange: Exchange, subject: str) -> bool:
        groups = search(subject)
        if groups is None:
            return False
        exchange.captures = groups
        for assign, number in named:
            assign(exchange, groups[number] or "")
        return True

    return test


def _compile(source: str, ignore_case: bool) -> re.Pattern[str] | regex.Pattern[str]:
    if not _BEYOND_RE.search(source):
        try:
            return re.compile(source, re.ASCII | (re.IGNORECASE if ignore_case else 0))
        except re.error:
            pass
    return regex.compile(source, regex.ASCII | (regex.IGNORECASE if ignore_case else 0))


def _searcher(compiled: re.Pattern[str] | regex.Pattern[str]) -> Callable[[str], Sequence[str | None] | None]:
    search = compiled.search

    def find(subject: str) -> Sequence[str | None] | None:
        match = search(subject)
        return match.groups() if match is not None else None

    return find
