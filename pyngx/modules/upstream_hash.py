"""ngx_http_upstream_hash_module: a key is always sent to the same server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, text_of
from pyngx.config.declare import directive
from pyngx.config.diagnostics import ConfigError
from pyngx.core.phases import Module
from pyngx.http.codec import wire
from pyngx.upstream.hash import consistent_method, hash_method

if TYPE_CHECKING:
    from pyngx.config.syntax import Node
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.upstream.group import Method
    from pyngx.upstream.peer import PeerSettings


# arguments


@dataclass(frozen=True, slots=True)
class HashLine:
    """What is hashed, and whether few keys are to move when servers come and go."""

    key: Text
    is_consistent: bool = False


def _hash(node: Node) -> HashLine:
    key, *others = node.args
    for word in others:
        if word.text != "consistent":
            raise ConfigError(f'invalid parameter "{word.text}"', word.span, "known parameters: consistent")
    return HashLine(text_of(key), bool(others))


# settings


@dataclass(frozen=True, slots=True)
class HashSettings:
    """Which key chooses."""

    hash: HashLine | None = directive(
        Argument("key [consistent]", _hash, 1, 2), "upstream", default=None, doc="choose the server by a key's hash"
    )


# what other modules use


def method_of(build: Build, primaries: Sequence[PeerSettings]) -> Method:
    """How peers are chosen in a group that says so."""
    line = build.settings(HashSettings).hash
    assert line is not None
    render = build.template(line.key).render

    def key_of(exchange: Exchange) -> bytes:
        return wire(render(exchange))

    return consistent_method(primaries, key_of) if line.is_consistent else hash_method(primaries, key_of)


MODULE = Module("upstream_hash", settings=(HashSettings,))
