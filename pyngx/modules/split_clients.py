"""ngx_http_split_clients_module: variables that divide clients into parts of given sizes, each always into the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, text_of
from pyngx.config.declare import repeated
from pyngx.config.diagnostics import ConfigError, Diagnostic
from pyngx.core.phases import Module
from pyngx.http.codec import wire

if TYPE_CHECKING:
    from pyngx.config.syntax import Node, Word
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.variables import Getter

WHOLE = 10_000  # a hundred per cent, in hundredths of one
LARGEST_HASH = 0xFFFFFFFF
REST = "*"

_PERCENT = re.compile(r"(?=\.?\d)(\d{0,9})(?:\.(\d{0,2}))?%", re.ASCII)


# arguments


@dataclass(frozen=True, slots=True)
class Part:
    """What the texts get whose hash is below `limit`; None: all that are left."""

    limit: int | None
    value: str


@dataclass(frozen=True, slots=True)
class Split:
    """One `split_clients` block."""

    source: Text
    name: Text
    parts: tuple[Part, ...]


def _split(node: Node) -> Split:
    source, name = node.args
    if not name.text.startswith("$") or name.text == "$":
        raise ConfigError(f'invalid variable name "{name.text}"', name.span, help="a variable begins with $")
    parts: list[Part] = []
    total = limit = 0
    for line in node.block or ():
        if len(line.args) != 1:
            message = f'invalid number of arguments in "{line.name.text}" directive'
            raise ConfigError(message, line.span, help="a line of split_clients is a part and its value: 10% a;")
        share = WHOLE if line.name.text == REST else _share(line.name)
        total = WHOLE if line.name.text == REST else total + share
        if total > WHOLE:
            raise ConfigError("percent total is greater than 100%", line.span)
        limit += share * LARGEST_HASH // WHOLE
        parts.append(Part(limit if total < WHOLE else None, line.args[0].text))
    return Split(text_of(source), text_of(name.part(1)), tuple(parts))


def _share(word: Word) -> int:
    """Hundredths of a per cent."""
    found = _PERCENT.fullmatch(word.text)
    share = int(found[1] or 0) * 100 + int((found[2] or "").ljust(2, "0")) if found else 0
    if not share:
        raise ConfigError(f'invalid percent value "{word.text}"', word.span, help="a part is 0.5% or *, all the rest")
    return share


split = Argument("string $variable", _split, 2, 2, table=True)


# settings


@dataclass(frozen=True, slots=True)
class SplitClientsSettings:
    """How clients are divided."""

    split_clients: tuple[Split, ...] = repeated(
        split, "http", doc="a variable that has each of some values for a part of all texts"
    )


# variables


def define(build: Build) -> None:
    """Define the variables of all divisions."""
    errors: list[Diagnostic] = []
    for one in build.settings(SplitClientsSettings).split_clients:
        try:
            build.variables.define(one.name.value, _getter(build, one), one.name.span)
        except ConfigError as error:
            errors += error.diagnostics
    if errors:
        raise ConfigError.of(errors)


def _getter(build: Build, one: Split) -> Getter:
    subject = build.template(one.source).render
    parts = one.parts

    def read(exchange: Exchange) -> str:
        hashed = murmur_hash2(wire(subject(exchange)))
        for part in parts:
            if part.limit is None or hashed < part.limit:
                return part.value
        return ""

    return read


# The one library that has this variant, murmurhash2, is 4 MB of Rust and had its last release in 2022.
def murmur_hash2(data: bytes) -> int:
    """MurmurHash2 in 32 bits with the seed 0 (Austin Appleby), as ngx_murmurhash.c has it."""
    multiplier, mask = 0x5BD1E995, 0xFFFFFFFF
    length = len(data)
    hashed = length & mask
    for at in range(0, length & ~3, 4):
        word = int.from_bytes(data[at : at + 4], "little") * multiplier & mask
        word = (word ^ word >> 24) * multiplier & mask
        hashed = hashed * multiplier & mask ^ word
    if length & 3:
        hashed = (hashed ^ int.from_bytes(data[length & ~3 :], "little")) * multiplier & mask
    hashed = (hashed ^ hashed >> 13) * multiplier & mask
    return hashed ^ hashed >> 15


MODULE = Module("split_clients", settings=(SplitClientsSettings,), define=define)
