"""A WebSocket that a client and an upstream have through us, message by message: what is logged of it."""

from __future__ import annotations

import asyncio

from websockets.frames import Opcode

from pyngx.core.runtime import Runtime
from pyngx.modules import MODULES
from tests.support.event_log import EventLog
from tests.support.live import build_text, open_exchange, run, spawn
from tests.support.live_client import FakeWebSocket, LiveClient
from tests.support.memory_logs import MemoryLogs
from tests.upstream.peers import Peer, Script, listen, transport
from tests.upstream.test_websocket_peer import accept, closing, frame, hear

HANDSHAKE = [
    (b"Upgrade", b"websocket"),
    (b"Connection", b"Upgrade"),
    (b"Sec-WebSocket-Version", b"13"),
    (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
]
FORMAT = "$upstream_status|$upstream_response_time|$upstream_bytes_sent|$upstream_bytes_received"


async def logged(script: Script) -> list[str]:
    """The fields of the access log's line of a WebSocket through a peer that does this."""
    logs = MemoryLogs()
    async with listen(script) as listener, transport() as upstream:
        runtime = Runtime("/srv", "/srv", logs, EventLog(), upstream, spawn)
        text = f"""http {{ log_format it '{FORMAT}'; access_log line it; server {{ listen 80; location / {{
            proxy_pass http://127.0.0.1:{listener.address.port}; }} }} }} events {{ }}"""
        client = LiveClient(FakeWebSocket())
        exchange = open_exchange(build_text(text, MODULES, runtime), "GET / HTTP/1.1", HANDSHAKE, client)
        exchange.upgrades = True
        async with asyncio.timeout(2):
            await run(exchange)
    ((line,),) = [file.lines for file in logs.files.values() if file.lines]
    return line.split("|")


async def test_time_and_bytes_of_the_upstream_are_in_the_access_log() -> None:
    heads: list[bytes] = []
    said = frame(Opcode.TEXT, b"hello") + closing(1000, b"")

    async def script(peer: Peer) -> None:
        heads.append(await accept(peer))
        await asyncio.sleep(0.05)
        peer.say(said)
        await hear(peer, 1)

    status, response_time, sent, received = await logged(script)
    assert status == "101"
    assert float(response_time) >= 0.05
    assert int(sent) == len(heads[0]) + 8  # a masked Close with a code
    assert int(received) > len(said) + 100


async def test_those_of_a_refusal_are_there_too() -> None:
    heads: list[bytes] = []
    refusal = b"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nsorry"

    async def script(peer: Peer) -> None:
        heads.append(await peer.head())
        peer.say(refusal)

    status, response_time, sent, received = await logged(script)
    assert (status, int(sent), int(received)) == ("403", len(heads[0]), len(refusal))
    assert float(response_time) < 1
