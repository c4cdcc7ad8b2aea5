"""ngx_http_try_files_module: the first of several files that exists, else another URI or a status."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, text_of
from pyngx.config.declare import NEVER, directive
from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import Answer, Handler, Named, Redirected, Status
from pyngx.core.phases import Module, Phase
from pyngx.modules.core import CoreSettings, path_of

if TYPE_CHECKING:
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
    is_alias = build.settings(CoreSettings).document.is_alias
    assert build.location is not None
    skipped = build.location.pattern.text if is_alias and not build.location.pattern.is_regex else ""

    def handle(exchange: Exchange) -> Answer | None:
        for file, wants_directory in files:
            uri = file.render(exchange)
            # nginx takes the location's prefix away from what variables gave only
            if skipped and (file.constant is not None or not uri.startswith(skipped)):
                uri = skipped + uri
            if _is_there(full_path(exchange, uri), wants_directory):
                exchange.uri = uri  # that of a directory gets its slash by a redirect, if it had none
                return None
        return _last(exchange, otherwise, own.code)

    return handle


def _candidate(build: Build, file: Text) -> tuple[Template, bool]:
    """A name, and whether a directory is wanted."""
    wants_directory = file.value.endswith("/")
    return build.template(Text(file.value[:-1], file.span) if wants_directory else file), wants_directory


def _is_there(path: str, wants_directory: bool) -> bool:
    try:
        mode = os.stat(path.rstrip("/") or "/").st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISDIR(mode) == wants_directory


def _last(exchange: Exchange, otherwise: Template, code: int) -> Answer:
    if code:
        return Status(code)
    target = otherwise.render(exchange)
    if target.startswith("@"):
        return Named(target[1:])
    uri, _, args = target.partition("?")
    return Redirected(uri, args)


MODULE = Module("try_files", settings=(TryFilesSettings,), handlers={Phase.PRECONTENT: make_handler})
