"""ngx_http_log_module: access logs, one closure for each, made when the configuration is built."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, parse_number, parse_seconds, parse_size, text_of
from pyngx.config.declare import directive, repeated
from pyngx.config.diagnostics import ConfigError, did_you_mean
from pyngx.core.answers import Logger
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.logs import UNBUFFERED, Buffering, HeldFile
from pyngx.core.phases import Module
from pyngx.core.template import Template, has_variables
from pyngx.http.codec import wire
from pyngx.http.headers import is_token
from pyngx.modules.error_log import ErrorLogSettings, log_target, opened
from pyngx.modules.log_cache import LogCacheSettings, appender_of
from pyngx.modules.log_format import Line, LogFormat, compile_format, log_format
from pyngx.modules.log_json import json_line

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.config.syntax import Node, Word
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.files import Files

COMBINED = LogFormat(
    "combined",
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
)
JSON = "json"
"""The name of pyngx's own format; a log_format of this name takes its place."""

GZIP_BUFFER = 64 * 1024


# arguments


@dataclass(frozen=True, slots=True)
class AccessLog:
    """One `access_log`; without a path it is `off`, without a format it has the one that `log_style` says."""

    path: Text | None
    format: str = ""
    buffering: Buffering = UNBUFFERED
    condition: Text | None = None
    format_span: Span | None = field(default=None, compare=False, repr=False)


OFF = AccessLog(None)


def _access_log(node: Node) -> AccessLog:
    path, *rest = node.args
    if path.text == "off":
        if rest:
            raise ConfigError(f'invalid parameter "{rest[0].text}"', rest[0].span, help="access_log off;")
        return OFF
    if not rest:
        return AccessLog(text_of(path))
    buffering, condition = UNBUFFERED, None
    for word in rest[1:]:
        if word.text.startswith("if="):
            condition = text_of(word.part(3))
        else:
            buffering = _buffering(buffering, word)
    _check_buffering(buffering, path)
    return AccessLog(text_of(path), rest[0].text, buffering, condition, rest[0].span)


def _buffering(before: Buffering, word: Word) -> Buffering:
    key, equals, value = word.text.partition("=")
    part = word.part(len(key) + 1)
    try:
        match key:
            case "buffer" if equals and (size := parse_size(part)):
                return replace(before, size=size)
            case "flush" if equals and (seconds := parse_seconds(part)):
                return replace(before, seconds=seconds)
            case "gzip":
                level = parse_number(part, 1, 9) if equals else 1
                return replace(before, gzip=level, size=before.size or GZIP_BUFFER)
    except ConfigError:
        pass
    names = {"buffer": "buffer size", "flush": "flush time", "gzip": "compression level"}
    message = f'invalid {names[key]} "{value}"' if equals and key in names else f'invalid parameter "{word.text}"'
    raise ConfigError(message, word.span, help="parameters: buffer=size flush=time gzip[=level] if=condition")


def _check_buffering(buffering: Buffering, path: Word) -> None:
    if buffering.seconds and not buffering.size:
        raise ConfigError(f'no buffer is defined for access_log "{path.text}"', path.span, help="add buffer=32k, say")
    if buffering.size and path.text.startswith("syslog:"):
        raise ConfigError("logs to syslog cannot be buffered", path.span)
    if buffering.size and has_variables(path.text):
        raise ConfigError("buffered logs cannot have variables in name", path.span)


def _field_name(node: Node) -> str:
    word = node.args[0]
    if not is_token(wire(word.text)):
        raise ConfigError(f'invalid field name "{word.text}"', word.span)
    return "" if word.text == "off" else word.text.lower()


access_log = Argument(
    "path [format [buffer=size] [gzip[=level]] [flush=time] [if=condition]] | off", _access_log, 1, None
)


