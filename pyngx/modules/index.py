"""ngx_http_index_module: the file that answers for a directory."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Text, texts
from pyngx.config.declare import repeated
from pyngx.core.answers import Answer, Handler, Redirected, Status
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module, Phase
from pyngx.modules.core import path_of

if TYPE_CHECKING:
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange


LASTING = frozenset({errno.ENOTDIR, errno.ENAMETOOLONG, errno.EACCES, errno.ELOOP})
"""Failures that the next name would have as well."""


# settings


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """Names of index files."""

    index: tuple[tuple[Text, ...], ...] = repeated(
        texts(),
        EVERYWHERE,
        default=((Text("index.html"),),),
        shown="index.html",
        doc="files that answer for a directory, in order",
    )


# handlers


def make_handler(build: Build) -> Handler:
    """What looks for an index file where the URI ends with a slash."""
    names = [build.template(name) for group in build.settings(IndexSettings).index for name in group]
    full_path = path_of(build)

    def handle(exchange: Exchange) -> Answer | None:
        uri = exchange.uri
        if not uri.endswith("/") or exchange.method not in {"GET", "HEAD", "POST"}:
            return None
        directory = full_path(exchange, uri)
        is_sure = False  # that the directory is one
        for template in names:
            name = template.render(exchange)
            if name.startswith("/"):
                return Redirected(name, exchange.args)
            failed = _failure(directory + name)
            if not failed:  # as nginx has it, a directory will do
                return Redirected(uri + name, exchange.args)
            if failed in LASTING:
                return _missing(exchange, directory + name, failed)
            if not is_sure and (answer := _not_a_directory(exchange, directory)) is not None:
                return answer
            is_sure = True
            if failed != errno.ENOENT:
                return Status(500)
        return None

    return handle


def _failure(path: str) -> int:
    """Why a path leads to nothing; 0 if it does."""
    try:
        os.stat(path)
    except OSError as error:
        return error.errno or errno.ENOENT
    except ValueError:
        return errno.ENOENT
    return 0


def _not_a_directory(exchange: Exchange, directory: str) -> Answer | None:
    path = directory.removesuffix("/") or "/"  # an alias may end without a slash
    failed = _failure(path)
    if failed == errno.EACCES:  # what is in it was found missing, so it can be searched
        return None
    if failed:
        return _missing(exchange, directory, failed) if failed in {errno.ENOENT, errno.ELOOP} else Status(500)
    if os.path.isdir(path):
        return None
    exchange.log("alert", "not_a_directory", f'"{path}" is not a directory')
    return Status(500)


def _missing(exchange: Exchange, path: str, code: int) -> Status:
    if code == errno.ELOOP:
        return Status(403)
    if code == errno.EACCES:
        exchange.log("error", "file_open_failed", f'"{path}" is forbidden ({code}: {os.strerror(code)})')
        return Status(403)
    exchange.log("error", "file_not_found", f'"{path}" is not found ({code}: {os.strerror(code)})')
    return Status(404)


MODULE = Module("index", settings=(IndexSettings,), handlers={Phase.CONTENT: make_handler})
