"""Tables of host names with wildcards, as `map` and `valid_referers` have them (ngx_hash.c).

A name is exact, or has a kind and the part that is compared: `head` is *.example.com (".example.com"), `tail` is
www.example.* ("www.example."). The exact one counts, then the longest head, then the longest tail.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

HELP = "a wildcard is *.example.com, .example.com or www.example.*"
ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

Place = tuple[str, str]
"""The kind of a name, and the part of it that is compared."""


def lower(text: str) -> str:
    """Lower case of ASCII letters alone: other bytes are compared as they are."""
    return text.lower() if text.isascii() else text.translate(ASCII_LOWER)


def places(name: str) -> list[Place]:
    """Where a name in lower case belongs; nowhere if it is invalid. `.example.com` is *.example.com and example.com."""
    if name.count("*") < 2 and ".." not in name:
        if len(name) > 1 and name.startswith("."):
            return [("head", name), ("exact", name[1:])]
        if len(name) > 2 and name.startswith("*."):
            return [("head", name[1:])]
        if len(name) > 2 and name.endswith(".*"):
            return [("tail", name[:-1])]
        if "*" not in name:
            return [("exact", name)]
    return []


@dataclass(slots=True)
class NameTable(Generic[T]):
    """Values by name."""

    exact: dict[str, T] = field(default_factory=dict)
    heads: dict[str, T] = field(default_factory=dict)
    tails: dict[str, T] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.exact or self.heads or self.tails)

    def add(self, place: Place, value: T) -> bool:
        """Put a value in a place; says whether it was free."""
        kind, text = place
        table = {"exact": self.exact, "head": self.heads, "tail": self.tails}[kind]
        return table.setdefault(text, value) is value

    def finder(self) -> Callable[[str], T | None]:
        """What finds the value of a name in lower case."""
        exact, heads, tails = self.exact, self.heads, self.tails
        if not heads and not tails:
            return exact.get

        def find(text: str) -> T | None:
            if (found := exact.get(text)) is not None:
                return found
            for ends, table in ((_suffixes, heads), (_prefixes, tails)):
                for end in ends(text) if table else ():
                    if end in table:
                        return table[end]
            return None

        return find


def _suffixes(text: str) -> Iterator[str]:
    """`.example.com` and `.com` of `www.example.com`."""
    at = text.find(".")
    while at >= 0:
        yield text[at:]
        at = text.find(".", at + 1)


def _prefixes(text: str) -> Iterator[str]:
    """`www.example.` and `www.` of `www.example.com`."""
    at = text.rfind(".")
    while at >= 0:
        yield text[: at + 1]
        at = text.rfind(".", 0, at)
