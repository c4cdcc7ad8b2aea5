"""Which values are in force in a block: the one rule of inheritance."""

from __future__ import annotations

from functools import cache
from typing import TypeVar, cast

from pyngx.config.declare import NAMELESS, Declaration, Inherits, Merge, declarations
from pyngx.config.scope import Scope
from pyngx.config.source import Span

S = TypeVar("S")


def settings(scope: Scope, cls: type[S]) -> S:
    """What the block says itself, else the nearest enclosing block, else the default.

    A block that says nothing of `cls` shares its parent's very object, so ten thousand locations cost as little as the
    few that differ; identity may be used to tell.
    """
    found = scope.settled.get(cls)
    if found is None:
        found = scope.settled[cls] = _settle(scope, cls)
    return cast("S", found)


def origin(scope: Scope, cls: type, field: str) -> tuple[Span, ...]:
    """Where the value in force was written; empty for a default."""
    declaration = _declaration_of(cls, field)
    outer = scope.parent if scope.parent is not None and _inherits(declaration, scope.kind) else None
    given = scope.given.get((cls, field))
    if given is None:
        return origin(outer, cls, field) if outer is not None else ()
    if declaration.merge is Merge.APPEND and outer is not None:
        return (*origin(outer, cls, field), *given.spans)
    return given.spans


def _settle(scope: Scope, cls: type) -> object:
    base = settings(scope.parent, cls) if scope.parent is not None else _defaults(cls)
    changes: dict[str, object] = {}
    for declaration in _kept_back(cls, scope.kind in NAMELESS):
        if getattr(base, declaration.field) is not declaration.default:
            changes[declaration.field] = declaration.default
    for (owner, field), given in scope.given.items():
        if owner is cls:
            changes[field] = _merged(_declaration_of(cls, field), changes.get(field, getattr(base, field)), given.value)
    if not changes:
        return base
    values = {each.field: getattr(base, each.field) for each in declarations(cls)}
    return cls(**(values | changes))


def _merged(declaration: Declaration, outer: object, own: object) -> object:
    if declaration.merge is Merge.APPEND and isinstance(outer, tuple) and isinstance(own, tuple):
        return (*outer, *own)
    return own


def _inherits(declaration: Declaration, kind: str) -> bool:
    return declaration.inherits is Inherits.ALWAYS or (
        declaration.inherits is Inherits.INTO_NAMELESS and kind in NAMELESS
    )


@cache
def _defaults(cls: type) -> object:
    return cls()


@cache
def _kept_back(cls: type, nameless: bool) -> tuple[Declaration, ...]:
    """The declarations whose values a block does not get from outside."""
    kind = next(iter(NAMELESS)) if nameless else ""
    return tuple(each for each in declarations(cls) if not _inherits(each, kind))


@cache
def _declaration_of(cls: type, field: str) -> Declaration:
    return next(each for each in declarations(cls) if each.field == field)
