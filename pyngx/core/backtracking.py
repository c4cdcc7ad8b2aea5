"""How much a regular expression may have to try, told from its form when the configuration is read.

Python's `re` tries all ways in which a subject may fit, and can't be stopped. Two forms are dangerous: loops in which
the next character doesn't decide what to do, as (a+)+, whose ways grow as powers of two; and several repeats that may
take the same characters, as .*x.*y, whose ways grow as a power of the subject's length.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from math import factorial
from operator import or_

STEPS = 10_000_000  # ways that may be tried: a tenth of a second, and what PCRE allows, too
FEW = 16  # so many turns of a loop are not taken for many


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set (see charsets)."""

    characters: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    items: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    options: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same so many times; `most` None: any number."""

    body: Shape
    least: int
    most: int | None

    @property
    def is_long(self) -> bool:
        return self.most is None or self.most > FEW

    @property
    def is_loop(self) -> bool:
        return self.most is None or self.most > max(FEW, self.least)


@dataclass(frozen=True, slots=True)
class Aside:
    """What is looked at, and not taken."""

    body: Shape


Shape = Chars | Sequence | Choice | Repeat | Aside
NOTHING = Sequence(())


def longest_subject(shape: Shape, is_anchored: bool) -> int | None:
    """Characters up to which a subject can't take long; None: any number, 0: none at all."""
    if _has_wild_loop(shape):
        return 0
    degree = max(1, _degree(shape, 0)) + (not is_anchored and _has_loop(shape))
    return int((STEPS * factorial(degree)) ** (1 / degree)) if degree > 1 else None


def _has_loop(shape: Shape) -> bool:
    return (isinstance(shape, Repeat) and shape.is_loop) or any(_has_loop(part) for part in _parts(shape))


def _has_wild_loop(shape: Shape) -> bool:
    """Whether a loop's next character doesn't always say where in the loop it belongs."""
    if isinstance(shape, Repeat) and shape.is_long and not _is_decided(shape.body, _first(shape.body)):
        return True
    return any(_has_wild_loop(part) for part in _parts(shape))


def _parts(shape: Shape) -> tuple[Shape, ...]:
    match shape:
        case Sequence(parts) | Choice(parts):
            return parts
        case Repeat(body) | Aside(body):
            return (body,)
    return ()


def _is_decided(shape: Shape, after: int) -> bool:
    """Whether the next character always decides how to go on; `after` are those that may follow."""
    match shape:
        case Sequence(items):
            for item in reversed(items):
                if not _is_decided(item, after):
                    return False
                after = _first(item) | (after if _may_be_empty(item) else 0)
            return True
        case Choice(options):
            seen = after if any(map(_may_be_empty, options)) else 0
            for option in options:
                if _first(option) & seen:
                    return False
                seen |= _first(option)
            return all(_is_decided(option, after) for option in options)
        case Repeat(body, least, most):
            again = after if most == 1 else after | _first(body)
            return (least == most or not _first(body) & after) and _is_decided(body, again)
    return True


def _first(shape: Shape) -> int:
    """The characters that it may begin with."""
    match shape:
        case Chars(characters):
            return characters
        case Sequence(items):
            found = 0
            for item in items:
                found |= _first(item)
                if not _may_be_empty(item):
                    break
            return found
        case Choice(options):
            return reduce(or_, map(_first, options), 0)
        case Repeat(body, _, most):
            return _first(body) if most != 0 else 0
    return 0


def _may_be_empty(shape: Shape) -> bool:
    match shape:
        case Chars():
            return False
        case Sequence(items):
            return all(map(_may_be_empty, items))
        case Choice(options):
            return any(map(_may_be_empty, options))
        case Repeat(body, least):
            return least == 0 or _may_be_empty(body)
    return True


def _all(shape: Shape) -> int:
    """All characters that may be in it."""
    return shape.characters if isinstance(shape, Chars) else reduce(or_, map(_all, _parts(shape)), 0)


def _degree(shape: Shape, after: int) -> int:
    """How many loops there may be at work whose end isn't forced by the next character."""
    match shape:
        case Sequence(items):
            degree = 0
            for item in reversed(items):
                degree += _degree(item, after)
                after = _first(item) | (after if _may_be_empty(item) else 0)
            return degree
        case Choice(options):
            return max((_degree(option, after) for option in options), default=0)
        case Repeat(body, _, _) if shape.is_loop:
            return int(bool(_all(body) & after))
        case Repeat(body, _, most):
            return _degree(body, after | _first(body)) * (most or 0)
        case Aside(body):
            return _degree(body, after)
    return 0
