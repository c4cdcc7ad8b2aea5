"""ngx_core_module: what is said once for the whole process.

One process serves. What nginx says of its master and its workers is accepted where it means the same here, and what
means less is told by `describe_limits`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, choice, flag, number, of_word, seconds, size, word
from pyngx.config.declare import directive, repeated
from pyngx.config.diagnostics import ConfigError, Diagnostic
from pyngx.config.inherit import origin, settings
from pyngx.core.phases import Module

if TYPE_CHECKING:
    from pyngx.config.scope import Scope
    from pyngx.config.source import Span
    from pyngx.config.syntax import Node, Word

DEFAULT_PID = "logs/pyngx.pid"
AUTO = 0
"""`worker_processes auto`: as many as there are processors."""


# arguments


@dataclass(frozen=True, slots=True)
class User:
    """Whom the process runs as; the group is the user's namesake where none is named."""

    name: str
    group: str
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the environment; `value` is None where the inherited one is kept."""

    name: str
    value: str | None


def _parse_user(node: Node) -> User:
    name, group = node.args[0], node.args[-1]
    return User(name.text, group.text, node.span)


def _parse_variable(word: Word) -> Variable:
    name, equals, value = word.text.partition("=")
    if not name or "\0" in word.text:
        raise ConfigError(f'invalid variable "{word.text}"', word.span, help="env NAME; or env NAME=value;")
    return Variable(name, value if equals else None)


def _parse_workers(word: Word) -> int:
    if word.text == "auto":
        return AUTO
    if not word.text.isascii() or not word.text.isdigit() or int(word.text) == 0:
        raise ConfigError(f'invalid value "{word.text}"', word.span, help="a number from 1, or auto")
    return int(word.text)


def _parse_priority(word: Word) -> int:
    digits = word.text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit():
        raise ConfigError("invalid number", word.span, help="from -20, the most favoured, to 19")
    return -int(digits) if word.text.startswith("-") else int(digits)


user = Argument("user [group]", _parse_user, 1, 2)
variable = of_word("name[=value]", _parse_variable)
workers = of_word("number | auto", _parse_workers)
priority = of_word("number", _parse_priority)


# settings


@dataclass(frozen=True, slots=True)
class MainSettings:
    """How the process runs."""

    user: User | None = directive(
        user, "main", default=None, doc="whom to become once the sockets are open; only root can"
    )
    pid: str = directive(
        word.called("file"), "main", default=DEFAULT_PID, doc="the file that holds the number of the process"
    )
    daemon: bool = directive(flag, "main", default=False, doc="whether to leave the terminal and run in the background")
    master_process: bool = directive(
        flag, "main", default=False, doc="nginx's second process, which pyngx does not have: one process serves"
    )
    worker_processes: int = directive(
        workers, "main", default=1, doc="processes that serve: one, whatever is said, in this version"
    )
    worker_shutdown_timeout: float | None = directive(
        seconds,
        "main",
        default=None,
        doc="seconds for what is under way to end when the process is told to quit, or works by a configuration"
        " that was replaced",
    )
    worker_rlimit_nofile: int | None = directive(
        number(), "main", default=None, doc="files and connections that the process may have open"
    )
    worker_rlimit_core: int | None = directive(size, "main", default=None, doc="bytes a core file may have")
    worker_priority: int | None = directive(
        priority, "main", default=None, doc="the process's share of the processor, as nice(1) has it"
    )
    working_directory: str = directive(
        word.called("directory"), "main", default="", doc="where the process lives: core files and hosted applications"
    )
    http_server: str = directive(
        choice("fast", "uvicorn"),
        "main",
        default="fast",
        doc="what serves clients: pyngx's own protocol, or uvicorn's through ASGI; read at the start only",
    )
    http_client: str = directive(
        choice("fast", "aiohttp"),
        "main",
        default="fast",
        doc="what asks upstreams: pyngx's own transport, or one over aiohttp's parser; read at the start only",
    )
    env: tuple[Variable, ...] = repeated(
        variable, "main", doc="a variable of the environment to set; those inherited are all kept"
    )


@dataclass(frozen=True, slots=True)
class EventsSettings:
    """How connections are handled."""

    worker_connections: int = directive(
        number(1), "events", default=512, doc="no effect: the limit is worker_rlimit_nofile"
    )


# handlers


def describe_limits(root: Scope) -> Iterator[Diagnostic]:
    """What is asked for and not done, as notices with their places."""
    asked = settings(root, MainSettings)
    if asked.worker_processes not in {1, AUTO}:
        said = f"worker_processes is {asked.worker_processes}, but one process serves"
        yield _notice(said, root, "worker_processes")
    if asked.master_process:
        yield _notice('"master_process on" has no effect, one process serves', root, "master_process")


def _notice(message: str, root: Scope, name: str) -> Diagnostic:
    return Diagnostic(message, origin(root, MainSettings, name)[0], severity="notice")


MODULE = Module("main", settings=(MainSettings, EventsSettings))
