"""What each block of a configuration says itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyngx.config.source import Span

Key = tuple[type, str]
"""A settings class and the name of one of its fields."""


@dataclass(frozen=True, slots=True)
class Given:
    """A value that was written, and where: one span for each directive it is made of."""

    value: object
    spans: tuple[Span, ...] = field(compare=False)

    def __reduce__(self) -> tuple[type[Given], tuple[object, tuple[Span, ...]]]:
        return Given, (self.value, self.spans)


@dataclass(frozen=True, slots=True)
class Scope:
    """One block: its kind (`server`, `location-if` ...) and what is written directly in it.

    Two scopes are equal if they say the same, wherever they stand.
    """

    kind: str
    given: dict[Key, Given] = field(default_factory=dict)
    span: Span | None = field(default=None, compare=False)
    parent: Scope | None = field(default=None, compare=False, repr=False)
    settled: dict[type, object] = field(default_factory=dict, init=False, compare=False, repr=False)
    """Settings in force here, filled by `inherit.settings`; not a part of the scope's value."""

    def __getstate__(self) -> tuple[str, dict[Key, Given], Span | None, Scope | None]:
        return self.kind, self.given, self.span, self.parent

    def __setstate__(self, state: tuple[str, dict[Key, Given], Span | None, Scope | None]) -> None:
        for name, value in zip(("kind", "given", "span", "parent", "settled"), (*state, {}), strict=True):
            object.__setattr__(self, name, value)
