"""Diagnostics for people at a terminal, in nginx's manner, and as facts of a log's event."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from pyngx.config.diagnostics import Diagnostic, render

LEVELS = {"error": "emerg", "warning": "warn", "notice": "notice"}


def tell(text: str) -> None:
    """One message on stderr; a terminal that has gone is no reason to fail."""
    try:
        sys.stderr.write(f"pyngx: {text}\n")
        sys.stderr.flush()
    except OSError:
        pass


def tell_all(diagnostics: Iterable[Diagnostic]) -> None:
    """Each with its level, its place and what would be right."""
    for diagnostic in diagnostics:
        tell(f"[{LEVELS[diagnostic.severity]}] {render(diagnostic)}")


def facts_of(diagnostics: Iterable[Diagnostic]) -> list[dict[str, object]]:
    """What a program wants to know of each."""
    return [
        {
            "message": diagnostic.message,
            "file": diagnostic.span.path if diagnostic.span else None,
            "line": diagnostic.span.line if diagnostic.span else None,
            "column": diagnostic.span.column if diagnostic.span else None,
            "help": diagnostic.help,
        }
        for diagnostic in diagnostics
    ]


def rendered(diagnostics: Iterable[Diagnostic]) -> str:
    """All of them as lines of text."""
    return "\n".join(map(render, diagnostics))


def counted(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def open_failure(error: OSError) -> str:
    """nginx's sentence for a file that can't be used."""
    return f'open() "{error.filename}" failed ({error.errno}: {error.strerror})'
