"""ASGI applications in this very process: `asgi_pass module:attribute`. nginx has no such module.

An application is asked over the interface that its own framework documents (ASGI 3: HTTP, WebSocket, lifespan), and
its responses take the way of all others: header filters, body filters, access log.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import of_word, of_words
from pyngx.config.declare import INTO_NAMELESS, NEVER, directive
from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import Answer, Flow, Handler
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module, Phase
from pyngx.modules.asgi_http import HttpCall
from pyngx.modules.asgi_lifespan import Application, StartupFailed
from pyngx.modules.asgi_load import Reference, load_application, search_in
from pyngx.modules.asgi_scope import http_scope, websocket_scope
from pyngx.modules.asgi_websocket import WebSocketCall

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyngx.config.syntax import Word
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


# arguments


def _reference(word: Word) -> Reference:
    module, colon, attribute = word.text.partition(":")
    if colon and _DOTTED.fullmatch(module) and _DOTTED.fullmatch(attribute):
        return Reference(module, attribute, word.span)
    help = "write the module as in an import statement, a colon, and the application in it: myproject.asgi:application"
    if "$" in word.text:
        help = "the application is loaded with the configuration, so its name can't have variables"
    elif attribute.endswith(")"):
        help = "name the application itself, not what makes it: call that in the module"
    raise ConfigError(f'invalid application "{word.text}"', word.span, help=help)


def _root_path(word: Word) -> str:
    if word.text and not word.text.startswith("/"):
        raise ConfigError(f'invalid root path "{word.text}"', word.span, help="it begins with a slash: /shop")
    return word.text.rstrip("/")


# settings


@dataclass(frozen=True, slots=True)
class AsgiSettings:
    """Which application answers, and what it believes."""

    asgi_pass: Reference | None = directive(
        of_word("module:attribute", _reference),
        "location location-if limit_except",
        default=None,
        inherits=INTO_NAMELESS,
        doc="the ASGI application that answers here",
    )
    asgi_root_path: str = directive(
        of_word("prefix", _root_path),
        EVERYWHERE,
        default="",
        shown='""',
        doc="the part of the path that the application is mounted at (root_path)",
    )


@dataclass(frozen=True, slots=True)
class PythonSettings:
    """Where modules are looked for."""

    python_path: tuple[str, ...] = directive(
        of_words("directory ...", str),
        "http",
        default=(),
        inherits=NEVER,
        doc="directories with Python modules, searched before the prefix and where Python itself looks",
    )


@dataclass(frozen=True, slots=True)
class SearchPath:
    """The directories in force, known to all blocks by one name."""

    directories: tuple[str, ...]


# handlers


def define(build: Build) -> None:
    """Have modules looked for in the directories of the configuration and in the prefix."""
    prefix = build.runtime.prefix
    own = build.settings(PythonSettings).python_path
    directories = tuple(os.path.abspath(os.path.join(prefix, path)) for path in (*own, ""))
    build.name("", SearchPath(directories))
    search_in(directories)


def make_handler(build: Build) -> Handler | None:
    """What hands requests to an application, in a location that names one."""
    own = build.settings(AsgiSettings)
    if own.asgi_pass is None:
        return None
    assert build.location is not None
    build.location.auto_redirect = build.location.pattern.text.endswith("/")
    application = _application(build, own.asgi_pass)
    root_path = own.asgi_root_path

    def handle(exchange: Exchange) -> Answer:
        # an error page is an ordinary response, though the request was a handshake
        socket = exchange.client.websocket() if not exchange.error_status else None
        if socket is None:
            application.call(HttpCall(exchange), http_scope(exchange, root_path, application.state))
        else:
            scope = websocket_scope(exchange, root_path, application.state, socket.subprotocols)
            application.call(WebSocketCall(exchange, socket), scope)
        return Flow.TAKEN

    return handle


def _application(build: Build, reference: Reference) -> Application:
    path = build.named(SearchPath, "")
    app = load_application(reference, path.directories if path is not None else ())
    # Its id is the key because one object has one life, by whatever names it goes; what is kept keeps the id its own.
    key = ("asgi", id(app))
    application = build.claim(key, lambda: Application(app, str(reference), build.runtime), Application.close)
    build.prepare(key, _starter(application, reference))
    return application


def _starter(application: Application, reference: Reference) -> Callable[[], Awaitable[None]]:
    async def start() -> None:
        try:
            await application.start()
        except StartupFailed as error:
            lines = str(error).strip().splitlines() or [
                "no reason given"
            ]  # frameworks send a whole traceback: its last line says most
            raise ConfigError(
                f'application "{reference}" failed to start: {lines[-1].strip()}',
                reference.span,
                help="\n".join(lines[:-1]),
            ) from None

    return start


MODULE = Module("asgi", settings=(AsgiSettings, PythonSettings), define=define, handlers={Phase.CONTENT: make_handler})
