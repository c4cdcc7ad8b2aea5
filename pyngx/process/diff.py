"""What a new configuration adds, removes and changes, in the words of who wrote it.

Both are taken apart into blocks that have names (servers, locations, upstreams), each with what is written directly in
it. Where lines merely move nothing has changed, for values compare without their places.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyngx.config.declare import Opened
from pyngx.config.inherit import settings
from pyngx.config.scope import Given, Key, Scope
from pyngx.core.assemble import DEFAULT_LISTEN
from pyngx.core.blocks import ServerSettings

NAMED = frozenset({"http", "events", "server", "location", "upstream"})
"""Kinds of blocks that are told by themselves; all others are values of the block that they stand in."""

_NAME = re.compile(r"[\s;{]")

Name = tuple[str, ...]
Blocks = dict[Name, dict[Key, Given]]


@dataclass(frozen=True, slots=True)
class Difference:
    """Blocks by name, outer ones first; a changed one with the directives that changed."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    files: tuple[str, ...] = ()  # what blocks name, and holds something else now


def difference(before: Scope, after: Scope, files: Sequence[str] = ()) -> Difference:
    """From one checked configuration to another."""
    old, new = _blocks(before), _blocks(after)
    return Difference(
        added=tuple(_outermost(new, old)),
        removed=tuple(_outermost(old, new)),
        changed=tuple(_changes(old, new)),
        files=tuple(files),
    )


def _blocks(root: Scope) -> Blocks:
    found: Blocks = {}
    _gather((), root, found)
    return found


def _gather(name: Name, scope: Scope, found: Blocks) -> None:
    own: dict[Key, Given] = {}
    inner: list[tuple[str, Scope]] = []
    for key, given in scope.given.items():
        opened = [one for one in _values(given.value) if isinstance(one, Opened) and one.scope.kind in NAMED]
        if opened:
            inner += ((_label(one), one.scope) for one in opened)
        else:
            own[key] = given
    found[name] = own
    seen: Counter[str] = Counter()
    for label, block in inner:
        seen[label] += 1
        numbered = f"{label} (#{seen[label]})" if seen[label] > 1 else label
        _gather((*name, numbered), block, found)


def _values(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


def _label(block: Opened[object]) -> str:
    if block.scope.kind == "server":
        return _server_label(block.scope)
    words = "" if isinstance(block.argument, bool | None) else f" {block.argument}"
    return f"{block.scope.kind}{words}"


def _server_label(scope: Scope) -> str:
    own = settings(scope, ServerSettings)
    addresses = [str(address) for listen in own.listen or (DEFAULT_LISTEN,) for address in listen.addresses]
    names = [name.text for group in own.server_name for name in group]
    return " ".join(["server", ",".join(addresses), *names])


def _outermost(here: Mapping[Name, object], there: Mapping[Name, object]) -> Iterator[str]:
    """Names that are only here, without those inside of others that are only here."""
    for name in here:
        if name not in there and (not name or name[:-1] in there):
            yield _shown(name)


def _changes(old: Blocks, new: Blocks) -> Iterator[str]:
    for name, own in new.items():
        before = old.get(name)
        if before is not None and before != own:
            keys = [key for key in {**before, **own} if before.get(key) != own.get(key)]
            said = (directive for key in keys for given in (before, own) for directive in _said(given.get(key)))
            yield f"{_shown(name)}: {', '.join(dict.fromkeys(said))}"


def _said(given: Given | None) -> Iterator[str]:
    """The directives that a value was written by."""
    for span in given.spans if given is not None else ():
        yield _NAME.split(span.text, maxsplit=1)[0]


def _shown(name: Name) -> str:
    """A block with the blocks around it; `http` goes without saying."""
    around = name[1:] if name[:1] == ("http",) and len(name) > 1 else name
    return " / ".join(around) or "main"
