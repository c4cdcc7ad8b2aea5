"""The lifespan scope: a host asks whether the application is ready, and tells when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyngx.server.asgi_types import Receive, Send


async def answer_lifespan(receive: Receive, send: Send) -> None:
    """Say yes to all: a generation is ready when it is built, and needs no end of its own."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return
