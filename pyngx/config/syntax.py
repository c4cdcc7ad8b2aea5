"""Configuration text as a tree of directives.

The grammar (`grammar.lark`) takes any text; what is wrong in one comes out of it as tokens that `slips` explains.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from lark import Lark, Token, Tree

from pyngx.config.diagnostics import ConfigError, Diagnostic
from pyngx.config.slips import find_slips
from pyngx.config.source import Source, Span

DEEPEST = 50
"""Blocks inside blocks: real files have five, and what comes of them must be comparable and picklable."""
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
    nodes, slips = read(source)
    if slips:
        raise ConfigError.of(slips)
    return nodes


def read(source: Source) -> tuple[tuple[Node, ...], tuple[Diagnostic, ...]]:
    """The directives of a source as far as they can be made out, and its syntax errors."""
    tree = _parser().parse(source.text)
    too_deep = _deepest(tree, source)
    if too_deep:
        return (), (too_deep,)
    return _nodes(tree.children, source), tuple(find_slips(tree, source))


@cache
def _parser() -> Lark:
    return Lark.open_from_package(__package__, "grammar.lark", parser="lalr", lexer="basic")


@cache
def _words() -> re.Pattern[str]:
    """Finds the words of a directive that the grammar accepted."""
    gap, word = (_parser().get_terminal(name).pattern.to_regexp() for name in ("GAP", "WORD"))
    return re.compile(f"(?:{gap})?({word})")


def _deepest(tree: Tree[Token], source: Source) -> Diagnostic | None:
    """Blocks must not be nested so deeply that walking them by recursion fails."""
    level = [tree]
    for _ in range(DEEPEST + 1):
        level = [child for block in level for child in block.children if isinstance(child, Tree)]
    if not level:
        return None
    help_line = f"there can be {DEEPEST} blocks in each other"
    return Diagnostic("blocks are nested too deeply", _span(level[0].children[0], source), help_line)


def _nodes(children: Sequence[Token | Tree[Token]], source: Source) -> tuple[Node, ...]:
    nodes = []
    for child in children:
        if isinstance(child, Tree):
            if getattr(child.children[0], "type", "") == "OPEN":
                nodes.append(_block(child, source))
        elif child.type == "SIMPLE":
            span = _span(child, source)
            name, *args = _split(source, span.start, span.end - 1)
            nodes.append(Node(name, tuple(args), None, span, Span(source, span.end - 1, span.end)))
    return tuple(nodes)


def _block(tree: Tree[Token], source: Source) -> Node:
    opening, *inside = tree.children
    span = _span(opening, source)
    name, *args = _split(source, span.start, span.end - 1)
    end = span if tree.data == "left_open" else _span(inside[-1], source)
    return Node(name, tuple(args), _nodes(inside, source), span, end)


def _span(token: Token | Tree[Token], source: Source) -> Span:
    assert isinstance(token, Token)
    return Span(source, token.start_pos or 0, token.end_pos or 0)


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
