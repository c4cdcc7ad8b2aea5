"""ngx_http_autoindex_module: listings of directories that have no index file."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import stat
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import choice, flag
from pyngx.config.declare import directive
from pyngx.core.answers import Answer, Content, Handler, Response, Status
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module, Phase
from pyngx.http.args import argument_finder
from pyngx.http.headers import Headers
from pyngx.http.listings import Entry, HtmlForm, sort, write_html, write_json, write_xml
from pyngx.modules.charset import said_charset
from pyngx.modules.core import path_of

if TYPE_CHECKING:
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})
DANGLING = frozenset({errno.ENOENT, errno.ELOOP})
TYPES = {
    "html": b"text/html",
    "json": b"application/json",
    "jsonp": b"application/javascript",
    "xml": b"text/xml; charset=utf-8",
}
CALLBACK = re.compile(r"[A-Za-z0-9_.]{1,128}")

Write = Callable[[list[Entry]], bytes]


# settings


@dataclass(frozen=True, slots=True)
class AutoindexSettings:
    """Whether directories are listed, and how."""

    autoindex: bool = directive(flag, EVERYWHERE, default=False, doc="whether directories without an index are listed")
    autoindex_format: str = directive(
        choice("html", "xml", "json", "jsonp"),
        EVERYWHERE,
        default="html",
        doc="the form of listings; jsonp calls what the argument `callback` names",
    )
    autoindex_exact_size: bool = directive(
        flag, EVERYWHERE, default=True, doc="whether sizes in HTML are exact, or in kilobytes and more"
    )
    autoindex_localtime: bool = directive(
        flag, EVERYWHERE, default=False, doc="whether times in HTML are local, or of Greenwich"
    )


# handlers


def make_handler(build: Build) -> Handler | None:
    """What lists directories, in a location that says so."""
    own = build.settings(AutoindexSettings)
    if not own.autoindex:
        return None
    full_path = path_of(build)
    writer = _writer(build, own)

    def handle(exchange: Exchange) -> Answer | Coroutine[object, object, Answer] | None:
        if not exchange.uri.endswith("/") or exchange.method not in {"GET", "HEAD"}:
            return None
        found = writer(exchange)
        if found is None:
            exchange.log("info", "invalid_callback", "client sent invalid callback name")
            return Status(400)
        path = full_path(exchange, exchange.uri)
        return _answer(exchange, path[:-1] if len(path) > 1 else path, *found)

    return handle


async def _answer(exchange: Exchange, path: str, content_type: bytes, write: Write) -> Answer:
    def listing() -> tuple[bytes, list[str]]:
        entries, unreadable = read_directory(path)
        return write(sort(entries)), unreadable

    try:
        # a large directory takes its time, and so does one on a slow disk
        body, unreadable = await asyncio.to_thread(listing)
    except (OSError, ValueError) as error:
        return directory_failed(exchange, path, error)
    for name in unreadable:
        exchange.log("crit", "file_status_failed", f'stat() "{path}/{name}" failed (13: Permission denied)')
    return Content(Response(200, Headers([(b"Content-Type", content_type)]), parts=(body,)))


def _writer(build: Build, own: AutoindexSettings) -> Callable[[Exchange], tuple[bytes, Write] | None]:
    """What gives the type of a listing, and what writes it; None for a callback that is none."""
    form = own.autoindex_format
    media_type = TYPES[form]
    if form == "html":
        charset = said_charset(build)

        def write_as_html(exchange: Exchange) -> tuple[bytes, Write]:
            offset = time.localtime().tm_gmtoff if own.autoindex_localtime else 0
            is_utf8 = (charset(exchange) or "").lower() == "utf-8"
            html_form, uri = HtmlForm(own.autoindex_exact_size, offset, is_utf8), exchange.uri
            return media_type, lambda entries: write_html(uri, entries, html_form)

        return write_as_html
    if form == "jsonp":
        find = argument_finder("callback")

        def write_as_call(exchange: Exchange) -> tuple[bytes, Write] | None:
            callback = find(exchange.args)
            if not callback:
                return TYPES["json"], write_json
            if not CALLBACK.fullmatch(callback):
                return None
            return media_type, lambda entries: write_json(entries, callback)

        return write_as_call
    write = write_xml if form == "xml" else write_json
    return lambda _: (media_type, write)


def read_directory(path: str) -> tuple[list[Entry], list[str]]:
    """The files of a directory that aren't hidden, and names of those that nothing may be learnt of.

    Raises OSError where it can't be read.
    """
    entries, unreadable = [], []
    with os.scandir(path) as found:
        for each in found:
            if each.name.startswith("."):
                continue
            try:
                status = _status(each)
            except PermissionError:
                unreadable.append(each.name)
                continue
            mode = status.st_mode
            kind = "directory" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"
            entries.append(Entry(each.name, kind, int(status.st_mtime), status.st_size))
    return entries, unreadable


def _status(entry: os.DirEntry[str]) -> os.stat_result:
    """What a link leads to, or the link itself if that is nowhere."""
    try:
        return entry.stat()
    except OSError as error:
        if error.errno not in DANGLING:
            raise
    return entry.stat(follow_symlinks=False)


def directory_failed(exchange: Exchange, path: str, error: OSError | ValueError) -> Answer:
    """What answers for a directory that can't be read."""
    code = error.errno if isinstance(error, OSError) else errno.ENOENT
    level, answer = ("crit", 500)
    if code in MISSING:
        level, answer = ("error", 404)
    elif code == errno.EACCES:
        level, answer = ("error", 403)
    exchange.log(level, "directory_open_failed", f'opendir() "{path}" failed ({code}: {os.strerror(code or 0)})')
    return Status(answer)


MODULE = Module("autoindex", settings=(AutoindexSettings,), handlers={Phase.CONTENT: make_handler})
