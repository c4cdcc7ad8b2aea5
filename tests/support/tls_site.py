"""A configuration with all modules, served on a port of 127.0.0.1, and clients with and without TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pyngx.modules import MODULES
from pyngx.process.install import SERVINGS
from pyngx.server.asgi import App
from pyngx.server.listeners import Listeners
from pyngx.upstream.wire import WireTransport
from tests.support.daemon import free_port
from tests.support.event_log import EventLog
from tests.support.live import build_text, log_of, make_runtime, spawn

GET = b"GET / HTTP/1.0\r\nHost: %b\r\n\r\n"


@dataclass
class Site:
    """What is served, and how to ask it; sockets close with the answer, for requests are HTTP/1.0."""

    port: int
    log: EventLog

    async def ask(
        self,
        host: str = "a.test",
        tls: ssl.SSLContext | None = None,
        *,
        first: bytes = b"",
        name: str | None = None,
        request: bytes = GET,
    ) -> str:
        """A whole answer; `first` is sent before anything else, `name` as SNI where it isn't the host ("": none)."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(first)
        try:
            if tls is not None:
                await writer.start_tls(tls, server_hostname=host if name is None else name)
            writer.write(request % host.encode() if b"%b" in request else request)
            async with asyncio.timeout(5):
                return (await reader.read()).decode("latin-1")
        finally:
            writer.close()


@asynccontextmanager
async def serving(text: str, folder: Path, http_server: str = "fast") -> AsyncIterator[Site]:
    """Serve what stands in `http`, with PORT for a port."""
    port = free_port()
    whole = f"events {{ }}\nhttp {{\naccess_log off;\n{text.replace('PORT', f'127.0.0.1:{port}')}\n}}\n"
    runtime = make_runtime(str(folder))
    runtime.transport = WireTransport(spawn)
    generation = build_text(whole, MODULES, runtime)
    for start in generation.starts:
        start()
    generation.runtime.commit(generation)
    listeners = Listeners(App(generation), SERVINGS[http_server])
    await listeners.commit(listeners.prepare(generation.listeners))
    try:
        yield Site(port, log_of(generation))
    finally:
        await listeners.shutdown(1)
        await runtime.transport.close()


def trusting(
    certificate: str = "", key: str = "", *, versions: tuple[ssl.TLSVersion, ssl.TLSVersion] | None = None
) -> ssl.SSLContext:
    """A client that believes everybody, and may show a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate, key)
    if versions is not None:
        context.minimum_version, context.maximum_version = versions
    return context
