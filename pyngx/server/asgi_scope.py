"""What an ASGI scope says of a request, in the core's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from pyngx.core.exchange import Connection
from pyngx.http.codec import text
from pyngx.http.headers import Headers
from pyngx.http.request_head import RequestHead

if TYPE_CHECKING:
    from pyngx.core.listen import ListenAddress
    from pyngx.server.asgi_types import Scope

DOOR = "pyngx.door"
_SCHEMES = {"ws": "http", "wss": "https"}
_PATH_SAFE = "/:@!$&'()*+,;=~"  # what RFC 3986 3.3 lets stand in a path beside the unreserved


@dataclass(slots=True)
class Door:
    """What our own listeners tell of a connection; each of its scopes has it in `state` under `DOOR`."""

    address: ListenAddress
    connection: Connection | None = None


def door_of(scope: Scope) -> Door | None:
    """The door that a request came through, None under a foreign host."""
    door = scope.get("state", {}).get(DOOR)
    return door if isinstance(door, Door) else None


def read_head(scope: Scope) -> RequestHead:
    """The request line and the fields; a host that is silent of the version speaks 1.1."""
    version = scope.get("http_version", "1.1")
    # httptools leaves the white space behind values (RFC 9112 5.1)
    headers = Headers([(name, value.rstrip(b" \t")) for name, value in scope["headers"]])
    return RequestHead(scope.get("method", "GET"), text(_target(scope)), version, headers)


def head_length(head: RequestHead) -> int:
    """Bytes of the head as HTTP/1.1 writes it."""
    fields = sum(len(name) + len(value) + 4 for name, value in head.headers)
    return len(head.method) + len(head.target) + len(head.version) + 9 + fields + 2


def body_length(headers: Headers) -> int | None:
    """The length that the head announces: 0 for no body, None for an unknown one."""
    if b"transfer-encoding" in headers:
        return None
    length = headers.get(b"content-length")
    if length is None:
        return 0
    return int(length) if length.isdigit() else None


def open_connection(scope: Scope, serial: int) -> Connection:
    """The connection that a scope describes."""
    client, server = scope.get("client"), scope.get("server")
    scheme = scope.get("scheme", "http")
    host, port = server or ("", 0)
    return Connection(
        serial,
        remote_addr=client[0] if client else "unix:",
        remote_port=client[1] if client else 0,
        local_addr=f"unix:{host}" if port is None else host,
        local_port=port or 0,
        scheme=_SCHEMES.get(scheme, scheme),
    )


def _target(scope: Scope) -> bytes:
    """The request target as the client sent it, as far as the host kept it."""
    path = scope.get("raw_path")
    if path is None:
        path = quote(scope["path"], safe=_PATH_SAFE).encode("ascii")
    query = scope.get("query_string", b"")
    return path + b"?" + query if query else path
