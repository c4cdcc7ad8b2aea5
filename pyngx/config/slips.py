"""Explains what is wrong with a text that isn't quite nginx's language.

The messages begin with nginx's own words; the places and the help lines say more, as nginx only ever sees the one
character that it can't go on with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from lark import Token, Tree

from pyngx.config.diagnostics import Diagnostic
from pyngx.config.foreign import find_foreign
from pyngx.config.source import COMMAND_LINE, Source, Span

MOST = 20
"""Slips shown for one file: somebody may have named a file that is no configuration at all."""

NO_BLOCK = "no block is open here"
NO_SEMICOLON = '";" is missing after this directive'
LEFT_OPEN = "this block is never closed"
OPEN_QUOTE = "the quote opened here is never closed"

Item = Token | Tree[Token]


def find_slips(tree: Tree[Token], source: Source) -> list[Diagnostic]:
    """The syntax errors of a parsed text, in the order of their places; empty if there are none."""
    found = list(_in_items(tree.children, source))
    if not found:
        return []
    if foreign := find_foreign(source):
        return foreign[:MOST]
    if any(slip.label == OPEN_QUOTE for slip in found):
        # everything after the quote is in it, so that nothing could be closed
        found = [slip for slip in found if slip.label != LEFT_OPEN]
    found = sorted(found, key=lambda slip: slip.span.start if slip.span else 0)[:MOST]
    _add_suspects(found, tree, source)
    return found if source.path != COMMAND_LINE else [_of_parameter(slip) for slip in found]


def _in_items(items: Sequence[Item], source: Source) -> Iterator[Diagnostic]:
    """Slips in the directives of one block (or of the file)."""
    skip_tail = False
    for index, item in enumerate(items):
        before = items[index - 1] if index else None
        after = items[index + 1] if index + 1 < len(items) else None
        is_tail, skip_tail = skip_tail, False
        if isinstance(item, Tree):
            yield from _in_block(item, source, is_tail)
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
            yield Diagnostic('unexpected "}"', _span(item, source), NO_BLOCK)


def _in_block(block: Tree[Token], source: Source, is_tail: bool) -> Iterator[Diagnostic]:
    opening = block.children[0]
    if _is(opening, "LONE_BRACE") and not is_tail and isinstance(opening, Token):
        yield Diagnostic('unexpected "{"', _span(opening, source), "the name of the block is missing before it")
    if block.data == "left_open" and isinstance(opening, Token):
        place = _span(opening, source)
        yield Diagnostic('unexpected end of file, expecting "}"', place, label=LEFT_OPEN)
    inside = block.children[1:]
    if _is(inside[-1] if inside else None, "CLOSE") and not _is(inside[-2] if len(inside) > 1 else None, "UNENDED"):
        inside = inside[:-1]
    yield from _in_items(inside, source)


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
    return Diagnostic('unexpected end of file, expecting ";" or "}"', place, help_line, OPEN_QUOTE)


def _unended(item: Token, after: Item | None, source: Source) -> Diagnostic:
    """The `;` is missing at the end of the last line at the latest."""
    end = item.end_pos or 0
    last = item[item.rfind("\n") + 1 :].lstrip()
    place = Span(source, end - len(last), end)
    if isinstance(after, Token) and after.type == "CLOSE":
        return Diagnostic('unexpected "}"', _span(after, source), related=((NO_SEMICOLON, place),))
    return Diagnostic('unexpected end of file, expecting ";" or "}"', place, NO_SEMICOLON)


def _lone_semicolon(item: Token, before: Item | None, source: Source) -> Diagnostic:
    is_after_block = isinstance(before, Tree)
    help_line = 'a block ends with its "}" alone' if is_after_block else "there is no directive before it"
    return Diagnostic('unexpected ";"', _span(item, source), help_line)


def _add_suspects(found: list[Diagnostic], tree: Tree[Token], source: Source) -> None:
    """Braces are wrong where they stop to fit, which indentation often shows to be somewhere else."""
    for index, slip in enumerate(found):
        if slip.help == NO_BLOCK:
            suspect = _misindented(tree, source, lambda opening, closing: closing > opening)
            if suspect is not None:
                why = 'perhaps this "}" is one too many, by its indentation'
                found[index] = replace(slip, related=((why, _span(suspect[1], source)),))
            break
    for index, slip in enumerate(found):
        if slip.label == LEFT_OPEN:
            suspect = _misindented(tree, source, lambda opening, closing: closing < opening)
            if suspect is not None:
                line = _span(suspect[1], source).line
                why = f'perhaps it is this block that is left open: the "}}" in line {line} is indented less'
                found[index] = replace(slip, related=((why, _span(suspect[0], source)),))
            break


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


def _is(item: Item | None, *types: str) -> bool:
    return isinstance(item, Token) and item.type in types


def _span(token: Token, source: Source) -> Span:
    return Span(source, token.start_pos or 0, token.end_pos or 0)
