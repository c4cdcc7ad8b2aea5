"""`queue` of ngx_http_upstream_module: requests wait for a server instead of failing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, parameters, parse_number, parse_seconds
from pyngx.config.declare import directive
from pyngx.core.phases import Module
from pyngx.upstream.queue import Queue

if TYPE_CHECKING:
    from pyngx.config.syntax import Node
    from pyngx.core.build import Build


# arguments


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A `queue`; the time in seconds."""

    number: int
    timeout: float = 60.0


def _queue(node: Node) -> QueueLine:
    number, *others = node.args
    return QueueLine(parse_number(number, 1), **parameters(others, {"timeout": parse_seconds}))


# settings


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How many requests may wait for a group."""

    queue: QueueLine | None = directive(
        Argument("number [timeout=time]", _queue, 1, 2),
        "upstream",
        default=None,
        doc="how many requests wait, and how long, where no server can be had at once; 502 for others",
    )


# what other modules use


def queue_of(build: Build) -> Queue | None:
    """Where requests to a group wait, if they do."""
    line = build.settings(QueueSettings).queue
    return Queue(line.number, line.timeout) if line is not None else None


MODULE = Module("upstream_queue", settings=(QueueSettings,))
