"""Which directives there are: those that settings classes declare, and those that are only known by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pyngx.config.declare import Declaration, Spec, declarations


@dataclass(frozen=True, slots=True)
class Known:
    """A directive of nginx that settings classes need not declare.

    `handling`: `accept-noop` (loads with a notice), `accept-less` (loads with a warning that says what
    happens instead), `reject` (an error with the reason) or `implement` (an error: not there yet).
    """

    name: str
    contexts: frozenset[str]
    handling: str
    reason: str
    usage: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A directive in one context, and the field that it fills."""

    declaration: Declaration
    spec: Spec


class Schema:
    """The directives of some settings classes, found by name and context."""

    def __init__(self, classes: Iterable[type], known: Iterable[Known] | None = None) -> None:
        self._entries: dict[str, dict[str, Entry]] = {}
        self._known: dict[str, list[Known]] = {}
        for cls in classes:
            for declaration in declarations(cls):
                for spec in declaration.specs:
                    self._add(Entry(declaration, spec))
        for row in known_directives() if known is None else known:
            self._known.setdefault(row.name, []).append(row)

    def find(self, name: str, kind: str) -> Entry | None:
        """What a directive means in a block of a kind."""
        return self._entries.get(name, {}).get(kind)

    def find_known(self, name: str, kind: str) -> Known | None:
        """The row about an undeclared directive in a block of a kind."""
        return next((row for row in self._known.get(name, ()) if kind in row.contexts), None)

    def contexts(self, name: str) -> frozenset[str]:
        """Where a directive may stand; empty if there is none of that name."""
        found = frozenset(self._entries.get(name, {}))
        return found.union(*(row.contexts for row in self._known.get(name, ())))

    def entries(self, name: str) -> tuple[Entry, ...]:
        """What a directive means in its contexts."""
        return tuple({id(each): each for each in self._entries.get(name, {}).values()}.values())

    def usages(self, name: str, kind: str = "") -> tuple[str, ...]:
        """How a directive is written: in a block of a kind if it may stand there, else anywhere."""
        entry = self.find(name, kind)
        if entry is not None:
            return (entry.spec.usage,)
        row = self.find_known(name, kind)
        if row is not None:
            return (row.usage,)
        every = [each.spec.usage for each in self.entries(name)] or [row.usage for row in self._known.get(name, ())]
        return tuple(dict.fromkeys(every))

    def names(self, kind: str = "") -> Iterator[str]:
        """Names of all directives, or of those that may stand in a block of a kind."""
        for name in {**self._entries, **self._known}:
            if not kind or kind in self.contexts(name):
                yield name

    def is_directive(self, name: str) -> bool:
        return name in self._entries or name in self._known or name == "include"

    def _add(self, entry: Entry) -> None:
        places = self._entries.setdefault(entry.spec.name, {})
        for kind in entry.spec.contexts:
            if kind in places:
                owners = f"{places[kind].declaration.cls.__name__} and {entry.declaration.cls.__name__}"
                raise AssertionError(f'"{entry.spec.name}" is declared twice for {kind}: by {owners}')
            places[kind] = entry


@cache
def known_directives() -> tuple[Known, ...]:
    """The table of nginx's directives (`known.tsv`)."""
    _, *rows = files(__package__).joinpath("known.tsv").read_text(encoding="utf-8").splitlines()
    return tuple(map(_known, rows))


def _known(row: str) -> Known:
    name, contexts, handling, reason, usage = row.split("\t")
    return Known(name, frozenset(contexts.split()), handling, reason, usage)
