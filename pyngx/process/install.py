"""Puts generations in force, one after the other; what fails on the way changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.diagnostics import ConfigError
from pyngx.config.inherit import settings
from pyngx.core.blocks import HttpBlocks, MainBlocks, ServerSettings
from pyngx.core.files_read import FilesRead
from pyngx.core.load import build
from pyngx.modules import MODULES
from pyngx.server.asgi import App
from pyngx.server.census import ListenersCensus
from pyngx.server.listeners import Change, Listeners, Serving
from pyngx.server.protocol import HttpProtocol
from pyngx.server.sockets import BindError

if TYPE_CHECKING:
    import socket

    from pyngx.config.scope import Scope
    from pyngx.config.source import Span
    from pyngx.core.generation import Generation
    from pyngx.core.listen import ListenAddress
    from pyngx.core.runtime import Runtime
    from pyngx.process.load import Loaded

# A message is whole before anybody gets it. Ours go to applications, which have 16 MiB under uvicorn, too; with uvicorn
# in front they go to upstreams as well, and nginx has no bound for those.
SERVINGS: Mapping[str, Serving] = {"fast": Serving(HttpProtocol, max_message=1 << 24), "uvicorn": Serving()}
FilesSeen = Mapping[str, bytes | None]
Sockets = Mapping["ListenAddress", "socket.socket"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A generation whose sockets are open, and serve nobody yet."""

    generation: Generation
    change: Change


class Installer:
    """The generation in force, and the way to the next."""

    def __init__(self, runtime: Runtime, http_server: str = "fast") -> None:
        self.number = 0
        self.files: FilesSeen = {}
        """What was read for the generation in force, by path: certificates and the like."""
        self.files_tried: FilesSeen = {}
        """What was read for the last one that was tried, in force or not."""
        self._contents: Mapping[str, bytes] = {}
        self._runtime = runtime
        self._serving = SERVINGS[http_server]
        self._app: App | None = None
        self._listeners: Listeners | None = None

    @property
    def listeners(self) -> Listeners:
        assert self._listeners is not None, "nothing was prepared yet"
        return self._listeners

    def prepare(self, loaded: Loaded, inherited: Sockets | None = None) -> Prepared:
        """Build a generation and open what it listens on; raises ConfigError."""
        self._runtime.files = FilesRead(self._contents)
        try:
            generation = build(loaded.checked, MODULES, self._runtime, self.number + 1)
            if self._listeners is None:
                self._app = App(generation)
                self._listeners = Listeners(self._app, self._serving)
                self._runtime.census = ListenersCensus(self._app, self._listeners)
            return Prepared(generation, self._open(generation, inherited))
        except BaseException:
            self._runtime.sweep()
            raise
        finally:
            self.files_tried = self._runtime.files.watched

    async def install(self, prepared: Prepared) -> None:
        """Wait until a generation is ready, and put it in force; raises ConfigError."""
        generation = prepared.generation
        try:
            await generation.prepare()
        except BaseException:
            self.listeners.discard(prepared.change)
            raise
        assert self._app is not None
        for start in generation.starts:
            start()
        self._app.generation = generation
        self._runtime.commit(generation)
        self.number = generation.number
        self.files, self._contents = self.files_tried, self._runtime.files.contents
        await self.listeners.commit(prepared.change)

    def _open(self, generation: Generation, inherited: Sockets | None) -> Change:
        try:
            return self.listeners.prepare(generation.listeners, inherited)
        except BindError as error:
            raise ConfigError(str(error), _place(generation.root, error.address)) from None


def _place(root: Scope | None, address: ListenAddress) -> Span | None:
    """Where an address is written."""
    http = settings(root, MainBlocks).http if root is not None else None
    if http is None:
        return None
    servers = (settings(opened.scope, ServerSettings) for opened in settings(http.scope, HttpBlocks).server)
    written = (listen for server in servers for listen in server.listen if address in listen.addresses)
    return next((listen.span for listen in written), None)
