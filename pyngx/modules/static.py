"""ngx_http_static_module: files."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyngx.core.answers import Answer, Content, FilePart, Handler, Response, Status
from pyngx.core.phases import Module, Phase
from pyngx.http.escape import escape_uri
from pyngx.http.etag import entity_tag
from pyngx.http.headers import Headers
from pyngx.modules.core import MISSING, CoreSettings, media_types, path_of, type_of

if TYPE_CHECKING:
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

FORBIDDEN = frozenset({errno.EACCES, errno.ELOOP, errno.EMLINK})


# handlers


def make_handler(build: Build) -> Handler:
    """What sends the file that a URI names; the last of all content handlers."""
    own = build.settings(CoreSettings)
    types = media_types(build)
    full_path = path_of(build)
    open_file = opener(build)

    def handle(exchange: Exchange) -> Answer:
        uri = exchange.uri
        if exchange.method not in {"GET", "HEAD", "POST"}:
            return Status(405)
        path = full_path(exchange, uri)
        if uri.endswith("/"):
            exchange.log("error", "directory_index_forbidden", f'directory index of "{path}" is forbidden')
            return Status(403)
        try:
            descriptor = open_file(exchange, path)
        except (OSError, ValueError) as error:
            return _failed(exchange, path, error, own.log_not_found)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or exchange.method == "POST":
            os.close(descriptor)
            return _not_a_file(exchange, status, path)
        return Content(file_response(descriptor, status, type_of(exchange, types), own.etag))

    return handle


# what other modules use


def opener(build: Build) -> Callable[[Exchange, str], int]:
    """What opens files as the location says, and gives descriptors; raises OSError, or ValueError for a NUL."""
    assert build.location is not None
    open_file = build.location.files.open
    # O_NONBLOCK: a FIFO must not stop the process
    return lambda exchange, path: open_file(exchange, path, os.O_RDONLY | os.O_NONBLOCK, 0)


def file_response(descriptor: int, status: os.stat_result, media_type: bytes, etag: bool) -> Response:
    """What sends a regular file, and describes it; the descriptor is the response's from now on."""
    file = os.fdopen(descriptor, "rb", buffering=0)
    headers = Headers([(b"Content-Type", media_type)] if media_type else [])
    return Response(
        200,
        headers,
        length=status.st_size,
        parts=(FilePart(file, 0, status.st_size),),
        last_modified=int(status.st_mtime),
        etag=entity_tag(int(status.st_mtime), status.st_size) if etag else None,
        allow_ranges=True,
    )


def _failed(exchange: Exchange, path: str, error: OSError | ValueError, log_missing: bool) -> Status:
    code = error.errno if isinstance(error, OSError) else errno.ENOENT
    level, answer = ("crit", 500)
    if code in MISSING:
        level, answer = ("error" if log_missing else "", 404)
    elif code in FORBIDDEN:
        level, answer = ("error", 403)
    if level:
        exchange.log(level, "file_open_failed", f'open() "{path}" failed ({code}: {os.strerror(code or 0)})')
    return Status(answer)


def _not_a_file(exchange: Exchange, status: os.stat_result, path: str) -> Status:
    if stat.S_ISDIR(status.st_mode):
        return _slash(exchange)
    if stat.S_ISREG(status.st_mode):
        return Status(405)
    exchange.log("crit", "not_a_regular_file", f'"{path}" is not a regular file')
    return Status(404)


def _slash(exchange: Exchange) -> Status:
    args = f"?{exchange.args}" if exchange.args else ""
    return Status(301, location=f"{escape_uri(exchange.uri)}/{args}")


MODULE = Module("static", handlers={Phase.CONTENT: make_handler})
