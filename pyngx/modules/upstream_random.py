"""ngx_http_upstream_random_module: any server is asked, or the better one of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument
from pyngx.config.declare import directive
from pyngx.config.diagnostics import ConfigError
from pyngx.core.phases import Module
from pyngx.upstream.random_peer import random_method

if TYPE_CHECKING:
    from pyngx.config.syntax import Node
    from pyngx.core.build import Build
    from pyngx.upstream.group import Method
    from pyngx.upstream.peer import PeerSettings

WORDS = ("two", "least_conn")  # the second says what is meant without it, too


# arguments


def _random(node: Node) -> int:
    """How many are looked at."""
    for word, known in zip(node.args, WORDS, strict=False):
        if word.text != known:
            raise ConfigError(f'invalid parameter "{word.text}"', word.span, help="random [two [least_conn]];")
    return 2 if node.args else 1


# settings


@dataclass(frozen=True, slots=True)
class RandomSettings:
    """Whether chance chooses."""

    random: int | None = directive(
        Argument("[two [least_conn]]", _random, 0, 2),
        "upstream",
        default=None,
        doc="choose any server, or of any two the one with fewer connections for its weight",
    )


# what other modules use


def method_of(build: Build, primaries: Sequence[PeerSettings]) -> Method:
    """How peers are chosen in a group that says so."""
    return random_method(primaries, two=build.settings(RandomSettings).random == len(WORDS))


MODULE = Module("upstream_random", settings=(RandomSettings,))
