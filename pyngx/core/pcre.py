"""PCRE's syntax, read and written again as Python's: what a configuration says, so that `re` means it, too.

Patterns are about bytes, as PCRE takes them without (*UTF): each character of what is written here stands for one byte.
What `re` has no words for at all is written for the module `regex`. Errors are PCRE2's own sentences.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from pyngx.core import charsets
from pyngx.core.backtracking import NOTHING, Aside, Chars, Choice, Repeat, Sequence, Shape
from pyngx.core.pcre_class import BORDER, read_class, read_escape
from pyngx.core.pcre_text import PatternError, Text

MOST = 65535  # of a quantifier
KEPT_FLAGS = "ims"  # which Python knows for a part of a pattern, too; x, n and U are minded while reading

_START = re.compile(r"\(\*(UTF8?|NO_JIT|NO_START_OPT|NO_AUTO_POSSESS|LF|BSR_\w+|LIMIT_\w+=\d+)\)")
_QUANTIFIER = re.compile(r"([*+?])|\{(\d+)(,?)(\d*)\}")
_COMMENT = re.compile(r"\(\?#[^)]*\)|\\E|\\Q\\E")
_BLANK = re.compile(r"[\t-\r ]+|#[^\n]*")
_FLAGS = re.compile(r"\(\?(\^?)([imsxnU]*)(?:-([imsxnU]*))?([:)])")
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NAMED = re.compile(r"\(\?(?:P?<(?![=!])|')")
_REFERENCE = re.compile(
    r"\\g(?:\{(?P<braced>[^}]*)\}|(?P<sign>[+-]?\d+))|\\k(?:\{(?P<name1>\w*)\}|<(?P<name2>\w*)>|'(?P<name3>\w*)')"
    r"|\(\?P=(?P<name4>\w*)\)|\\(?P<number>[1-9]\d*)",
    re.ASCII,
)
_CALL = re.compile(
    r"\(\?(?:(?P<number>R|[+-]?\d+)|(?:&|P>)(?P<name>\w+))\)|\\g(?:<(?P<called>[\w+-]+)>|'(?P<quoted>[\w+-]+)')",
    re.ASCII,
)
_CONDITION = re.compile(
    r"\(\?\((?:(?P<number>\d+)|<(?P<name>\w+)>|'(?P<quoted>\w+)'|(?P<plain>(?!R\b)\w+))\)", re.ASCII
)
_GROUPS = ("(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?|")
_VERBS = {
    "(*positive_lookahead:": "(?=",
    "(*pla:": "(?=",
    "(*negative_lookahead:": "(?!",
    "(*nla:": "(?!",
    "(*positive_lookbehind:": "(?<=",
    "(*plb:": "(?<=",
    "(*negative_lookbehind:": "(?<!",
    "(*nlb:": "(?<!",
    "(*atomic:": "(?>",
}
_FAILING = ("(*FAIL)", "(*F)")
_FOR_REGEX = ("(*SKIP)", "(*PRUNE)")


@dataclass(frozen=True, slots=True)
class Translated:
    """A pattern for Python, in which BORDER stands for the border of a word."""

    source: str
    shape: Shape
    is_anchored: bool  # whether it fits at a subject's start only
    is_text: bool  # whether it is about characters instead of bytes
    needs_regex: bool


Piece = tuple[str, Shape]
UNKNOWN = Repeat(Chars(charsets.UNICODE), 0, None)


@lru_cache(1024)
def translate(pattern: str, *, ignore_case: bool = False) -> Translated:
    """Read a pattern; raises PatternError."""
    is_text = False
    start = 0
    while (verb := _START.match(pattern, start)) is not None:
        is_text = is_text or verb[1].startswith("UTF")
        start = verb.end()
    rest = pattern[start:]
    written = rest if is_text else rest.encode("utf-8", "surrogateescape").decode("latin-1")
    reader = _Reader(Text(written, charsets.UNICODE if is_text else charsets.BYTES))
    reader.flags = frozenset("i") if ignore_case else frozenset()
    source, shape = reader.choice()
    if reader.text.peek():
        raise PatternError("unmatched closing parenthesis")
    reader.check_references()
    is_anchored = written.startswith(("^", "\\A")) and not isinstance(shape, Choice) and "m" not in reader.seen
    return Translated(source, shape, is_anchored, is_text, reader.needs_regex)


@dataclass(slots=True)
class _Reader:
    """A pattern on its way; `flags` are those in force."""

    text: Text
    flags: frozenset[str] = frozenset()
    groups: int = 0
    names: list[str] = field(default_factory=list)
    asked: list[int | str] = field(default_factory=list)
    needs_regex: bool = False
    seen: set[str] = field(default_factory=set)  # all flags that were set anywhere

    def choice(self) -> Piece:
        """Alternatives, up to the end of their group."""
        before = self.flags
        options = [self._sequence(before)]
        while self.text.take("|"):
            options.append(self._sequence(before))
        self.flags = before
        shapes = tuple(shape for _, shape in options)
        return "|".join(source for source, _ in options), shapes[0] if len(shapes) == 1 else Choice(shapes)

    def check_references(self) -> None:
        """Groups that are referred to must be there."""
        if any(each > self.groups if isinstance(each, int) else each not in self.names for each in self.asked):
            raise PatternError("reference to non-existent subpattern")

    def _sequence(self, outer: frozenset[str]) -> Piece:
        """One alternative. Flags that change within hold in those that follow as well, and Python wants groups."""
        opening = _flag_group(outer, self.flags)
        sources, shapes = [opening], []
        groups = 1 if opening else 0
        while True:
            self._skip()
            if not self.text.peek() or self.text.peek() in "|)":
                break
            if (flags := self._inline_flags()) is not None:
                opening = _flag_group(self.flags, flags)
                sources.append(opening)
                groups += 1 if opening else 0
                self.flags = flags
                continue
            source, shape = self._quantified(self._item())
            sources.append(source)
            shapes.append(shape)
        return "".join(sources) + ")" * groups, Sequence(tuple(shapes))

    def _skip(self) -> None:
        """Pass by what means nothing."""
        while self.text.match(_COMMENT) or ("x" in self.flags and self.text.match(_BLANK)):
            pass
        if self.text.ahead("(?#"):
            raise PatternError("missing ) after (?# comment")

    def _inline_flags(self) -> frozenset[str] | None:
        """(?i) for the rest of the group."""
        if (found := self.text.looks_like(_FLAGS)) is None or found[4] != ")":
            return None
        self.text.match(_FLAGS)
        return self._changed(found)

    def _changed(self, found: re.Match[str]) -> frozenset[str]:
        kept = frozenset[str]() if found[1] else self.flags
        self.seen.update(found[2])
        return (kept | set(found[2])) - set(found[3] or "")

    def _quantified(self, piece: Piece) -> Piece:
        source, shape = piece
        self._skip()
        if (found := self.text.match(_QUANTIFIER)) is None:
            return piece
        if shape is NOTHING:
            raise PatternError("quantifier does not follow a repeatable item")
        least, most = _bounds(found)
        kind = "+" if self.text.take("+") else "?" if self.text.take("?") else ""
        if "U" in self.flags and kind != "+":
            kind = "" if kind else "?"
        if self.text.looks_like(_QUANTIFIER):
            raise PatternError("quantifier does not follow a repeatable item")
        if isinstance(shape, Aside):  # looking more than once is the same
            return (f"(?:{source})?" if least == 0 else source), shape
        return source + found[0] + kind, Repeat(shape, least, most)

    def _item(self) -> Piece:
        text = self.text
        character = text.peek()
        match character:
            case "(":
                return self._group()
            case "[" if text.take("[[:<:]]"):
                return f"{BORDER}(?=\\w)", NOTHING
            case "[" if text.take("[[:>:]]"):
                return f"{BORDER}(?<=\\w)", NOTHING
            case "[":
                return self._set(read_class(text, "i" in self.flags))
            case "\\":
                return self._escape()
            case ".":
                text.skip()
                return ".", Chars(text.full if "s" in self.flags else text.full & ~charsets.of("\n"))
            case "^" | "$":
                text.skip()
                return character, NOTHING
        if text.looks_like(_QUANTIFIER):
            raise PatternError("quantifier does not follow a repeatable item")
        text.skip()
        return self._literal(character)

    def _literal(self, character: str) -> Piece:
        one = charsets.of(character)
        return re.escape(character), Chars(charsets.folded(one) if "i" in self.flags else one)

    def _set(self, found: tuple[int, str]) -> Piece:
        """A class of characters; one with properties is text for `regex`."""
        characters, source = found
        if source:
            self.needs_regex = True
            return source, Chars(self.text.full)
        return charsets.show(characters, self.text.full), Chars(characters)

    # escapes

    def _escape(self) -> Piece:
        text = self.text
        if (found := text.match(_CALL)) is not None:
            return self._call(found["called"] or found["quoted"])
        if (found := text.looks_like(_REFERENCE)) is not None and not self._is_octal(found):
            return self._reference(found)
        if text.take("\\Q"):
            return self._quoted()
        source, characters = read_escape(text)
        if characters is None:
            self.needs_regex = self.needs_regex or source.startswith("(?u-i:")
            return source, Chars(text.full) if source.startswith(("(?u-i:", "(?s:", "(?>")) else NOTHING
        if characters.bit_count() == 1 and "i" in self.flags:
            characters = charsets.folded(characters)
        return charsets.show(characters, text.full), Chars(characters)

    def _quoted(self) -> Piece:
        """Text up to \\E; a quantifier behind it is about its last character."""
        quoted, last = self.text.until("\\E"), ""
        if quoted and self.text.looks_like(_QUANTIFIER):
            quoted, last = quoted[:-1], quoted[-1]
        pieces = [self._literal(character) for character in quoted]
        if last:
            pieces.append(self._quantified(self._literal(last)))
        return "".join(source for source, _ in pieces), Sequence(tuple(shape for _, shape in pieces))

    def _is_octal(self, found: re.Match[str]) -> bool:
        """\\10 is a character unless there are ten groups; \\1 to \\9 are groups."""
        number = found["number"]
        return number is not None and len(number) > 1 and int(number) > self.groups

    def _reference(self, found: re.Match[str]) -> Piece:
        """What a group has matched, once more."""
        self.text.match(_REFERENCE)
        names = (found[f"name{at}"] for at in range(1, 5))
        name = next(filter(None, names), None) or found["braced"] or found["sign"] or found["number"]
        if name is None:
            raise PatternError("subpattern name expected")
        if re.fullmatch(r"[+-]?\d+", name, re.ASCII) is None:
            self.asked.append(name)
            return f"(?P={name})", UNKNOWN
        number = self._absolute(name)
        return f"(?:\\{number})", UNKNOWN

    def _absolute(self, written: str) -> int:
        """The number of a group; -1 is the last one that was opened."""
        number = int(written)
        if written.startswith("-"):
            number += self.groups + 1
        elif written.startswith("+"):
            number += self.groups
        if number < 1:
            raise PatternError("reference to non-existent subpattern")
        self.asked.append(number)
        return number

    def _call(self, target: str) -> Piece:
        """A group used as a subroutine."""
        self.needs_regex = True
        if target in {"R", "0"}:
            return "(?R)", UNKNOWN
        if re.fullmatch(r"[+-]?\d+", target, re.ASCII) is not None:
            return f"(?{self._absolute(target)})", UNKNOWN
        self.asked.append(target)
        return f"(?&{target})", UNKNOWN

    # groups

    def _group(self) -> Piece:
        text = self.text
        if (found := text.match(_CALL)) is not None:
            return self._call(found["number"] or found["name"])
        if (found := text.looks_like(_REFERENCE)) is not None:
            return self._reference(found)
        if (found := text.match(_FLAGS)) is not None:
            before, self.flags = self.flags, self._changed(found)
            opening = _flag_group(before, self.flags) or "(?:"
            piece = self._inside(opening)
            self.flags = before
            return piece
        if text.ahead("(?("):
            return self._conditional()
        if text.ahead("(*"):
            return self._verb()
        if text.match(_NAMED) is not None:
            return self._named()
        for opening in _GROUPS:
            if text.take(opening):
                self.needs_regex = self.needs_regex or opening == "(?|"
                return self._inside(opening)
        if text.ahead("(?"):
            is_cut = len(text.rest(3)) < 3
            raise PatternError("missing closing parenthesis" if is_cut else "unrecognized character after (? or (?-")
        text.skip()
        if "n" in self.flags:
            return self._inside("(?:")
        self.groups += 1
        return self._inside("(")

    def _named(self) -> Piece:
        if (found := self.text.match(_NAME)) is None:
            raise PatternError("subpattern name expected, not beginning with a digit")
        if len(found[0]) > 32:
            raise PatternError("subpattern name is too long (maximum 32 code units)")
        if not self.text.take(">") and not self.text.take("'"):
            raise PatternError("syntax error in subpattern name (missing terminator?)")
        if found[0] in self.names:
            raise PatternError("two named subpatterns have the same name (PCRE2_DUPNAMES not set)")
        self.names.append(found[0])
        self.groups += 1
        return self._inside(f"(?P<{found[0]}>")

    def _inside(self, opening: str) -> Piece:
        source, shape = self.choice()
        if not self.text.take(")"):
            raise PatternError("missing closing parenthesis")
        is_aside = opening in {"(?=", "(?!", "(?<=", "(?<!"}
        return f"{opening}{source})", Aside(shape) if is_aside else shape

    def _conditional(self) -> Piece:
        text = self.text
        if text.ahead("(?(R"):
            raise PatternError("a condition on recursion is not supported")
        if (found := text.match(_CONDITION)) is None:
            self.needs_regex = True  # a condition that looks ahead or behind
            text.take("(?")
            opening = f"(?{self._group()[0]}"
        elif found["plain"] == "DEFINE":
            self.needs_regex = True
            opening = "(?(DEFINE)"
        else:
            target = found["number"] or found["name"] or found["quoted"] or found["plain"]
            self.asked.append(int(target) if target.isdigit() else target)
            opening = f"(?({target})"
        source, shape = self._inside(opening)
        if isinstance(shape, Choice) and len(shape.options) > 2:
            raise PatternError("conditional subpattern contains more than two branches")
        return source, shape if isinstance(shape, Choice) else Choice((shape, NOTHING))

    def _verb(self) -> Piece:
        text = self.text
        for written, opening in _VERBS.items():
            if text.take(written):
                return self._inside(opening)
        for verb in _FOR_REGEX:
            if text.take(verb):
                self.needs_regex = True
                return verb, NOTHING
        if any(map(text.take, _FAILING)):
            return "(?!)", NOTHING
        raise PatternError(f'"{text.rest(12)}" is not supported')


def _flag_group(before: frozenset[str], after: frozenset[str]) -> str:
    """What opens a group in which other flags hold; empty if there is no difference that Python needs to know."""
    on = "".join(flag for flag in KEPT_FLAGS if flag in after and flag not in before)
    off = "".join(flag for flag in KEPT_FLAGS if flag in before and flag not in after)
    return f"(?{on}{'-' if off else ''}{off}:" if on or off else ""


def _bounds(found: re.Match[str]) -> tuple[int, int | None]:
    """How often a quantifier wants what is before it."""
    if found[1]:
        return (1 if found[1] == "+" else 0), (1 if found[1] == "?" else None)
    least = int(found[2][-9:])
    most = int(found[4][-9:]) if found[4] else None if found[3] else least
    if max(least, most or 0) > MOST or len(found[2]) > 9 or len(found[4]) > 9:
        raise PatternError("number too big in {} quantifier")
    if most is not None and most < least:
        raise PatternError("numbers out of order in {} quantifier")
    return least, most
