"""What an application is told of a request before it runs (ASGI, "HTTP & WebSocket message format")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.http.codec import wire
from pyngx.http.escape import escape_uri
from pyngx.modules.asgi_messages import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyngx.core.exchange import Exchange
    from pyngx.modules.asgi_messages import Scope

SCHEMES = {"http": "ws", "https": "wss"}
UNIX = "unix:"


def http_scope(exchange: Exchange, root_path: str, state: Mapping[str, object]) -> Scope:
    """The scope of a plain request."""
    scope = _scope(exchange, root_path, state)
    scope["type"] = "http"
    scope["method"] = exchange.method
    scope["scheme"] = exchange.connection.scheme
    scope["extensions"] = {"http.response.trailers": {}}
    return scope


def websocket_scope(
    exchange: Exchange, root_path: str, state: Mapping[str, object], subprotocols: Sequence[str]
) -> Scope:
    """The scope of a WebSocket handshake."""
    scope = _scope(exchange, root_path, state)
    scope["type"] = "websocket"
    scope["scheme"] = SCHEMES[exchange.connection.scheme]
    scope["subprotocols"] = list(subprotocols)
    scope["extensions"] = {"websocket.http.response": {}}
    return scope


def _scope(exchange: Exchange, root_path: str, state: Mapping[str, object]) -> Scope:
    connection = exchange.connection
    return {
        "asgi": dict(VERSION),
        "http_version": exchange.version,
        "path": _decoded(exchange.uri),
        "raw_path": _raw_path(exchange),
        "query_string": wire(exchange.args),
        "root_path": root_path,
        "headers": [(name.lower(), value) for name, value in exchange.headers],
        "client": _endpoint(connection.remote_addr, connection.remote_port),
        "server": _endpoint(connection.local_addr, connection.local_port),
        # each request has a mapping of its own over the same values, as the lifespan protocol has it
        "state": dict(state),
    }


def _decoded(path: str) -> str:
    """A path without lone surrogates: applications take it for text; raw_path has the bytes."""
    return path if path.isascii() else wire(path).decode("utf-8", "replace")


def _raw_path(exchange: Exchange) -> bytes:
    """The path as it was sent, or what a rewrite made of it."""
    if exchange.valid_target:
        return wire(exchange.target.partition("?")[0])
    return wire(escape_uri(exchange.uri))


def _endpoint(address: str, port: int) -> tuple[str, int | None] | None:
    if address.startswith(UNIX):
        path = address.removeprefix(UNIX)
        return (path, None) if path else None
    return address, port
