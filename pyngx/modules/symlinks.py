"""`disable_symlinks` of ngx_http_core_module: paths are walked name by name (ngx_open_file_cache.c).

Each directory is opened relative to the one before, so that nobody can exchange a part of the path that was looked at.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, text_of
from pyngx.config.declare import directive
from pyngx.config.diagnostics import ConfigError
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.files import PLAIN, Files
from pyngx.core.phases import Module

if TYPE_CHECKING:
    from pyngx.config.syntax import Node
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

MODES = ("off", "on", "if_not_owner")
READ = os.O_RDONLY | os.O_NONBLOCK  # a FIFO must not stop the process
SEARCH = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NONBLOCK

Step = Callable[[str, int, int, int], int]
"""Opens one name: its flags, its mode, and the descriptor of the directory that it is in."""


# arguments


@dataclass(frozen=True, slots=True)
class Symlinks:
    """Which symbolic links a path may not have, and the part in front that may have any."""

    mode: str = "off"
    start: Text | None = None


def _symlinks(node: Node) -> Symlinks:
    mode, start = "", None
    for word in node.args:
        if word.text in MODES and not mode:
            mode = word.text
        elif word.text.startswith("from=") and start is None:
            start = text_of(word.part(len("from=")))
        elif word.text in MODES or word.text.startswith("from="):
            raise ConfigError(f'duplicate parameters "{" ".join(word.text for word in node.args)}"', word.span)
        else:
            raise ConfigError(f'invalid parameter "{word.text}"', word.span)
    if not mode:
        raise ConfigError('"disable_symlinks" must have "off", "on" or "if_not_owner" parameter', node.span)
    if mode == "off" and start is not None:
        raise ConfigError('"from=" cannot be used with "off" parameter', start.span)
    return Symlinks(mode, start)


# settings


@dataclass(frozen=True, slots=True)
class SymlinkSettings:
    """Whether files are reached through symbolic links."""

    disable_symlinks: Symlinks = directive(
        Argument("off | on | if_not_owner [from=part]", _symlinks, 1, 2),
        EVERYWHERE,
        default=Symlinks(),
        shown="off",
        doc="whether paths may have symbolic links: any, none, or those whose owner has what they point to; "
        "from= is the part in front that may have any",
    )


# what the path is walked by


def _unlinked(name: str, flags: int, mode: int, directory: int) -> int:
    return os.open(name, flags | os.O_NOFOLLOW, mode, dir_fd=directory)


def _owned(name: str, flags: int, mode: int, directory: int) -> int:
    """What a link points to has to be its owner's, and so all other names: one can't know what was opened."""
    if flags & os.O_CREAT:
        return _unlinked(name, flags, mode, directory)
    descriptor = os.open(name, flags, mode, dir_fd=directory)
    try:
        if os.fstat(descriptor).st_uid != os.stat(name, dir_fd=directory, follow_symlinks=False).st_uid:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


STEPS = {"on": _unlinked, "if_not_owner": _owned}


def walk(path: str, start: int, flags: int, mode: int, step: Step) -> int:
    """Open a path whose first `start` characters are trusted; gives a descriptor."""
    head, rest = (path[:start], path[start + 1 :]) if start else ("/" if path.startswith("/") else ".", path)
    *folders, last = rest.split("/")
    directory = os.open(head, SEARCH)
    try:
        for name in filter(None, folders):
            inner = step(name, SEARCH, 0, directory)
            os.close(directory)
            directory = inner
        return step(last, flags, mode, directory) if last else os.open(".", flags, mode, dir_fd=directory)
    finally:
        os.close(directory)


# what other modules use


def files_of(build: Build) -> Files:
    """How files are opened in a location."""
    own = build.settings(SymlinkSettings).disable_symlinks
    if own.mode == "off":
        return PLAIN
    step = STEPS[own.mode]
    trusted = build.template(own.start).render if own.start is not None else None

    def open_file(exchange: Exchange, path: str, flags: int, mode: int) -> int:
        start = _trusted_part(path, trusted(exchange)) if trusted is not None else 0
        return os.open(path, flags, mode) if start is None else walk(path, start, flags, mode, step)

    def stat_file(exchange: Exchange, path: str) -> os.stat_result:
        descriptor = open_file(exchange, path, READ, 0)
        try:
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)

    return Files(open_file, stat_file)


def _trusted_part(path: str, trusted: str) -> int | None:
    """Where the slash behind the trusted part stands; 0 where the path doesn't begin so, None if it is no more."""
    if not trusted or not path.startswith(trusted):
        return 0
    if path == trusted:
        return None
    end = len(trusted)
    if path[end] == "/":
        return end
    return end - 1 if trusted.endswith("/") else 0


def furnish(build: Build) -> None:
    """Tell the location how it opens files."""
    assert build.location is not None
    build.location.files = files_of(build)


MODULE = Module("symlinks", settings=(SymlinkSettings,), furnish=furnish)
