"""Configuration text as a tree of directives.

The grammar (`grammar.lark`) takes any text; what is wrong in one comes out of it as tokens that `slips` explains.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from lark import Lark, Token, Tree

from pyngx.config.diagnostics import ConfigError
from pyngx.config.slips import find_slips
from pyngx.config.source import Source, Span

DEEPEST = 100
"""Blocks inside blocks; real files have five."""
ESCAPE = re.compile(r"""\\(["'\\trn])""")
ESCAPED = {"t": "\t", "r": "\r", "n": "\n"}


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


def parse(source: Source) -> tuple[Node, ...]:
    """The directives of a source; raises ConfigError with all its syntax errors."""
    tree = _parser().parse(source.text)
    _refuse_too_deep(tree, source)
    slips = find_slips(tree, source)
    if slips:
        raise ConfigError.of(slips)
    return _nodes(tree.children, source)


@cache
def _parser() -> Lark:
    return Lark.open_from_package(__package__, "grammar.lark", parser="lalr", lexer="basic")


@cache
def _words() -> re.Pattern[str]:
    """Finds the words of a directive that the grammar accepted."""
    gap, word = (_parser().get_terminal(name).pattern.to_regexp() for name in ("GAP", "WORD"))
    return re.compile(f"(?:{gap})?({word})")


def _refuse_too_deep(tree: Tree[Token], source: Source) -> None:
    """Whoever walks the tree later may do so by recursion."""
    level = [tree]
    for _ in range(DEEPEST):
        level = [child for block in level for child in block.children if isinstance(child, Tree)]
    if level:
        opening = level[0].children[0]
        assert isinstance(opening, Token)
        place = Span(source, opening.start_pos or 0, opening.end_pos or 0)
        raise ConfigError("blocks are nested too deeply", place, f"there can be {DEEPEST - 1} blocks in each other")


def _nodes(children: Sequence[Token | Tree[Token]], source: Source) -> tuple[Node, ...]:
    nodes = []
    for child in children:
        if isinstance(child, Token):
            start, end = child.start_pos or 0, child.end_pos or 0
            name, *args = _split(source, start, end - 1)
            nodes.append(Node(name, tuple(args), None, Span(source, start, end), Span(source, end - 1, end)))
        else:
            nodes.append(_block(child, source))
    return tuple(nodes)


def _block(tree: Tree[Token], source: Source) -> Node:
    opening, *inside, closing = tree.children
    assert isinstance(opening, Token)
    assert isinstance(closing, Token)
    start, end = opening.start_pos or 0, opening.end_pos or 0
    span = Span(source, start, end)
    name, *args = _split(source, start, end - 1)
    last = Span(source, closing.start_pos or 0, closing.end_pos or 0)
    return Node(name, tuple(args), _nodes(inside, source), span, last)


def _split(source: Source, start: int, end: int) -> list[Word]:
    words = []
    for found in _words().finditer(source.text, start, end):
        first, last = found.span(1)
        text = found[1]
        quoted = text[0] in "\"'"
        if quoted:
            text = text[1:-1]
        if "\\" in text:
            text = ESCAPE.sub(lambda escape: ESCAPED.get(escape[1], escape[1]), text)
        words.append(Word(text, Span(source, first, last), quoted))
    return words
