"""What could be taken for two things, and what could fill the memory: the fast lane's answers to each, one by one."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest

from tests.conformance.client import request
from tests.conformance.gateway import Opened, until
from tests.upstream.peers import OK, Peer, listen

OWN = "location / { return 200 own; }"
HANDSHAKE = (
    *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


async def answer(peer: Peer) -> None:
    while True:
        await peer.request()
        peer.say(OK)


@pytest.mark.parametrize("target", ["/a../secret", "/a..", "/a%2e%2e/secret", "/a..%2fsecret"])
async def test_a_prefix_without_a_slash_can_not_be_climbed_out_of(fast: Opened, target: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_text("secret")
    inside = "location /a {{ alias FOLDER/in/; }} location /b {{ proxy_pass http://{}/in/; }}"
    heard: list[bytes] = []

    async def script(peer: Peer) -> None:
        heard.append(await peer.head())
        peer.say(OK)

    async with listen(script) as peer, fast.gateway(inside.format(peer.address)) as gateway:
        for asked in (target, target.replace("/a", "/b", 1)):
            client = await gateway.connect()
            assert (await client.get(asked)).status == 400
            assert await client.closed()
    assert heard == []


async def test_the_authority_of_a_target_is_the_host_that_is_told_of(fast: Opened) -> None:
    async with fast.gateway('location / { return 200 "$host $http_host"; }') as gateway:
        client = await gateway.connect()
        assert (await client.get("http://A:80/")).body == b"a A:80"
        assert (await client.get("/")).body == b"test test"


async def test_an_old_client_that_wants_both_is_closed_upon(fast: Opened) -> None:
    async with fast.gateway(OWN) as gateway:
        client = await gateway.connect()
        answered = await client.get("/", "Connection: keep-alive, close", version="1.0")
        assert answered.get("connection") == "close"
        assert await client.closed()


async def test_a_handshake_with_a_body_is_none(fast: Opened) -> None:
    heard: list[bytes] = []

    async def script(peer: Peer) -> None:
        heard.append(await peer.request())
        peer.say(OK)

    async with listen(script) as peer, fast.gateway(f"location / {{ proxy_pass http://{peer.address}; }}") as gateway:
        client = await gateway.connect()
        assert (
            await client.ask(request("/", *HANDSHAKE, "HTTP2-Settings: x", body=b"abc"), method="GET")
        ).status == 200
    assert b"upgrade" not in heard[0].lower()
    assert b"http2-settings" not in heard[0].lower()


async def test_what_arrived_behind_a_response_is_not_the_next_one(fast: Opened) -> None:
    late = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

    async def script(peer: Peer) -> None:
        while True:
            asked = await peer.request()
            peer.say(OK)
            if b"/first" in asked:
                await asyncio.sleep(0.01)
                peer.say(late)

    async with listen(script) as peer, fast.gateway(f"location / {{ proxy_pass http://{peer.address}; }}") as gateway:
        client = await gateway.connect()
        assert (await client.get("/first")).body == b"ok"
        await asyncio.sleep(0.05)
        assert (await client.get("/second")).body == b"ok"


async def test_a_hint_frames_nothing(fast: Opened) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.say(early + OK)

    async with (
        listen(script) as peer,
        fast.gateway(f"location / {{ early_hints 1; proxy_pass http://{peer.address}; }}") as gateway,
    ):
        client = await gateway.connect()
        client.send(request("/"))
        head = await client.head()
        assert (head.status, head.fields) == (103, [("Link", "</a>")])
        assert (await client.answer()).body == b"ok"


async def test_no_more_is_read_ahead_than_is_told(fast: Opened) -> None:
    async with fast.gateway(OWN) as gateway:
        client = await gateway.connect()
        client.send(request("/") * 200_000)
        connections = gateway.installer.listeners._state.connections
        await until(lambda: connections)
        (protocol,) = connections
        for _ in range(200):
            await asyncio.sleep(0.001)
            assert len(protocol._inbox.data) < 2**20  # type: ignore[attr-defined]


@pytest.mark.parametrize("more", ["", "proxy_buffering off;"])
async def test_what_is_unpacked_waits_for_its_client(fast: Opened, more: str) -> None:
    packed = gzip.compress(bytes(64 * 2**20), 9)

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)
        await peer.reader.read()

    inside = "location / {{ gunzip on; proxy_pass http://{}; {} }}"
    async with listen(script) as peer, fast.gateway(inside.format(peer.address, more)) as gateway:
        client = await gateway.connect()
        client.send(request("/"))
        await client.head()
        await asyncio.sleep(0.2)
        (protocol,) = gateway.installer.listeners._state.connections
        assert protocol.transport.get_write_buffer_size() < 4 * 2**20  # type: ignore[attr-defined]
