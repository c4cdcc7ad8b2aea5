"""The connections of the listeners, looked through when somebody asks: none of them counts for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.server.protocol import HttpProtocol

if TYPE_CHECKING:
    from pyngx.server.asgi import App
    from pyngx.server.listeners import Listeners


class ListenersCensus:
    """A `Census`. With `http_server uvicorn` heads in the making aren't seen: uvicorn has them."""

    def __init__(self, app: App, listeners: Listeners) -> None:
        self._app = app
        self._listeners = listeners

    @property
    def accepted(self) -> int:
        return self._app.connections

    @property
    def active(self) -> int:
        return len(self._listeners.open)

    @property
    def reading(self) -> int:
        return sum(isinstance(each, HttpProtocol) and _is_reading(each) for each in self._listeners.open)


def _is_reading(protocol: HttpProtocol) -> bool:
    # what the class keeps to itself is asked here, so that it needs no method that hardly anybody calls
    return protocol._exchange is None and protocol._inbox.head_has_begun
