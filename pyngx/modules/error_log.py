"""error_log of ngx_core_module and ngx_http_core_module, and the style in which pyngx writes its logs."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from pyngx.config.arguments import Argument, choice
from pyngx.config.declare import directive, repeated
from pyngx.config.diagnostics import ConfigError
from pyngx.config.inherit import settings
from pyngx.core.logs import ErrorSink
from pyngx.core.phases import Module, Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyngx.config.scope import Scope
    from pyngx.config.source import Span
    from pyngx.config.syntax import Node
    from pyngx.core.answers import Handler
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

T = TypeVar("T")

LEVELS = ("debug", "info", "notice", "warn", "error", "crit", "alert", "emerg")
STREAMS = frozenset({"stdout", "stderr"})


# arguments


@dataclass(frozen=True, slots=True)
class ErrorLog:
    """One `error_log`: a path, a stream or a syslog server, and the least serious level that it takes."""

    target: str
    level: str = "error"
    json: bool = False  # whatever log_style says
    span: Span | None = field(default=None, compare=False, repr=False)


def _error_log(node: Node) -> ErrorLog:
    target, *parameters = node.args
    if target.text.startswith("memory:"):
        raise ConfigError("error logs in memory are not supported", target.span, help="name a file, stderr or syslog:")
    level, json = "", False
    for word in parameters:
        name = "debug" if word.text.startswith("debug_") else word.text
        if name == "json":
            json = True
        elif name not in LEVELS:
            raise ConfigError(f'invalid log level "{word.text}"', word.span, help=f"levels: {', '.join(LEVELS)}")
        elif level and word.text == name:
            raise ConfigError(f'duplicate log level "{word.text}"', word.span)
        else:
            level = name
    return ErrorLog(target.text, level or "error", json, target.span)


error_log = Argument("file | stderr | syslog:... [level] [json]", _error_log, 1, None)


# settings


@dataclass(frozen=True, slots=True)
class ErrorLogSettings:
    """Where errors are told, and how."""

    error_log: tuple[ErrorLog, ...] = repeated(
        error_log,
        "main http server location",
        shown="stderr notice",
        doc="where errors are logged, from a level on; each use adds a log",
    )
    log_style: str = directive(
        choice("json", "nginx"), "main", default="json", doc="how logs are written that name no format of their own"
    )


# what others use


def log_target(path: str, prefix: str) -> str:
    """A target with its path made absolute."""
    return path if path in STREAMS or path.startswith("syslog:") else os.path.join(prefix, path)


def error_sinks(scope: Scope, prefix: str) -> tuple[ErrorSink, ...]:
    """Where errors of a block go; empty where nothing is said, and the process's own log is to be used."""
    own = settings(scope, ErrorLogSettings)
    return tuple(
        ErrorSink(log_target(log.target, prefix), log.level, "json" if log.json else own.log_style)
        for log in own.error_log
    )


def opened(open_it: Callable[[], T], target: str, span: Span | None) -> T:
    """Open a log; raises ConfigError where that fails."""
    try:
        return open_it()
    except OSError as error:
        raise ConfigError(f'open() "{target}" failed ({error.errno}: {error.strerror})', span) from None
    except ValueError as error:
        raise ConfigError(f'{error} in "{target}"', span) from None


def furnish(build: Build) -> None:
    """Give the location its error log, if it is to have another than the process."""
    sinks = error_sinks(build.scope, build.runtime.prefix)
    if not sinks:
        return
    assert build.location is not None
    logs = build.runtime.logs
    span = build.origin(ErrorLogSettings, "error_log")
    build.location.log = opened(
        lambda: build.claim(("error_log", sinks), lambda: logs.error_log(sinks), lambda log: log.close()),
        sinks[0].target,
        span,
    )


def make_tracer(build: Build) -> Handler | None:
    """What tells where requests go, in a location whose log is to have that."""
    assert build.location is not None
    location, log = build.location, build.location.log or build.runtime.log
    if not log.enabled("debug"):
        return None

    def trace(exchange: Exchange) -> None:
        message = f'using configuration "{location.name}"'
        exchange.log("debug", "location_chosen", message, location=location.name, uri=exchange.uri)

    return trace


MODULE = Module("error_log", settings=(ErrorLogSettings,), furnish=furnish, handlers={Phase.PREACCESS: make_tracer})
