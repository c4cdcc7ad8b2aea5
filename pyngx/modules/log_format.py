"""log_format of ngx_http_log_module: lines of text with variables, compiled once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument
from pyngx.config.diagnostics import ConfigError
from pyngx.core.template import reader, split
from pyngx.http.dates import PerSecond, format_iso8601, format_local
from pyngx.http.log_escape import escape_default, escape_json

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.config.syntax import Node
    from pyngx.core.exchange import Exchange
    from pyngx.core.variables import Getter, Variables

Line = Callable[["Exchange"], bytes]
"""Makes the line of an exchange, its end included."""

ESCAPES = ("default", "json", "none")

CLEAN = frozenset(
    {"body_bytes_sent", "bytes_sent", "connection", "connection_requests", "connection_time", "msec", "pid"}
    | {"remote_addr", "remote_port", "request_id", "request_length", "request_time", "scheme", "server_addr"}
    | {"server_port", "server_protocol", "status", "time_iso8601", "time_local"}
)
"""Variables that always have a value, and never one that has to be escaped."""

CLOCKS: dict[str, Callable[[float], str]] = {"time_local": format_local, "time_iso8601": format_iso8601}
"""Times that need to be written once a second only."""


@dataclass(frozen=True, slots=True)
class LogFormat:
    """One `log_format`; its strings are joined."""

    name: str
    text: str
    escape: str = "default"
    span: Span | None = field(default=None, compare=False, repr=False)


def _log_format(node: Node) -> LogFormat:
    name, *strings = node.args
    escape = "default"
    if strings[0].text.startswith("escape="):
        escape = strings.pop(0).text.removeprefix("escape=")
        if escape not in ESCAPES:
            message = f'unknown log format escaping "{escape}"'
            raise ConfigError(message, node.args[1].span, help="escapings: default, json, none")
    return LogFormat(name.text, "".join(string.text for string in strings), escape, name.span)


log_format = Argument("name [escape=default|json|none] string ...", _log_format, 2, None)


def compile_format(format_: LogFormat, variables: Variables) -> Line:
    """A format as one f-string over the getters of its variables."""
    names: dict[str, object] = {"escape": _ESCAPES[format_.escape]}
    pieces: list[str] = []
    for number, (part, is_variable) in enumerate(split(format_.text, format_.span)):
        name = f"p{number}"
        if not is_variable:
            names[name] = part
            pieces.append(f"{{{name}}}")
            continue
        names[name] = _clock(CLOCKS[part]) if part in CLOCKS else reader(part, variables, format_.span)
        pieces.append(f"{{{name}(x)}}" if part in CLEAN else f"{{escape({name}(x))}}")
    # 2.8 us for the line of `combined`
    line: Line = eval(f"lambda x: f\"{''.join(pieces)}\\n\".encode('utf-8', 'surrogateescape')", names)
    return line


def _clock(form: Callable[[float], str]) -> Getter:
    at, clock = PerSecond(form).at, time.time
    return lambda _: at(clock())


def _default(value: str | None) -> str:
    return "-" if value is None else escape_default(value)


def _json(value: str | None) -> str:
    return "" if value is None else escape_json(value)


def _none(value: str | None) -> str:
    return "" if value is None else value


_ESCAPES: dict[str, Callable[[str | None], str]] = {"default": _default, "json": _json, "none": _none}
