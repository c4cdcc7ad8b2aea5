"""ngx_http_map_module: variables whose values depend on other variables, looked up in tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, text_of
from pyngx.config.declare import repeated
from pyngx.config.diagnostics import ConfigError, Diagnostic
from pyngx.core.phases import Module
from pyngx.core.template import has_variables
from pyngx.core.wildcards import HELP, NameTable, lower, places

if TYPE_CHECKING:
    from pyngx.config.syntax import Node, Word
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.template import Render
    from pyngx.core.variables import Getter

Find = Callable[["Exchange", str], "str | Render"]


# arguments


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a map; `kind` is exact, head (*.x and .x), tail (x.*), or regex."""

    kind: str
    key: Text  # in lower case, unless it is a regex: ".example.com" for *.example.com, "www." for www.*
    value: Text
    ignores_case: bool = False


@dataclass(frozen=True, slots=True)
class Map:
    """One `map` block."""

    source: Text
    name: Text
    entries: tuple[Entry, ...]
    default: Text = Text("")
    hostnames: bool = False
    volatile: bool = False


@dataclass(slots=True)
class _Reading:
    """What is gathered from a map's lines."""

    entries: list[Entry] = field(default_factory=list)
    default: tuple[Text, Word] | None = None
    flags: set[str] = field(default_factory=set)
    places: dict[tuple[str, str], Word] = field(default_factory=dict)


def _map(node: Node) -> Map:
    source, name = node.args
    if not name.text.startswith("$") or name.text == "$":
        raise ConfigError(f'invalid variable name "{name.text}"', name.span, help="a variable begins with $")
    reading = _Reading()
    errors: list[Diagnostic] = []
    for line in node.block or ():
        try:
            _read(line, reading)
        except ConfigError as error:
            errors += error.diagnostics
    if errors:
        raise ConfigError.of(errors)
    return Map(
        text_of(source),
        text_of(name.part(1)),
        tuple(reading.entries),
        reading.default[0] if reading.default is not None else Text(""),
        "hostnames" in reading.flags,
        "volatile" in reading.flags,
    )


def _read(line: Node, reading: _Reading) -> None:
    key, values = line.name, line.args
    if line.block is not None:
        raise ConfigError('unexpected "{"', line.span, help="a line of a map is a value and what it gives")
    if not values and key.text in {"hostnames", "volatile"}:
        reading.flags.add(key.text)
        return
    if len(values) != 1:
        raise ConfigError(
            "invalid number of the map parameters", line.span, help="a line of a map is a value and what it gives"
        )
    value = text_of(values[0])
    if key.text == "default":
        if reading.default is not None:
            related = (("first here", reading.default[1].span),)
            raise ConfigError("duplicate default map parameter", line.span, related=related)
        reading.default = value, key
    elif key.text.startswith("~"):
        ignores_case = key.text.startswith("~*")
        reading.entries.append(Entry("regex", text_of(key.part(2 if ignores_case else 1)), value, ignores_case))
    else:
        _read_key(key, value, reading)


def _read_key(key: Word, value: Text, reading: _Reading) -> None:
    text = lower(key.text.removeprefix("\\"))
    taken = places(text) if "hostnames" in reading.flags else [("exact", text)]
    if not taken:
        raise ConfigError(f'invalid hostname or wildcard "{key.text}"', key.span, help=HELP)
    for place in taken:
        if (first := reading.places.setdefault(place, key)) is not key:
            raise ConfigError(f'conflicting parameter "{key.text}"', key.span, related=(("first here", first.span),))
    reading.entries.extend(Entry(kind, Text(tail, key.span), value) for kind, tail in taken)


map_ = Argument("string $variable", _map, 2, 2, table=True)


# settings


@dataclass(frozen=True, slots=True)
class MapSettings:
    """The maps of a configuration."""

    map: tuple[Map, ...] = repeated(map_, "http", doc="a variable whose value depends on a text")


# variables


def define(build: Build) -> None:
    """Define the variables of all maps; they may refer to each other in any order."""
    errors: list[Diagnostic] = []
    for one in build.settings(MapSettings).map:
        try:
            build.variables.define(one.name.value, _getter(build, one), one.name.span, volatile=one.volatile)
        except ConfigError as error:
            errors += error.diagnostics
    if errors:
        raise ConfigError.of(errors)


def _getter(build: Build, one: Map) -> Getter:
    """What computes a map's variable."""
    subject = build.template(one.source).render
    find = _finder(build, one)

    def read(exchange: Exchange) -> str:
        found = find(exchange, subject(exchange))
        return found if isinstance(found, str) else found(exchange)

    return read


def _finder(build: Build, one: Map) -> Find:
    """What looks a text up: exactly, then by wildcards, then by the regexes in their order."""
    compiled: dict[str, str | Render] = {}
    table: NameTable[str | Render] = NameTable()
    regexes: list[tuple[Callable[[Exchange, str], bool], str | Render]] = []
    for entry in one.entries:
        value = _value(build, entry.value, compiled)
        if entry.kind == "regex":
            test = build.regex_test(entry.key.value, entry.key.span, ignore_case=entry.ignores_case)
            regexes.append((test, value))
        else:
            table.add((entry.kind, entry.key.value), value)
    default = _value(build, one.default, compiled)
    by_name = table.finder()

    def find(exchange: Exchange, text: str) -> str | Render:
        found = by_name(lower(text))
        if found is not None:
            return found
        if text:  # nginx tries no regex on an empty text
            for test, value in regexes:
                if test(exchange, text):
                    return value
        return default

    if one.hostnames:
        return lambda exchange, text: find(exchange, text.removesuffix("."))
    return find


def _value(build: Build, text: Text, compiled: dict[str, str | Render]) -> str | Render:
    if not has_variables(text.value):
        return text.value
    if text.value not in compiled:
        compiled[text.value] = build.template(text).render
    return compiled[text.value]


MODULE = Module("map", settings=(MapSettings,), define=define)
