"""Sets of characters as integers: bit n stands for the character n. What PCRE's classes and escapes contain."""

from __future__ import annotations


def run(first: int, last: int) -> int:
    """The characters from one to another."""
    return (1 << last - first + 1) - 1 << first


def of(characters: str) -> int:
    """The characters of a text."""
    return sum(1 << ord(character) for character in set(characters))


BYTES = run(0, 0xFF)
UNICODE = run(0, 0x10FFFF)
DIGIT = run(0x30, 0x39)
LOWER = run(0x61, 0x7A)
UPPER = run(0x41, 0x5A)
ALPHA = LOWER | UPPER
WORD = ALPHA | DIGIT | of("_")
SPACE = of("\t\n\v\f\r ")
GRAPH = run(0x21, 0x7E)
HORIZONTAL = of("\t \xa0")  # \h in a pattern that is about bytes
VERTICAL = of("\n\v\f\r\x85")
POSIX = {
    "alpha": ALPHA,
    "digit": DIGIT,
    "alnum": ALPHA | DIGIT,
    "upper": UPPER,
    "lower": LOWER,
    "space": SPACE,
    "blank": of(" \t"),
    "punct": GRAPH & ~(ALPHA | DIGIT),
    "cntrl": run(0, 0x1F) | of("\x7f"),
    "graph": GRAPH,
    "print": GRAPH | of(" "),
    "xdigit": DIGIT | of("abcdefABCDEF"),
    "word": WORD,
    "ascii": run(0, 0x7F),
}
ESCAPES = {"d": DIGIT, "w": WORD, "s": SPACE, "h": HORIZONTAL, "v": VERTICAL}
"""What \\d, \\w and the like contain; the upper-case letter is all else."""


def folded(characters: int) -> int:
    """With each letter of ASCII its other case."""
    return characters | (characters & UPPER) << 32 | (characters & LOWER) >> 32


def show(characters: int, full: int = BYTES) -> str:
    """A set as Python's `re` writes it."""
    if not characters:
        return "(?!)"
    if characters.bit_count() == 1:
        return _escaped(characters.bit_length() - 1)
    sign, rest = ("^", full & ~characters) if characters.bit_count() > full.bit_count() // 2 else ("", characters)
    if not rest:
        return "(?s:.)"
    return f"[{sign}{inside(rest)}]"


def inside(characters: int) -> str:
    """A set as it is written between brackets."""
    text = ""
    while characters:
        first = (characters & -characters).bit_length() - 1
        length = (~(characters >> first) & (characters >> first) + 1).bit_length() - 1
        last = first + length - 1
        text += _escaped(first) + (("-" if length > 2 else "") + _escaped(last) if length > 1 else "")
        characters &= ~run(first, last)
    return text


def _escaped(code: int) -> str:
    character = chr(code)
    if character.isascii() and character.isalnum():
        return character
    return f"\\x{code:02x}" if code < 0x100 else f"\\U{code:08x}"
