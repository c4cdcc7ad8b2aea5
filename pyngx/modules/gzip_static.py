"""ngx_http_gzip_static_module: files that were compressed beforehand, with .gz behind their names."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import choice
from pyngx.config.declare import directive
from pyngx.core.answers import Answer, Content, Handler, Response, Status
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module, Phase
from pyngx.modules.core import MISSING, CoreSettings, media_types, path_of, type_of
from pyngx.modules.gzip import VARY, GzipClientSettings, gzip_test
from pyngx.modules.static import file_response, opener

if TYPE_CHECKING:
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

DENIED = frozenset({errno.EACCES, errno.EMLINK, errno.ELOOP})
NOTHING_YET = Response(200)


# settings


@dataclass(frozen=True, slots=True)
class GzipStaticSettings:
    """Whether such files are looked for."""

    gzip_static: str = directive(
        choice("off", "on", "always"),
        EVERYWHERE,
        default="off",
        doc="whether a file's compressed twin (.gz) is sent to clients that take it, or to all",
    )


# handlers


def make_handler(build: Build) -> Handler | None:
    """What sends the compressed twin of a file, in a location that says so."""
    mode = build.settings(GzipStaticSettings).gzip_static
    if mode == "off":
        return None
    types = media_types(build)
    full_path = path_of(build)
    open_file = opener(build)
    accepts = gzip_test(build)
    vary = build.settings(GzipClientSettings).gzip_vary
    always, etag = mode == "always", build.settings(CoreSettings).etag

    def handle(exchange: Exchange) -> Answer | None:
        uri = exchange.uri
        if exchange.method not in {"GET", "HEAD"} or uri.endswith("/"):
            return None
        wanted = always or accepts(exchange, NOTHING_YET)
        if not wanted and not vary:
            return None
        path = full_path(exchange, uri) + ".gz"
        try:
            descriptor = open_file(exchange, path)
        except (OSError, ValueError) as error:
            _tell(exchange, path, error)
            return None
        if vary and not always:
            exchange.kept_fields = (*exchange.kept_fields, VARY)  # whatever the answer is going to be
        status = os.fstat(descriptor)
        if not wanted or not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            if not wanted or stat.S_ISDIR(status.st_mode):
                return None
            exchange.log("crit", "not_a_regular_file", f'"{path}" is not a regular file')
            return Status(404)
        response = file_response(descriptor, status, type_of(exchange, types), etag)
        response.headers.add(b"Content-Encoding", b"gzip")
        return Content(response)

    return handle


def _tell(exchange: Exchange, path: str, error: OSError | ValueError) -> None:
    """A file that isn't there is nothing to talk about."""
    code = error.errno if isinstance(error, OSError) else errno.ENOENT
    if code not in MISSING:
        level = "error" if code in DENIED else "crit"
        exchange.log(level, "file_open_failed", f'open() "{path}" failed ({code}: {os.strerror(code or 0)})')


MODULE = Module("gzip_static", settings=(GzipStaticSettings,), handlers={Phase.CONTENT: make_handler})
