"""Trailers on the wire, by our own server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pyngx.modules import MODULES
from pyngx.process.install import SERVINGS
from pyngx.server.asgi import App
from pyngx.server.listeners import Listeners
from tests.server.site import Peer, free_address, get
from tests.support.live import build_text

CONFIGURATION = """
    events { }
    http { server {
        listen LISTEN; server_tokens nginx; add_trailer X-Sent $body_bytes_sent; add_trailer X-Host $host;
        location / { return 200 SEE-THIS; }
        location /whole { chunked_transfer_encoding off; return 200 SEE-THIS; }
        location /nothing { return 204; }
    } }"""


@asynccontextmanager
async def connected() -> AsyncIterator[Peer]:
    address = free_address()
    generation = build_text(CONFIGURATION.replace("LISTEN", f"127.0.0.1:{address.port}"), MODULES)
    listeners = Listeners(App(generation), SERVINGS["fast"])
    await listeners.commit(listeners.prepare(generation.listeners))
    reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
    try:
        async with asyncio.timeout(5):
            yield Peer(reader, writer)
    finally:
        writer.close()
        await listeners.shutdown(0)


async def test_trailers_follow_a_chunked_body_on_a_connection_that_is_kept() -> None:
    async with connected() as peer:
        for _ in range(2):
            peer.writer.write(get("/"))
            head = await peer.reader.readuntil(b"\r\n\r\n")
            assert b"Transfer-Encoding: chunked\r\n" in head
            assert b"Content-Length" not in head
            assert b"Connection: keep-alive\r\n" in head
            assert await peer.reader.readuntil(b"\r\n\r\n") == (
                b"8\r\nSEE-THIS\r\n0\r\nX-Sent: 8\r\nX-Host: test\r\n\r\n"
            )


async def test_bodies_that_can_have_none_are_as_without_trailers() -> None:
    async with connected() as peer:
        for request in (get("/", method="HEAD"), get("/whole"), get("/", version="1.0")):
            peer.writer.write(request)
            head = await peer.reader.readuntil(b"\r\n\r\n")
            assert b"Content-Length: 8\r\n" in head
            assert b"Transfer-Encoding" not in head
            if not request.startswith(b"HEAD"):
                assert await peer.reader.readexactly(8) == b"SEE-THIS"
    async with connected() as peer:
        peer.writer.write(get("/nothing"))
        head = await peer.reader.readuntil(b"\r\n\r\n")
        assert b"Transfer-Encoding" not in head
