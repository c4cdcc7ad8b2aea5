"""Which location a URI belongs to: nginx's rules at a cost that doesn't grow with the number of prefixes.

All prefixes of a string sort before it, and the longest of those that are in a sorted list is its predecessor there or
one of the predecessor's own prefixes. So a lookup is one bisection and a short walk up a chain that is made when the
configuration is built.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument
from pyngx.config.diagnostics import ConfigError

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.config.syntax import Node
    from pyngx.core.exchange import Exchange
    from pyngx.core.generation import Location


class Modifier(Enum):
    """How a location's pattern is to be matched."""

    PREFIX = ""
    EXACT = "="
    PREFERRED = "^~"  # a prefix that keeps regexes from being tried
    REGEX = "~"
    REGEX_NO_CASE = "~*"
    NAMED = "@"


class Found(Enum):
    """How sure a lookup is."""

    FINAL = "final"  # by an exact match or a regex: nothing can overrule it
    PREFIX = "prefix"  # by the longest prefix, or not at all: an enclosing level's regexes are still to be tried
    REDIRECT = "redirect"  # only the trailing slash is missing


@dataclass(frozen=True, slots=True)
class Pattern:
    """The argument of a `location` block."""

    modifier: Modifier
    text: str

    @property
    def is_regex(self) -> bool:
        return self.modifier in {Modifier.REGEX, Modifier.REGEX_NO_CASE}

    def __str__(self) -> str:
        separator = "" if self.modifier in {Modifier.PREFIX, Modifier.NAMED} else " "
        return f"{self.modifier.value}{separator}{self.text}"


def _parse_pattern(node: Node) -> Pattern:
    first = node.args[0]
    if len(node.args) == 2:
        if first.text not in {"=", "^~", "~", "~*"}:
            raise ConfigError(
                f'invalid location modifier "{first.text}"', first.span, help="the modifiers are =, ^~, ~ and ~*"
            )
        return Pattern(Modifier(first.text), node.args[1].text)
    for prefix in ("~*", "^~", "=", "~", "@"):  # nginx takes the modifier without a space, too
        if first.text.startswith(prefix):
            text = first.text if prefix == "@" else first.text[len(prefix) :]
            return Pattern(Modifier(prefix), text.removeprefix("@"))
    return Pattern(Modifier.PREFIX, first.text)


pattern = Argument("[ = | ~ | ~* | ^~ ] uri", _parse_pattern, 1, 2)


class Locations:
    """The locations of one server, or nested in one location."""

    def __init__(self, locations: Iterable[Location]) -> None:
        self._exact: dict[str, Location] = {}
        prefixes: dict[str, Location] = {}
        self._regexes: list[Location] = []
        self.named: dict[str, Location] = {}
        for location in locations:
            found = location.pattern
            match found.modifier:
                case Modifier.EXACT:
                    _add(self._exact, location)
                case Modifier.NAMED:
                    _add(self.named, location)
                case Modifier.REGEX | Modifier.REGEX_NO_CASE:
                    self._regexes.append(location)
                case _:
                    _add(prefixes, location)
        self._prefixes = sorted(prefixes)
        self._at = [prefixes[prefix] for prefix in self._prefixes]
        self._shorter = _chain(self._prefixes)
        either = prefixes | self._exact  # an exact one redirects by its own settings for the prefix of its name, too
        redirecting = {text for table in (prefixes, self._exact) for text in table if table[text].auto_redirect}
        self._redirected = {text[:-1]: either[text] for text in redirecting if text[:-1] not in either}

    def find(self, exchange: Exchange) -> tuple[Location | None, Found]:
        """The location of the exchange's URI (ngx_http_core_find_location)."""
        uri = exchange.uri
        if (exact := self._exact.get(uri)) is not None:
            return exact, Found.FINAL
        if uri in self._redirected:
            return self._redirected[uri], Found.REDIRECT
        outer = best = self._longest_prefix(uri)
        if outer is not None and outer.nested is not None:
            inner, found = outer.nested.find(exchange)
            if found is not Found.PREFIX:
                return inner, found
            best = inner or outer
        if outer is None or outer.pattern.modifier is not Modifier.PREFERRED:
            for location in self._regexes:
                if location.matches(exchange, uri):
                    return location.within(exchange)
        return best, Found.PREFIX

    def _longest_prefix(self, uri: str) -> Location | None:
        at = bisect_right(self._prefixes, uri) - 1
        while at >= 0:
            if uri.startswith(self._prefixes[at]):
                return self._at[at]
            at = self._shorter[at]
        return None


def _add(table: dict[str, Location], location: Location) -> None:
    text = location.pattern.text
    if text in table:
        raise ConfigError(
            f'duplicate location "{text}"',
            location.span,
            related=_first_here(table[text].span),
            help="merge the two blocks",
        )
    table[text] = location


def _first_here(span: Span | None) -> tuple[tuple[str, Span], ...]:
    return (("first here", span),) if span is not None else ()


def _chain(prefixes: list[str]) -> list[int]:
    """For each of the sorted prefixes, the index of the longest other one that it begins with, or -1."""
    shorter: list[int] = []
    for at, prefix in enumerate(prefixes):
        before = at - 1
        while before >= 0 and not prefix.startswith(prefixes[before]):
            before = shorter[before]
        shorter.append(before)
    return shorter
