"""ngx_http_index_module: the file that answers for a directory."""

from __future__ import annotations

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
        for template in names:
            name = template.render(exchange)
            if name.startswith("/"):
                return Redirected(name, exchange.args)
            if name and os.path.isfile(directory + name):
                return Redirected(uri + name, exchange.args)
        if not os.path.isdir(directory):
            exchange.log("error", "file_not_found", f'"{directory}{name}" is not found (2: No such file or directory)')
            return Status(404)
        return None

    return handle


MODULE = Module("index", settings=(IndexSettings,), handlers={Phase.CONTENT: make_handler})
