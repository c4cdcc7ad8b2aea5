"""What is wrong with a configuration, where, and how it is shown."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pyngx.config.source import COMMAND_LINE, Span

WIDEST = 160
"""Source lines longer than this are shown in part (a Content-Security-Policy can have thousands of characters)."""

Severity = Literal["error", "warning", "notice"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: nginx's own message, the place, and what would be right.

    `help` may have several lines, `label` stands behind the caret, `related` are further places and why they matter.
    """

    message: str
    span: Span | None = None
    help: str = ""
    label: str = ""
    related: tuple[tuple[str, Span], ...] = ()
    severity: Severity = "error"

    @property
    def summary(self) -> str:
        """nginx's first line: the message and its place."""
        return printable(self.message if self.span is None else f"{self.message} in {self.span}")


class ConfigError(Exception):
    """A configuration that can't be used; the fault of who wrote it."""

    def __init__(
        self,
        message: str,
        span: Span | None = None,
        help: str = "",
        related: tuple[tuple[str, Span], ...] = (),
        label: str = "",
    ) -> None:
        super().__init__(message)
        self.diagnostics: tuple[Diagnostic, ...] = (Diagnostic(message, span, help, label, related),)

    @classmethod
    def of(cls, diagnostics: Iterable[Diagnostic]) -> ConfigError:
        """One error that carries many findings."""
        found = tuple(diagnostics)
        error = cls(found[0].message)
        error.diagnostics = found
        return error

    def __str__(self) -> str:
        return "\n".join(render(diagnostic) for diagnostic in self.diagnostics)


def render(diagnostic: Diagnostic) -> str:
    """The whole finding as lines of text: nginx's line, the source with a caret underline, related places, help."""
    lines = [diagnostic.summary]
    places = [place for place in (diagnostic.span, *(span for _, span in diagnostic.related)) if place is not None]
    gutter = max((len(str(place.line)) for place in places), default=1) + 1
    if diagnostic.span is not None:
        lines += _excerpt(diagnostic.span, diagnostic.label, gutter)
    indent = " " * (gutter + 1)
    for why, span in diagnostic.related:
        lines.append(f"{indent}: {why}" if _same_line(span, diagnostic.span) else f"{indent}: {span}: {why}")
        lines += _excerpt(span, "", gutter)
    lines += (f"{indent}= {line}" for line in diagnostic.help.splitlines())
    return printable("\n".join(lines))


def printable(text: str) -> str:
    """The text with escapes for control characters and bytes that were not UTF-8, so that any terminal takes it."""
    if text.isprintable():
        return text
    return "".join(_escaped(char) for char in text)


def nearest(name: str, candidates: Iterable[str]) -> str:
    """The candidate that was likely meant; empty if none is near."""
    near = difflib.get_close_matches(name.lower(), sorted(candidates), n=1, cutoff=0.7)
    return near[0] if near else ""


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """A help line that names the likeliest candidate; empty if none is near."""
    near = nearest(name, candidates)
    return f'did you mean "{near}"?' if near else ""


def _escaped(char: str) -> str:
    if char.isprintable() or char == "\n":
        return char
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape keeps the byte 0xNN as U+DCNN
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _same_line(span: Span, other: Span | None) -> bool:
    return other is not None and span.source == other.source and span.line == other.line


def _excerpt(span: Span, label: str, gutter: int) -> Iterator[str]:
    """The first line of a span and the carets under it."""
    line, column = span.source.place(span.start)
    text = span.source.line(line)
    end = min(column - 1 + max(1, span.end - span.start), max(len(text), column))
    before, marked, after = text[: column - 1], text[column - 1 : end], text[end:]
    if len(text) > WIDEST:
        before = before if len(before) <= WIDEST // 2 else "..." + before[-WIDEST // 2 :]
        marked = marked[: WIDEST // 2]
        after = after[: max(0, WIDEST - len(before) - len(marked))] + "..."
    before, marked, after = (printable(part.expandtabs(4)) for part in (before, marked, after))
    number = "" if span.path == COMMAND_LINE else str(line)
    carets = "^" * max(1, _width(marked))
    yield f" {number:>{gutter - 1}} | {before}{marked}{after}".rstrip()
    yield f" {'':>{gutter - 1}} | {' ' * _width(before)}{carets} {label}".rstrip()


def _width(text: str) -> int:
    """Columns that a terminal gives a text."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)
