"""What stands for one character in PCRE's syntax: classes in brackets, and escapes."""

from __future__ import annotations

import re

from pyngx.core import charsets
from pyngx.core.pcre_text import PatternError, Text

_POSIX = re.compile(r"\[([:.=])(\^?)([^\]\\]*?)\1\]")
_PROPERTY = re.compile(r"\\[pP](?:\{\^?[\w&+ -]+\}|[A-Z])", re.ASCII)
_OCTAL = re.compile(r"\\(0[0-7]{0,2}|[1-7][0-7]{1,2}|o\{([0-7]+)\})")
_HEX = re.compile(r"\\x(?:\{([0-9a-fA-F]*)\}|([0-9a-fA-F]{0,2}))")
_CONTROL = re.compile(r"\\c([ -~])")
_CHARACTERS = {"a": 7, "e": 27, "f": 12, "n": 10, "r": 13, "t": 9}
BORDER = "\ue000"  # of a word: what it is called depends on who runs the pattern
_PLACES = {
    "b": BORDER,
    "B": f"(?!{BORDER})",  # Python's \\B doesn't fit an empty subject
    "A": "\\A",
    "G": "\\A",  # a search begins at the start
    "z": "\\Z",
    "Z": "(?=\\n?\\Z)",
    "K": "",  # what it leaves out is of no concern: nobody asks for the whole match
    "R": "(?>\\r\\n|[\\n-\\r\\x85])",
    "C": "(?s:.)",
    "X": "(?>\\r\\n|(?s:.))",
}
_PERLISH = frozenset("FLlUu")


def read_escape(text: Text) -> tuple[str, int | None]:
    """An escape outside of a class: a set of characters, or else what Python calls it."""
    if (code := _character(text)) is not None:
        return "", 1 << code
    if (found := text.match(_PROPERTY)) is not None:
        return (
            f"(?u-i:{found[0]})",
            None,
        )  # to properties case is of no concern, and letters are more than those of ASCII
    name = text.written[text.at + 1 : text.at + 2]
    text.skip(2)
    if (characters := _escaped_set(name, text)) is not None:
        return "", characters
    if name == "N":
        return "", text.full & ~charsets.of("\n")
    if name in _PLACES:
        return _PLACES[name], None
    raise _wrong(name)


def _escaped_set(name: str, text: Text) -> int | None:
    """\\d, \\w and so on."""
    characters = charsets.ESCAPES.get(name.lower())
    if characters is None:
        return None
    return characters if name.islower() else text.full & ~characters


def _wrong(name: str) -> PatternError:
    if not name:
        return PatternError("\\ at end of pattern")
    if name in _PERLISH:
        return PatternError("PCRE2 does not support \\F, \\L, \\l, \\N{name}, \\U, or \\u")
    return PatternError("unrecognized character follows \\")


def _character(text: Text) -> int | None:
    """The character that an escape stands for; None for one that stands for something else."""
    name = text.written[text.at + 1 : text.at + 2]
    if name in _CHARACTERS and name:
        text.skip(2)
        return _CHARACTERS[name]
    if (found := text.match(_OCTAL)) is not None:
        return _checked(int(found[2] or found[1], 8), text)
    if (found := text.match(_HEX)) is not None:
        if found[1] == "":
            raise PatternError("digits missing in \\x{} or \\o{} or \\N{U+}")
        return _checked(int(found[1] or found[2] or "0", 16), text)
    if (found := text.match(_CONTROL)) is not None:
        return ord(found[1].upper()) ^ 64
    if name == "c":
        raise PatternError("\\c at end of pattern")
    if name and not (name.isascii() and name.isalnum()):
        text.skip(2)
        return ord(name)
    return None


def _checked(code: int, text: Text) -> int:
    if code >= text.full.bit_length():
        raise PatternError("character code point value in \\x{} or \\o{} is too large")
    return code


# classes


def read_class(text: Text, ignore_case: bool) -> tuple[int, str]:
    """A class: its characters; one with properties is text for `regex` instead."""
    if (found := text.looks_like(_POSIX)) is not None and found[1] == ":":
        raise PatternError("POSIX named classes are supported only within a class")
    text.skip()
    is_negated = text.take("^")
    characters = 0
    properties = ""
    is_first = True
    while is_first or not text.ahead("]"):
        if not text.peek():
            raise PatternError("missing terminating ] for character class")
        if (found := text.match(_PROPERTY)) is not None:
            properties += found[0]
        elif text.take("\\Q"):
            characters |= charsets.of(text.until("\\E"))
        elif not text.take("\\E"):
            characters |= _members(text)
        is_first = False
    text.skip()
    if ignore_case:
        characters = charsets.folded(characters)
    if properties:
        return 0, f"(?u-i:[{'^' if is_negated else ''}{charsets.inside(characters)}{properties}])"
    return (text.full & ~characters if is_negated else characters), ""


def _members(text: Text) -> int:
    """One member of a class: a character, a range, or a set that has a name."""
    first, is_single = _member(text)
    if not text.ahead("-") or text.written[text.at + 1 : text.at + 2] in {"]", ""}:
        return first
    if not is_single:
        raise PatternError("invalid range in character class")
    text.skip()
    last, is_single = _member(text)
    if not is_single:
        raise PatternError("invalid range in character class")
    if last < first:
        raise PatternError("range out of order in character class")
    return charsets.run(first.bit_length() - 1, last.bit_length() - 1)


def _member(text: Text) -> tuple[int, bool]:
    """A set of characters, and whether it was written as a single one."""
    if (found := text.match(_POSIX)) is not None:
        if found[1] != ":":
            raise PatternError("POSIX collating elements are not supported")
        if found[3] not in charsets.POSIX:
            raise PatternError("unknown POSIX class name")
        characters = charsets.POSIX[found[3]]
        return (text.full & ~characters if found[2] else characters), False
    character = text.peek()
    if character != "\\":
        text.skip()
        return charsets.of(character), True
    if (code := _character(text)) is not None:
        return 1 << code, True
    name = text.written[text.at + 1 : text.at + 2]
    text.skip(2)
    if name == "b":
        return 1 << 8, True
    if (named := _escaped_set(name, text)) is not None:
        return named, False
    if name in {"N", "R", "X", "B"}:
        raise PatternError("escape sequence is invalid in character class")
    raise _wrong(name)
