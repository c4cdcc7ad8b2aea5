"""open_log_file_cache of ngx_http_log_module: how many logs with variables in their names are kept open."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, parse_number, parse_seconds
from pyngx.config.declare import directive
from pyngx.config.diagnostics import ConfigError
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.files import PLAIN
from pyngx.core.logs import FileCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyngx.config.syntax import Node, Word
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.files import Files

READERS: dict[str, Callable[[Word], float]] = {
    "max": parse_number,
    "inactive": parse_seconds,
    "min_uses": parse_number,
    "valid": parse_seconds,
}

# arguments


def _cache(node: Node) -> FileCache | None:
    found: dict[str, float] = {"inactive": 10.0, "min_uses": 1, "valid": 60.0}
    for word in node.args:
        if word.text == "off":
            return None
        key, equals, _ = word.text.partition("=")
        try:
            if not equals:
                raise KeyError(key)
            found[key] = READERS[key](word.part(len(key) + 1))
        except (KeyError, ConfigError):
            message = f'invalid "open_log_file_cache" parameter "{word.text}"'
            raise ConfigError(message, word.span, help="open_log_file_cache max=100 inactive=20s;") from None
    if not found.get("max"):
        raise ConfigError('"open_log_file_cache" must have "max" parameter', node.span)
    return FileCache(int(found["max"]), found["inactive"], int(found["min_uses"]), found["valid"])


# settings


@dataclass(frozen=True, slots=True)
class LogCacheSettings:
    """Which logs with variables in their names stay open."""

    open_log_file_cache: FileCache | None = directive(
        Argument("max=N [inactive=time] [min_uses=N] [valid=time] | off", _cache, 1, 4),
        EVERYWHERE,
        default=None,
        shown="off",
        doc="how many access logs with variables in their names are kept open",
    )


# what the access log uses


def appender_of(build: Build, files: Files) -> Callable[[Exchange, str, bytes], None]:
    """What appends a line to a path; raises OSError where it can't. Where `files` have rules, none is kept open."""
    own = build.settings(LogCacheSettings).open_log_file_cache
    logs = build.runtime.logs
    if files is not PLAIN:
        open_file = files.open
        return lambda exchange, path, line: logs.append(path, line, partial(open_file, exchange))
    if own is None:
        return lambda _, path, line: logs.append(path, line)
    place = build.origin(LogCacheSettings, "open_log_file_cache")
    cache = build.claim(("open_log_file_cache", str(place), own), lambda: logs.cache(own), lambda cache: cache.close())
    return lambda _, path, line: cache.append(path, line)
