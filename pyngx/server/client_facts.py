"""What a transport knows of who is on it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from pyngx.core.exchange import Connection

if TYPE_CHECKING:
    import asyncio


def open_connection(transport: asyncio.Transport, serial: int) -> Connection:
    """The connection that a transport carries."""
    peer, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    scheme = "https" if transport.get_extra_info("sslcontext") is not None else "http"
    listening = transport.get_extra_info("socket")
    if listening is not None and listening.family == socket.AF_UNIX:
        path = local.decode() if isinstance(local, bytes) else str(local)
        return Connection(serial, "unix:", 0, f"unix:{path}", 0, scheme)
    return Connection(serial, peer[0], peer[1], local[0], local[1], scheme)
