"""Explains what is wrong with a text that isn't quite nginx's language.

The messages begin with nginx's own words; the places and the help lines say more, as nginx only ever sees the one
character that it can't go on with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from lark import Token, Tree

from pyngx.config.diagnostics import Diagnostic
from pyngx.config.source import COMMAND_LINE, Source, Span

MOST = 20
"""Slips shown for one file: somebody may have named a file that is no configuration at all."""
SLIPS = frozenset({"UNENDED", "GLUED", "UNCLOSED", "LONE_SEMICOLON", "LONE_BRACE", "CLOSE"})

Item = Token | Tree[Token]


def find_slips(tree: Tree[Token], source: Source) -> list[Diagnostic]:
    """The syntax errors of a parsed text, in the order of their places; empty if there are none."""
    found = list(_in_items(tree.children, source, tree))
    if not found:
        return []
    if any(item.type == "UNCLOSED" for item in _tokens(tree)):
        # everything after the quote is in it, so that nothing could be closed
        found = [slip for slip in found if not slip.message.endswith('expecting "}"')]
    if source.path == COMMAND_LINE:
        found = [_of_parameter(slip) for slip in found]
    return sorted(found, key=lambda slip: slip.span.start if slip.span else 0)[:MOST]


def _in_items(items: Sequence[Item], source: Source, root: Tree[Token]) -> Iterator[Diagnostic]:
    """Slips in the directives of one block (or of the file)."""
    skip_tail = False
    for index, item in enumerate(items):
        before = items[index - 1] if index else None
        after = items[index + 1] if index + 1 < len(items) else None
        is_tail, skip_tail = skip_tail, False
        if isinstance(item, Tree):
            yield from _in_block(item, source, root, is_tail)
        elif item.type == "GLUED":
            yield _glued(item, source)
            skip_tail = True  # up to its ";" the directive is not worth another error
        elif item.type == "UNCLOSED":
            yield _unclosed(item, source)
        elif item.type == "UNENDED" and not is_tail and not _is(after, "GLUED", "UNCLOSED"):
            yield _unended(item, after, source)
        elif item.type == "LONE_SEMICOLON" and not is_tail:
            yield _lone_semicolon(item, before, source)
        elif item.type == "CLOSE" and not _is(before, "UNENDED", "GLUED"):
            yield _lone_closing(item, source, root)


def _in_block(block: Tree[Token], source: Source, root: Tree[Token], is_tail: bool) -> Iterator[Diagnostic]:
    opening = block.children[0]
    if _is(opening, "LONE_BRACE") and not is_tail and isinstance(opening, Token):
        yield Diagnostic('unexpected "{"', _span(opening, source), "the name of the block is missing before it")
    if block.data == "left_open" and isinstance(opening, Token):
        yield _left_open(opening, source, root)
    inside = block.children[1:]
    if _is(inside[-1] if inside else None, "CLOSE") and not _is(inside[-2] if len(inside) > 1 else None, "UNENDED"):
        inside = inside[:-1]
    yield from _in_items(inside, source, root)


def _glued(item: Token, source: Source) -> Diagnostic:
    """A quoted word must be followed by a blank, ";", "{" or ")"."""
    end = item.end_pos or 0
    char = source.text[end]
    place = Span(source, end, end + 1)
    if "\n" in item:
        opened = Span(source, item.start_pos or 0, (item.start_pos or 0) + 1)
        why = (("the text that ends just before it was opened here; is its closing quote missing?", opened),)
        return Diagnostic(f'unexpected "{char}"', place, related=why)
    needed = '";" is missing before it' if char == "}" else 'put a blank or ";" after the closing quote'
    return Diagnostic(f'unexpected "{char}"', place, needed)


def _unclosed(item: Token, source: Source) -> Diagnostic:
    start = item.start_pos or 0
    help_line = f"no {item[0]} follows up to the end of the file"
    place = Span(source, start, start + 1)
    return Diagnostic(
        'unexpected end of file, expecting ";" or "}"', place, help_line, "the quote opened here is never closed"
    )


def _unended(item: Token, after: Item | None, source: Source) -> Diagnostic:
    if isinstance(after, Token) and after.type == "CLOSE":
        why = (('";" is missing after this directive', _span(item, source)),)
        return Diagnostic('unexpected "}"', _span(after, source), related=why)
    last = Span(source, item.start_pos or 0, item.end_pos or 0)
    return Diagnostic('unexpected end of file, expecting ";" or "}"', last, '";" is missing after this directive')


def _lone_semicolon(item: Token, before: Item | None, source: Source) -> Diagnostic:
    is_after_block = isinstance(before, Tree)
    help_line = 'a block ends with its "}" alone' if is_after_block else "there is no directive before it"
    return Diagnostic('unexpected ";"', _span(item, source), help_line)


def _lone_closing(item: Token, source: Source, root: Tree[Token]) -> Diagnostic:
    suspect = _misindented(root, source, lambda opening, closing: closing > opening)
    why: tuple[tuple[str, Span], ...] = ()
    if suspect is not None:
        why = (('perhaps this "}" is one too many, by its indentation', _span(suspect[1], source)),)
    return Diagnostic('unexpected "}"', _span(item, source), "no block is open here", related=why)


def _left_open(opening: Token, source: Source, root: Tree[Token]) -> Diagnostic:
    suspect = _misindented(root, source, lambda opening, closing: closing < opening)
    why: tuple[tuple[str, Span], ...] = ()
    if suspect is not None:
        line = _span(suspect[1], source).line
        text = f'perhaps it is this block that is left open: the "}}" in line {line} is indented less'
        why = ((text, _span(suspect[0], source)),)
    place = _span(opening, source)
    return Diagnostic('unexpected end of file, expecting "}"', place, label="this block is never closed", related=why)


def _misindented(root: Tree[Token], source: Source, is_wrong: Callable[[int, int], bool]) -> tuple[Token, Token] | None:
    """The first block whose braces stand in lines that are indented differently, by the place of its "}"."""
    found: list[tuple[Token, Token]] = []
    for block in root.find_data("block"):
        opening, closing = block.children[0], block.children[-1]
        if isinstance(opening, Token) and isinstance(closing, Token):
            left, right = _indent(opening, source), _indent(closing, source)
            if opening.line != closing.line and left is not None and right is not None and is_wrong(left, right):
                found.append((opening, closing))
    return min(found, key=lambda pair: pair[1].start_pos or 0, default=None)


def _indent(token: Token, source: Source) -> int | None:
    """Blanks before a token that begins its line."""
    before = source.line(token.line or 1)[: (token.column or 1) - 1]
    return len(before.expandtabs(8)) if not before.strip() else None


def _of_parameter(slip: Diagnostic) -> Diagnostic:
    """The same in nginx's words for directives that were given on the command line."""
    message = slip.message.replace('end of file, expecting ";" or "}"', 'end of parameter, expecting ";"')
    return replace(slip, message=message)


def _tokens(tree: Tree[Token]) -> Iterator[Token]:
    return tree.scan_values(lambda value: isinstance(value, Token))


def _is(item: Item | None, *types: str) -> bool:
    return isinstance(item, Token) and item.type in types


def _span(token: Token, source: Source) -> Span:
    return Span(source, token.start_pos or 0, token.end_pos or 0)
