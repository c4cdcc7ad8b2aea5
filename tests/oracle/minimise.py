"""A configuration cut down to what a claim about it needs: directives are left out as long as it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pyngx.config.source import Source
from pyngx.config.syntax import Node, parse


def minimised(text: str, holds: Callable[[str], bool]) -> str:
    """The text with all directives left out, blocks with all that is in them first, that the claim doesn't need."""
    start = 0
    while True:
        spans = list(_spans(parse(Source("", text))))
        for at in range(start, len(spans)):
            begin, end = spans[at]
            shorter = text[:begin] + text[end:]
            if holds(shorter):
                text, start = shorter, at
                break
        else:
            if start == 0:
                return "\n".join(line for line in text.splitlines() if line.strip())
            start = 0


def _spans(nodes: tuple[Node, ...]) -> Iterator[tuple[int, int]]:
    for node in nodes:
        yield node.name.span.start, node.end.end
        if node.block is not None:
            yield from _spans(node.block)
