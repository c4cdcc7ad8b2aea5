"""Configuration text as a tree of directives."""

from __future__ import annotations

from dataclasses import dataclass

from pyngx.config.source import Span


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a directive; `text` is what it means, without its quotes and escapes."""

    text: str
    span: Span
    quoted: bool = False

    def part(self, start: int, end: int | None = None) -> Word:
        """Some of the word's characters as a word with a place of its own: the value of `key=value`."""
        text = self.text[start:end]
        first = self.span.start + self.quoted + start
        if "\\" in self.span.text:  # escapes make the written word longer than its meaning
            return Word(text, self.span, self.quoted)
        return Word(text, Span(self.span.source, first, first + len(text)), self.quoted)

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[type[Word], tuple[str, Span, bool]]:
        return Word, (self.text, self.span, self.quoted)


@dataclass(frozen=True, slots=True)
class Node:
    """One directive: its words, and the directives of its block if it has one.

    `span` goes from the first word up to the `;` or `{` and includes it; `end` is the closing `;` or `}`.
    """

    name: Word
    args: tuple[Word, ...]
    block: tuple[Node, ...] | None
    span: Span
    end: Span

    def __reduce__(self) -> tuple[type[Node], tuple[Word, tuple[Word, ...], tuple[Node, ...] | None, Span, Span]]:
        return Node, (self.name, self.args, self.block, self.span, self.end)
