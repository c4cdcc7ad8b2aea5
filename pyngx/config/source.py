"""Texts of a configuration and places in them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

COMMAND_LINE = "command line"
"""The path of the directives given by `-g`; they have no line numbers."""


@dataclass(frozen=True, slots=True)
class Source:
    """One text that was read, with the path it is known by."""

    path: str
    text: str
    _line_starts: list[int] = field(default_factory=list, init=False, compare=False, repr=False)

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, both counted from 1."""
        starts = self._starts()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line without its end."""
        start = self._starts()[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else len(self.text)].removesuffix("\r")

    def _starts(self) -> list[int]:
        # Most sources never need it (only errors and provenance ask), so lines are counted when first asked for.
        if not self._line_starts:
            starts = [0]
            position = self.text.find("\n")
            while position >= 0:
                starts.append(position + 1)
                position = self.text.find("\n", position + 1)
            self._line_starts.extend(starts)
        return self._line_starts

    def __reduce__(self) -> tuple[type[Source], tuple[str, str]]:
        return Source, (self.path, self.text)


@dataclass(frozen=True, slots=True)
class Span:
    """The characters of a source from `start` up to `end`."""

    source: Source
    start: int
    end: int

    @property
    def path(self) -> str:
        return self.source.path

    @property
    def line(self) -> int:
        return self.source.place(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.place(self.start)[1]

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def __str__(self) -> str:
        return self.path if self.path == COMMAND_LINE else f"{self.path}:{self.line}"

    def __repr__(self) -> str:
        return f"<{self}:{self.column} {self.text[:40]!r}>"

    def __reduce__(self) -> tuple[type[Span], tuple[Source, int, int]]:
        # Ten thousand locations hold a hundred thousand spans: the generated __getstate__ is four times as slow.
        return Span, (self.source, self.start, self.end)
