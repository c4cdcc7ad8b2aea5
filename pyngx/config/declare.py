"""Directives as fields of settings classes: each is declared once, and everything else is read from there.

A settings class is a frozen slotted dataclass whose fields are made by the functions below. Each function is typed to
return the field's value, so mypy checks a field against its argument; really it returns `dataclasses.field`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Generic, TypedDict, TypeVar, Unpack, cast, overload

from pyngx.config.arguments import Argument
from pyngx.config.scope import Scope

T = TypeVar("T")
D = TypeVar("D")
T_co = TypeVar("T_co", covariant=True)

NAMELESS = frozenset({"location-if", "limit_except"})
"""Blocks inside a location that answer for it and have no name of their own."""

Opens = str | Mapping[str, str]
"""The kind of scope that a block directive opens, or such a kind for each context."""


class Inherits(Enum):
    """Into which blocks a value is handed down."""

    ALWAYS = "always"
    NEVER = "never"
    INTO_NAMELESS = "into nameless blocks"


class Merge(Enum):
    """What a block's own value does to the outer one."""

    REPLACE = "replace"
    APPEND = "append"


ALWAYS, NEVER, INTO_NAMELESS = Inherits.ALWAYS, Inherits.NEVER, Inherits.INTO_NAMELESS
REPLACE, APPEND = Merge.REPLACE, Merge.APPEND


@dataclass(frozen=True, slots=True)
class Opened(Generic[T_co]):
    """The value of a block directive: its own words, and what stands in its block."""

    argument: T_co
    scope: Scope

    def __reduce__(self) -> tuple[type[Opened[T_co]], tuple[T_co, Scope]]:
        return Opened, (self.argument, self.scope)


@dataclass(frozen=True, slots=True)
class Spec:
    """One directive: its name, what it takes and where it may stand."""

    name: str
    argument: Argument[object]
    contexts: frozenset[str]
    doc: str
    opens: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def has_block(self) -> bool:
        return self.argument.table or bool(self.opens)

    @property
    def usage(self) -> str:
        words = f"{self.name} {self.argument.usage}".rstrip()
        return f"{words} {{ ... }}" if self.has_block else f"{words};"


@dataclass(frozen=True, slots=True)
class Of(Generic[T_co]):
    """A directive that makes a field together with others; see `mixed` and `either`."""

    spec: Spec


@dataclass(frozen=True, slots=True)
class Declaration:
    """One field of a settings class and the directives that fill it.

    `repeated`: each use adds one to a tuple. Otherwise a second use in the same block is an error.
    """

    cls: type
    field: str
    specs: tuple[Spec, ...]
    repeated: bool
    default: object
    inherits: Inherits
    merge: Merge
    shown: str | None = None


class Options(TypedDict, total=False):
    """What any declaration may say beside its directives; `shown` is the default as documentation writes it."""

    inherits: Inherits
    merge: Merge
    shown: str


def directive(
    argument: Argument[T],
    contexts: str,
    *,
    default: D,
    doc: str,
    name: str = "",
    **options: Unpack[Options],
) -> T | D:
    """A directive that may be given once in a block."""
    return cast("T | D", _field((_spec(name, argument, contexts, doc, None),), False, default, options))


def block(
    argument: Argument[T],
    contexts: str,
    *,
    opens: Opens,
    doc: str,
    name: str = "",
    **options: Unpack[Options],
) -> Opened[T] | None:
    """A directive with a block of directives that may be given once: `events { }`."""
    return cast("Opened[T] | None", _field((_spec(name, argument, contexts, doc, opens),), False, None, options))


@overload
def repeated(
    argument: Argument[T],
    contexts: str,
    *,
    doc: str,
    name: str = "",
    default: tuple[T, ...] = (),
    **options: Unpack[Options],
) -> tuple[T, ...]: ...


@overload
def repeated(
    argument: Argument[T],
    contexts: str,
    *,
    doc: str,
    opens: Opens,
    name: str = "",
    **options: Unpack[Options],
) -> tuple[Opened[T], ...]: ...


def repeated(
    argument: Argument[T],
    contexts: str,
    *,
    doc: str,
    opens: Opens | None = None,
    name: str = "",
    default: tuple[T, ...] = (),
    **options: Unpack[Options],
) -> tuple[T, ...] | tuple[Opened[T], ...]:
    """A directive that may be given often: each use appends, and a block that uses it replaces the outer value."""
    return cast("tuple[T, ...]", _field((_spec(name, argument, contexts, doc, opens),), True, default, options))


@overload
def of(name: str, argument: Argument[T], contexts: str, *, doc: str) -> Of[T]: ...


@overload
def of(name: str, argument: Argument[T], contexts: str, *, doc: str, opens: Opens) -> Of[Opened[T]]: ...


def of(name: str, argument: Argument[T], contexts: str, *, doc: str, opens: Opens | None = None) -> Of[object]:
    """One of the directives of `mixed` or `either`."""
    return Of(_spec(name, argument, contexts, doc, opens))


def mixed(*parts: Of[T], **options: Unpack[Options]) -> tuple[T, ...]:
    """Several directives that make one ordered value: `allow` and `deny`."""
    return cast("tuple[T, ...]", _field(tuple(part.spec for part in parts), True, (), options))


def either(*parts: Of[T], default: D, **options: Unpack[Options]) -> T | D:
    """Two names of one single value, of which a block may give one: `root` and `alias`."""
    return cast("T | D", _field(tuple(part.spec for part in parts), False, default, options))


@cache
def declarations(cls: type) -> tuple[Declaration, ...]:
    """The declarations of a settings class, in the order of its fields."""
    return tuple(
        dataclasses.replace(declaration, cls=cls, field=name, specs=_named(declaration.specs, name))
        for name, declaration in _declared(cls)
    )


def _declared(cls: type) -> list[tuple[str, Declaration]]:
    found = []
    for field in dataclasses.fields(cls):
        declaration = field.metadata.get(Declaration)
        if not isinstance(declaration, Declaration):
            raise TypeError(f"{cls.__name__}.{field.name} is not declared as a directive")
        found.append((field.name, declaration))
    return found


def _named(specs: tuple[Spec, ...], field: str) -> tuple[Spec, ...]:
    return tuple(spec if spec.name else dataclasses.replace(spec, name=field) for spec in specs)


def _spec(name: str, argument: Argument[object], contexts: str, doc: str, opens: Opens | None) -> Spec:
    allowed = frozenset(contexts.split())
    if opens is None:
        return Spec(name, argument, allowed, doc)
    kinds = dict.fromkeys(allowed, opens) if isinstance(opens, str) else dict(opens)
    return Spec(name, argument, allowed, doc, MappingProxyType(kinds))


def _field(specs: tuple[Spec, ...], repeats: bool, default: object, options: Options) -> object:
    # A block's directives belong to that block alone: a location doesn't contain its server's other locations.
    usual = NEVER if any(spec.opens for spec in specs) else ALWAYS
    declaration = Declaration(
        cls=object,
        field="",
        specs=specs,
        repeated=repeats,
        default=default,
        inherits=options.get("inherits", usual),
        merge=options.get("merge", REPLACE),
        shown=options.get("shown"),
    )
    # A factory, because dataclasses refuse defaults that can't be hashed, though frozen settings never change them.
    return dataclasses.field(default_factory=lambda: default, metadata={Declaration: declaration})
