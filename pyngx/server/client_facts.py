"""What is known of a client: by its transport, and by a head that isn't one."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

from pyngx.core.exchange import NO_VERSION, Connection
from pyngx.http.body_reader import BodyReader
from pyngx.http.codec import text
from pyngx.http.framing import body_length, check_repeats
from pyngx.http.headers import Headers
from pyngx.http.request_head import BadHead, RequestHead, parse_request_line
from pyngx.server.asgi_scope import DOOR, Door

if TYPE_CHECKING:
    import asyncio

    from pyngx.core.exchange import Exchange

METHOD = re.compile(rb"([A-Z_-]+) ")
SHOWN = 2048  # bytes of a request line that was refused


def open_connection(transport: asyncio.Transport, serial: int) -> Connection:
    """The connection that a transport carries."""
    peer, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    scheme = "https" if transport.get_extra_info("sslcontext") is not None else "http"
    listening = transport.get_extra_info("socket")
    if listening is not None and listening.family == socket.AF_UNIX:
        path = local.decode() if isinstance(local, bytes) else str(local)
        return Connection(serial, "unix:", 0, f"unix:{path}", 0, scheme)
    return Connection(serial, peer[0], peer[1], local[0], local[1], scheme)


def known_connection(app_state: dict[str, object]) -> Connection | None:
    """What is known already of a connection that didn't begin with a request."""
    door = app_state.get(DOOR)
    return door.connection if isinstance(door, Door) else None


def head_of(line: bytes) -> RequestHead:
    """What can be told of a request whose head is refused."""
    try:
        method, target, version = parse_request_line(line)
    except BadHead:
        version = ""
    if version in NO_VERSION:  # nor does a line that is cut off have one
        method, rest = b"", line.rstrip(b"\r")
        if (known := METHOD.match(line)) is not None:
            method, rest = known[1], rest[known.end() :]
        return RequestHead(text(method), text(rest[:SHOWN]), "", Headers())
    return RequestHead(text(method), text(target[:SHOWN]), version, Headers())


def announce_body(exchange: Exchange) -> tuple[BodyReader | None, bool]:
    """What reads the body that a head announces, if it does, and whether the client waits for a 100; raises BadHead."""
    headers = exchange.headers
    check_repeats(headers)
    length = body_length(headers, exchange.version)
    expects = exchange.version == "1.1" and (headers.get(b"expect") or b"").lower() == b"100-continue"
    if length == 0 and not expects:
        return None, False
    exchange.body.expect(length)
    return BodyReader(length), expects
