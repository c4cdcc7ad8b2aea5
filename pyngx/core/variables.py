"""Variables: named values of an exchange, looked up by name when the configuration is built, never per request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.diagnostics import ConfigError

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.core.exchange import Exchange

Getter = Callable[["Exchange"], "str | None"]  # None: not found, which is more than empty
Setter = Callable[["Exchange", str], None]

NAME = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a module; one with a setter may be the target of `set`.

    One that is changeable may also get its value from `set`, `map` or a capture (NGX_HTTP_VAR_CHANGEABLE).
    """

    name: str
    get: Getter
    set: Setter | None = None
    doc: str = ""
    changeable: bool = False


@dataclass(frozen=True, slots=True)
class Prefix:
    """A family of variables, as `$http_<name>`: `make` gets the rest of the name, lower-cased."""

    name: str
    make: Callable[[str], Getter]
    doc: str = ""


class Variables:
    """All variables of one configuration: the modules', and those that `map`, `set` and captures add."""

    def __init__(self, variables: Iterable[Variable | Prefix]) -> None:
        self._known: dict[str, Variable] = {}
        self._prefixes: list[Prefix] = []
        for variable in variables:
            if isinstance(variable, Prefix):
                self._prefixes.append(variable)
            else:
                self._known[variable.name] = variable
        self._prefixes.sort(key=lambda prefix: -len(prefix.name))
        self._slots: dict[str, bool] = {}  # whether something else than `set` assigns it
        self._set_at: dict[str, Span] = {}  # the first `set` of it
        self._computed: dict[str, Getter] = {}
        self._late: list[tuple[str, Span | None, _Late]] = []

    def define(self, name: str, get: Getter, span: Span | None = None, *, volatile: bool = False) -> None:
        """Add a variable that is computed, as by `map`; `set` may still overrule it.

        It is computed once for an exchange, unless it is volatile.
        """
        name = name.lower()
        self._refuse_builtin(name, span)
        self._computed[name] = _computed(name, get, volatile)

    def define_slot(self, name: str, span: Span | None = None, *, weak: bool = False) -> Setter:
        """Add a variable that is assigned, as by a capture, and give what assigns it.

        Until then it is not found. A weak one, as `set` defines it, is empty with a warning instead, or what its prefix
        says: `set $http_x` in one location leaves the field to all others.
        """
        name = name.lower()
        if (known := self._known.get(name)) is not None and known.set is not None:
            return known.set
        self._refuse_builtin(name, span)
        self._slots[name] = self._slots.get(name, False) or not weak
        if weak and span is not None:
            first = self._set_at.setdefault(name, span)
            if first.source is span.source and span.start < first.start:
                self._set_at[name] = span
        return _assignment(name)

    def is_set_before(self, name: str, span: Span) -> bool:
        """Whether a `set` of a variable stands before a place; one in another file does."""
        first = self._set_at.get(name.lower())
        return first is not None and (first.source is not span.source or first.start < span.start)

    def getter(self, name: str, span: Span | None = None) -> Getter:
        """What reads a variable. A name that is unknown so far may be defined until `finish`."""
        name = name.lower()
        if (get := self._find(name)) is not None:
            return get
        late = _Late()
        self._late.append((name, span, late))
        return late.read

    def find(self, name: str) -> Getter | None:
        """What reads a variable whose name a document gives, once all are defined; None if there is none."""
        return self._find(name.lower())

    def finish(self) -> list[ConfigError]:
        """Bind what was asked for before it was defined; gives an error for each name that never was."""
        errors = []
        for name, span, late in self._late:
            get = self._find(name)
            if get is None:
                errors.append(ConfigError(f'unknown "{name}" variable', span))
            else:
                late.get = get
        self._late.clear()
        return errors

    def _find(self, name: str) -> Getter | None:
        if (computed := self._computed.get(name)) is not None:
            return computed
        if (known := self._known.get(name)) is not None:
            return self._unless_changed(name, known.get) if known.changeable else known.get
        prefixed = self._find_prefixed(name)
        if name not in self._slots:
            return prefixed
        if prefixed is not None and not self._slots[name]:
            return _overruled(name, prefixed)
        return _overruled(name, self._unassigned(name))

    def _find_prefixed(self, name: str) -> Getter | None:
        for prefix in self._prefixes:
            if name == prefix.name:  # no name at all: nothing bears it
                return lambda _: None
            if name.startswith(prefix.name):
                return prefix.make(name[len(prefix.name) :])
        return None

    def _unassigned(self, name: str) -> Getter:
        slots = self._slots  # asked late: a location that comes later may have a capture of that name

        def read(exchange: Exchange) -> str | None:
            if slots[name]:
                return None
            if exchange.location.warns_uninitialized:
                exchange.log("warn", "uninitialized_variable", f'using uninitialized "{name}" variable')
            exchange.values[name] = ""  # one warning is enough
            return ""

        return read

    def _unless_changed(self, name: str, get: Getter) -> Getter:
        """What the configuration says of a module's variable; a capture of that name leaves nothing else."""
        slots = self._slots  # asked late, too

        def read(exchange: Exchange) -> str | None:
            values = exchange.values
            if name in values:
                return values[name]
            return None if slots.get(name) else get(exchange)

        return read

    def _refuse_builtin(self, name: str, span: Span | None) -> None:
        known = self._known.get(name)
        if known is not None and known.set is None and not known.changeable:
            raise ConfigError(f'the duplicate "{name}" variable', span, help="pyngx sets this variable itself")


class _Late:
    """A variable that was used before it was defined."""

    __slots__ = ("get",)

    def __init__(self) -> None:
        self.get: Getter | None = None

    def read(self, exchange: Exchange) -> str | None:
        return self.get(exchange) if self.get is not None else None


def _assignment(name: str) -> Setter:
    def assign(exchange: Exchange, value: str) -> None:
        exchange.values[name] = value

    return assign


def _computed(name: str, get: Getter, volatile: bool) -> Getter:
    """What computes a variable, unless it has a value already; one that asks for itself is empty."""
    busy = f"value of {name}"  # beside the variables' names: none of them has blanks

    def read(exchange: Exchange) -> str | None:
        values = exchange.values
        if name in values:
            return values[name]
        if busy in values:
            exchange.log("error", "variable_cycle", f'cycle while evaluating variable "{name}"')
            return ""
        values[busy] = ""
        try:
            value = get(exchange)
        finally:
            del values[busy]
        if not volatile:
            values[name] = value
        return value

    return read


def _overruled(name: str, get: Getter) -> Getter:
    def read(exchange: Exchange) -> str | None:
        values = exchange.values
        return values[name] if name in values else get(exchange)

    return read