# settings


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Where requests are logged, and how."""

    access_log: tuple[AccessLog, ...] = repeated(
        access_log,
        f"{EVERYWHERE} location-if limit_except",
        doc="where requests are logged; each use adds a log, off means none",
        shown="stdout json, with log_style nginx: logs/access.log combined",
    )
    request_id_header: str = directive(
        Argument("name | off", _field_name, 1, 1),
        "http server",
        default="",
        shown="off",
        doc="the request's field whose value $request_id takes over, where there is a sensible one",
    )


@dataclass(frozen=True, slots=True)
class FormatSettings:
    """How lines of access logs look."""

    log_format: tuple[LogFormat, ...] = repeated(log_format, "http", doc="a format of access logs")


# state


@dataclass(slots=True)
class AccessLogs:
    """What the access logs of one `http` block have in common: formats by name, buffers by target, what is built."""

    default: AccessLog
    formats: dict[str, Line]
    buffering: dict[str, Buffering] = field(default_factory=dict)
    # by the identity of what it was built from, which is held so that no other gets it
    built: dict[tuple[int, int], tuple[LogSettings, LogCacheSettings, Logger | None]] = field(default_factory=dict)


# handlers


def define(build: Build) -> None:
    """Compile the formats."""
    style = build.settings(ErrorLogSettings).log_style
    formats: dict[str, Line] = {}
    for format_ in (COMBINED, *build.settings(FormatSettings).log_format):
        if format_.name in formats:
            raise ConfigError(f'duplicate "log_format" name "{format_.name}"', format_.span)
        formats[format_.name] = compile_format(format_, build.variables)
    own = json_line()
    default = AccessLog(Text("stdout")) if style == "json" else AccessLog(Text("logs/access.log"), COMBINED.name)
    formats.setdefault(JSON, own)
    formats[""] = own if style == "json" else formats[COMBINED.name]
    build.name("", AccessLogs(default, formats))


def furnish(build: Build) -> None:
    """Tell the location what $request_id takes over."""
    assert build.location is not None
    build.location.request_id_header = wire(build.settings(LogSettings).request_id_header)


def make_logger(build: Build) -> Logger | None:
    """What logs the requests of a location; locations with the same settings share it."""
    common = build.named(AccessLogs, "")
    if common is None:  # a format is wrong, which has been told
        return None
    own, cache = build.settings(LogSettings), build.settings(LogCacheSettings)
    found = common.built.get((id(own), id(cache)))
    if found is None:
        logger = _all(build, common, own.access_log or (common.default,))
        found = common.built[id(own), id(cache)] = own, cache, logger
    return found[2]


def _all(build: Build, common: AccessLogs, logs: tuple[AccessLog, ...]) -> Logger | None:
    if OFF in logs:
        return None
    loggers = [_one(build, common, log) for log in logs]
    if len(loggers) == 1:
        return loggers[0]

    def write_all(exchange: Exchange) -> None:
        for write in loggers:
            write(exchange)

    return write_all


def _one(build: Build, common: AccessLogs, log: AccessLog) -> Logger:
    assert log.path is not None
    line = _find_format(common, log)
    if has_variables(log.path.value):
        path = replace(log.path, value=log_target(log.path.value, build.runtime.prefix))
        write = _append(build, build.template(path))
    else:
        write = _write(_open(build, common, log.path, log.buffering))
    if log.condition is None:
        return lambda exchange: write(exchange, line)
    condition = build.template(log.condition).render

    def write_if(exchange: Exchange) -> None:
        if condition(exchange) not in {"", "0"}:
            write(exchange, line)

    return write_if


def _find_format(common: AccessLogs, log: AccessLog) -> Line:
    lower = log.format.lower()  # nginx finds formats without regard to case, the first of them
    for name, line in common.formats.items():
        if name.lower() == lower:
            return line
    likely = did_you_mean(log.format, [name for name in common.formats if name])
    raise ConfigError(f'unknown log format "{log.format}"', log.format_span, help=likely)


def _open(build: Build, common: AccessLogs, path: Text, buffering: Buffering) -> HeldFile:
    """A file that stays open as long as a generation names it; how it is buffered changes when the new one starts."""
    target = log_target(path.value, build.runtime.prefix)
    logs = build.runtime.logs
    file = opened(
        lambda: build.claim(("log_file", target), lambda: logs.file(target), lambda file: file.close()),
        target,
        path.span,
    )
    before = common.buffering.get(target)
    if before is None:
        build.at_start(lambda: file.buffer(common.buffering[target]))
    elif before.size and buffering.size and before != buffering:
        raise ConfigError(f'access_log "{path}" already defined with conflicting parameters', path.span)
    if before is None or buffering.size:
        common.buffering[target] = buffering
    return file


Write = Callable[["Exchange", Line], None]


def _write(file: HeldFile) -> Write:
    write = file.write
    return lambda exchange, line: write(line(exchange))


def _append(build: Build, path: Template) -> Write:
    """What writes to a path that depends on the request.

    As in nginx the root of the request must exist, so that not everybody who invents a host name makes a file.
    """
    assert build.location is not None
    files = build.location.files
    append = appender_of(build, files)
    render = path.render

    def write(exchange: Exchange, line: Line) -> None:
        root = exchange.location.document_root(exchange)
        if not _is_directory(files, exchange, root):
            exchange.log("error", "access_log_skipped", f'testing "{root}" existence failed')
            return
        target = render(exchange)
        try:
            append(exchange, target, line(exchange))
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            exchange.log("crit", "access_log_failed", f'open() "{target}" failed ({error})')

    return write


def _is_directory(files: Files, exchange: Exchange, path: str) -> bool:
    try:
        return stat.S_ISDIR(files.stat(exchange, path).st_mode)
    except (OSError, ValueError):
        return False


MODULE = Module(
    "log",
    settings=(LogSettings, LogCacheSettings, FormatSettings),
    define=define,
    furnish=furnish,
    logger=make_logger,
)
