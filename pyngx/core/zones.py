"""Zones: named state of a bounded size, as nginx keeps it in shared memory (ngx_slab.c, ngx_cycle.c).

One process needs no shared memory. What a zone's size means is nginx's all the same: as many states as would fit there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from pyngx.config.arguments import parse_size
from pyngx.config.diagnostics import ConfigError

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.config.syntax import Word
    from pyngx.core.build import Build

T = TypeVar("T")

PAGE = 4096
SMALLEST = 8 * PAGE
PAGE_RECORD = 24  # what the allocator keeps for each page
HEAD = 704  # its own head, slots and statistics
SMALLEST_SLOT = 8
LARGEST_SLOT = PAGE // 2  # above, whole pages are given

EXAMPLE = "zone=name:10m; a name, a colon, and at least 32k"


@dataclass(frozen=True, slots=True)
class ZoneUse:
    """What a zone's name stands for; different modules can't share one."""

    use: str
    size: int  # bytes; 0: not said
    span: Span | None = None  # where that was said first


def parse_zone(word: Word) -> tuple[str, int]:
    """Name and size in bytes of `zone=name:size`; raises ConfigError."""
    name, colon, written = word.text.removeprefix("zone=").partition(":")
    if not colon or not name:
        raise ConfigError(f'invalid zone size "{word.text}"', word.span, EXAMPLE)
    try:
        size = parse_size(word.part(len(word.text) - len(written)))
    except ConfigError:
        raise ConfigError(f'invalid zone size "{word.text}"', word.span, EXAMPLE) from None
    check_size(word, size)
    return name, size


def check_size(word: Word, size: int) -> None:
    """Refuse what has no room for anything."""
    if size < SMALLEST:
        raise ConfigError(f'zone "{word.text}" is too small', word.span, EXAMPLE)


def declare_zone(build: Build, name: str, use: ZoneUse, span: Span | None) -> None:
    """Have a name stand for a zone of that use; raises ConfigError where it stands for another."""
    known = build.named(ZoneUse, name)
    if known is None:
        build.name(name, replace(use, span=span), span)
    elif known.use != use.use:
        raise ConfigError(
            f'the shared memory zone "{name}" is already declared for a different use', span, related=_first(known)
        )
    elif use.size not in {0, known.size} and known.size:
        message = (
            f'the size {use.size} of shared memory zone "{name}" conflicts with already declared size {known.size}'
        )
        raise ConfigError(message, span, related=_first(known))


def _first(known: ZoneUse) -> tuple[tuple[str, Span], ...]:
    return (("first here", known.span),) if known.span is not None else ()


def define_each(lines: Iterable[tuple[T, Span | None]], define: Callable[[T, Span | None], None]) -> None:
    """Define all that directives ask for; raises ConfigError with all that is wrong."""
    errors: list[ConfigError] = []
    for line, span in lines:
        try:
            define(line, span)
        except ConfigError as error:
            errors.append(error)
    if errors:
        raise ConfigError.of([found for error in errors for found in error.diagnostics])


def room_in(size: int) -> int:
    """Bytes of a zone that are left for states: all pages but that for its name."""
    pages = (size - HEAD) // (PAGE + PAGE_RECORD)
    before = -(-(HEAD + pages * PAGE_RECORD) // PAGE) * PAGE
    return (min(pages, (size - before) // PAGE) - 1) * PAGE


def taken_by(size: int) -> int:
    """Bytes that a state of some bytes takes: a power of two, or whole pages."""
    if size > LARGEST_SLOT:
        return -(-size // PAGE) * PAGE
    return max(SMALLEST_SLOT, 1 << (size - 1).bit_length())
