"""ngx_http_index_module: the file that answers for a directory."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Text, texts
from pyngx.config.declare import repeated
from pyngx.core.answers import Answer, Handler, Redirected, Status
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module, Phase
from pyngx.modules.core import CoreSettings, path_of

if TYPE_CHECKING:
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.files import Files

LINKS = frozenset({errno.ELOOP, errno.EMLINK})
FINAL = frozenset({errno.ENOTDIR, errno.ENAMETOOLONG, errno.EACCES})  # no other name fares better


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
    assert build.location is not None
    names = [build.template(name) for group in build.settings(IndexSettings).index for name in group]
    full_path = path_of(build)
    looks = _Looks(build.location.files, build.settings(CoreSettings).log_not_found)

    def handle(exchange: Exchange) -> Answer | None:
        uri = exchange.uri
        if not uri.endswith("/") or exchange.method not in {"GET", "HEAD", "POST"}:
            return None
        directory = full_path(exchange, uri)
        has_directory = False
        for template in names:
            name = template.render(exchange)
            if name.startswith("/"):
                return Redirected(name, exchange.args)
            failure = looks.failure(exchange, directory + name)
            if failure is None:
                return Redirected(uri + name, exchange.args)
            answer = looks.answer(exchange, directory + name, failure)
            if answer is None and not has_directory:
                answer = looks.at_directory(exchange, directory, name)
                has_directory = True
            if answer is None and failure != errno.ENOENT:
                answer = looks.broken(exchange, directory + name, failure)
            if answer is not None:
                return answer
        return None

    return handle


@dataclass(frozen=True, slots=True)
class _Looks:
    """Looks for files, and what is answered where that fails."""

    files: Files
    log_missing: bool

    def failure(self, exchange: Exchange, path: str) -> int | None:
        """The number of the error; None if something is there."""
        try:
            self.files.stat(exchange, path)
        except OSError as error:
            return error.errno
        except ValueError:
            return errno.ENOENT
        return None

    def answer(self, exchange: Exchange, path: str, failure: int) -> Status | None:
        """What a failure to find an index file is answered by at once."""
        if failure in LINKS:
            return Status(403)
        return self.missing(exchange, path, failure) if failure in FINAL else None

    def at_directory(self, exchange: Exchange, directory: str, name: str) -> Status | None:
        """What is answered where not even the directory is there."""
        folder = directory.removesuffix("/") or "/"
        try:
            mode = self.files.stat(exchange, folder).st_mode
        except (OSError, ValueError) as error:
            failure = error.errno if isinstance(error, OSError) else errno.ENOENT
            if failure in LINKS:
                return Status(403)
            if failure == errno.ENOENT:
                return self.missing(exchange, directory + name, failure)
            return None if failure == errno.EACCES else self.broken(exchange, folder, failure or 0)
        if stat.S_ISDIR(mode):
            return None
        exchange.log("alert", "not_a_directory", f'"{folder}" is not a directory')
        return Status(500)

    def missing(self, exchange: Exchange, path: str, failure: int) -> Status:
        if failure == errno.EACCES:
            exchange.log("error", "file_forbidden", f'"{path}" is forbidden ({failure}: {os.strerror(failure)})')
            return Status(403)
        if self.log_missing:
            exchange.log("error", "file_not_found", f'"{path}" is not found ({failure}: {os.strerror(failure)})')
        return Status(404)

    def broken(self, exchange: Exchange, path: str, failure: int) -> Status:
        exchange.log("crit", "stat_failed", f'stat() "{path}" failed ({failure}: {os.strerror(failure)})')
        return Status(500)


MODULE = Module("index", settings=(IndexSettings,), handlers={Phase.CONTENT: make_handler})
