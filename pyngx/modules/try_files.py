"""ngx_http_try_files_module: the first of several files that exists, else another URI or a status."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, text_of
from pyngx.config.declare import NEVER, directive
from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import Answer, Handler, Named, Redirected, Status
from pyngx.core.phases import Module, Phase
from pyngx.modules.core import MISSING, PathOf, alias_pattern, path_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyngx.config.syntax import Node
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.template import Template


# arguments


@dataclass(frozen=True, slots=True)
class TryFiles:
    """What to look for, and what to do if nothing is there: a text, or a status."""

    files: tuple[Text, ...]
    otherwise: Text
    code: int = 0


def _try_files(node: Node) -> TryFiles:
    *files, last = node.args
    code = 0
    if last.text.startswith("="):
        if not last.text[1:].isdigit() or int(last.text[1:]) > 999:
            raise ConfigError(f'invalid code "{last.text[1:]}"', last.span, help="a status is =404, say")
        code = int(last.text[1:])
    return TryFiles(tuple(map(text_of, files)), text_of(last), code)


# settings


@dataclass(frozen=True, slots=True)
class TryFilesSettings:
    """Which files are tried."""

    try_files: TryFiles | None = directive(
        Argument("file ... uri | =code", _try_files, 2, None),
        "server location",
        default=None,
        inherits=NEVER,
        doc="files to look for in order (a slash at the end means a directory), and what to do if none is there",
    )


# handlers


def make_handler(build: Build) -> Handler | None:
    """What tries files, in a location that says so."""
    own = build.settings(TryFilesSettings).try_files
    if own is None:
        return None
    files = [_candidate(build, file) for file in own.files]
    otherwise = build.template(own.otherwise)
    full_path = path_of(build)
    alias = alias_pattern(build)
    if alias is not None and alias.is_regex:
        return _in_regex_alias(files, full_path, lambda exchange: _last(otherwise.render(exchange), own.code))
    prefix = len(alias.text) if alias is not None else 0

    def handle(exchange: Exchange) -> Answer | None:
        before = exchange.uri[:prefix]
        for file, wants_directory in files:
            uri = before + _without(before, file, exchange)
            if _is_there(exchange, full_path(exchange, uri), wants_directory):
                exchange.uri = uri  # that of a directory gets its slash by a redirect, if it had none
                return None
        return _last(_without(before, otherwise, exchange), own.code)

    return handle


def _without(prefix: str, file: Template, exchange: Exchange) -> str:
    """A name behind an alias: nginx takes the location's prefix away from what variables gave only."""
    name = file.render(exchange)
    return name.removeprefix(prefix) if file.constant is None else name


def _in_regex_alias(
    files: list[tuple[Template, bool]], full_path: PathOf, last: Callable[[Exchange], Answer]
) -> Handler:
    """There an alias is the path of a file, unless what is tried is put behind it."""

    def handle(exchange: Exchange) -> Answer | None:
        alias = full_path(exchange, "")
        for file, wants_directory in files:
            uri = file.render(exchange)
            if _is_there(exchange, alias + uri, wants_directory):
                if not wants_directory:
                    exchange.uri = uri
                    exchange.adds_uri_to_alias = True
                return None
        return last(exchange)

    return handle


def _candidate(build: Build, file: Text) -> tuple[Template, bool]:
    """A name, and whether a directory is wanted."""
    wants_directory = file.value.endswith("/")
    return build.template(Text(file.value[:-1], file.span) if wants_directory else file), wants_directory


def _is_there(exchange: Exchange, path: str, wants_directory: bool) -> bool:
    try:
        mode = exchange.location.files.stat(exchange, path).st_mode
    except ValueError:
        return False
    except OSError as error:
        if error.errno not in MISSING:
            exchange.log("crit", "stat_failed", f'stat() "{path}" failed ({error.errno}: {error.strerror})')
        return False
    return stat.S_ISDIR(mode) == wants_directory


def _last(target: str, code: int) -> Answer:
    if code:
        return Status(code)
    if target.startswith("@"):
        return Named(target[1:])
    uri, _, args = target.partition("?")
    return Redirected(uri, args)


MODULE = Module("try_files", settings=(TryFilesSettings,), handlers={Phase.PRECONTENT: make_handler})
