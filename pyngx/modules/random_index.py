"""ngx_http_random_index_module: any file of a directory answers for it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import flag
from pyngx.config.declare import directive
from pyngx.core.answers import Answer, Handler, Redirected
from pyngx.core.phases import Module, Phase
from pyngx.modules.autoindex import directory_failed, read_directory
from pyngx.modules.core import path_of

if TYPE_CHECKING:
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange


# settings


@dataclass(frozen=True, slots=True)
class RandomIndexSettings:
    """Whether chance chooses."""

    random_index: bool = directive(
        flag, "location", default=False, doc="whether a directory is answered for by any of its files"
    )


# handlers


def make_handler(build: Build) -> Handler | None:
    """What chooses a file, in a location that says so."""
    if not build.settings(RandomIndexSettings).random_index:
        return None
    full_path = path_of(build)

    def handle(exchange: Exchange) -> Coroutine[object, object, Answer | None] | None:
        if not exchange.uri.endswith("/") or exchange.method not in {"GET", "HEAD", "POST"}:
            return None
        return _choose(exchange, full_path(exchange, exchange.uri)[:-1])

    return handle


async def _choose(exchange: Exchange, path: str) -> Answer | None:
    try:
        entries, _ = await asyncio.to_thread(read_directory, path or "/")
    except (OSError, ValueError) as error:
        return directory_failed(exchange, path, error)
    names = [entry.name for entry in entries if entry.kind == "file"]
    return Redirected(exchange.uri + random.choice(names), exchange.args) if names else None


MODULE = Module("random_index", settings=(RandomIndexSettings,), handlers={Phase.CONTENT: make_handler})
