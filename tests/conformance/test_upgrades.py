"""WebSockets and other upgrades: by messages where a side of the pair has messages, as they are on the fast lane."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tests.conformance.client import request
from tests.conformance.gateway import Gateway, Opened, until
from tests.upstream.peers import OK, Peer, listen

HANDSHAKE = (
    *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
RECIPE = 'proxy_websocket off; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'


@asynccontextmanager
async def upstream(handler: Callable[[ServerConnection], object] | None = None, **more: object) -> AsyncIterator[int]:
    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    server: Server
    async with serve(handler or echo, "127.0.0.1", 0, **more) as server:  # type: ignore[arg-type]
        yield next(iter(server.sockets)).getsockname()[1]


def proxy(port: int, more: str = "") -> str:
    return f"location / {{ proxy_pass http://127.0.0.1:{port}; {more} }}"


def to(gateway: Gateway, **more: object) -> connect:
    return connect(f"ws://127.0.0.1:{gateway.port}/chat?a=b", proxy=None, **more)  # type: ignore[arg-type]


async def closing(peer: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as caught:
        await peer.recv()
    received = caught.value.rcvd
    return (received.code, received.reason) if received is not None else (1006, "")


@pytest.mark.parametrize("more", ["", RECIPE])
async def test_messages_go_both_ways(opened: Opened, more: str) -> None:
    async with upstream() as port, opened.gateway(proxy(port, more)) as gateway, to(gateway) as peer:
        for message in ("grüße", b"\x00\xff", "", "x" * 100_000):
            await peer.send(message)
            assert await peer.recv() == message
        await peer.send(["frag", "men", "ts"])
        assert await peer.recv() == "fragments"
        await (await peer.ping())
        await peer.close(1000)
        lines = await gateway.until_logged()
        assert lines[0].startswith("101 GET /chat?a=b ")


async def test_the_upstream_sees_the_clients_handshake(opened: Opened) -> None:
    seen: list[ServerConnection] = []

    async def talk(connection: ServerConnection) -> None:
        seen.append(connection)
        await connection.send("hello")

    async with upstream(talk, subprotocols=["two", "three"]) as port, opened.gateway(proxy(port)) as gateway:
        offered = [Subprotocol("one"), Subprotocol("two")]
        async with to(gateway, subprotocols=offered, additional_headers={"X-A": "b", "Origin": "http://o"}) as peer:
            assert peer.subprotocol == "two"
            assert await peer.recv() == "hello"
    asked = seen[0].request
    assert asked is not None
    assert asked.path == "/chat?a=b"
    assert asked.headers["X-A"] == "b"
    assert asked.headers["Origin"] == "http://o"


@pytest.mark.parametrize(("code", "reason"), [(1000, "bye"), (1001, ""), (4321, "own reason")])
async def test_close_codes_and_reasons_pass_both_ways(opened: Opened, code: int, reason: str) -> None:
    heard: list[tuple[int | None, str | None]] = []

    async def talk(connection: ServerConnection) -> None:
        if await connection.recv() == "close":
            await connection.close(code, reason)
        else:
            await connection.wait_closed()
        heard.append((connection.close_code, connection.close_reason))

    async with upstream(talk) as port, opened.gateway(proxy(port)) as gateway:
        async with to(gateway) as peer:
            await peer.send("close")
            assert await closing(peer) == (code, reason)
        async with to(gateway) as peer:
            await peer.send("wait")
            await peer.close(code, reason)
        await until(lambda: len(heard) == 2)
    assert heard[1] == (code, reason)


async def test_either_side_that_vanishes_takes_the_other_with_it(opened: Opened) -> None:
    servers: list[ServerConnection] = []

    async def talk(connection: ServerConnection) -> None:
        servers.append(connection)
        await connection.send("hello")
        await connection.wait_closed()

    async with upstream(talk) as port, opened.gateway(proxy(port)) as gateway:
        async with to(gateway) as peer:
            await peer.recv()
            servers[0].transport.abort()
            assert (await closing(peer))[0] in {1006, 1011, 1014}
        async with to(gateway) as peer:
            await peer.recv()
            peer.transport.abort()
            async with asyncio.timeout(5):
                await servers[1].wait_closed()
        await gateway.until_logged(2)


async def test_a_refusal_is_passed_on(opened: Opened) -> None:
    def refuse(connection: ServerConnection, _: Request) -> Response:
        response = connection.respond(418, "short and stout\n")
        response.headers["X-Why"] = "tea"
        return response

    async with upstream(process_request=refuse) as port, opened.gateway(proxy(port)) as gateway:
        with pytest.raises(InvalidStatus) as caught:
            await to(gateway)
        response = caught.value.response
        assert (response.status_code, response.headers["X-Why"]) == (418, "tea")
        assert response.body == b"short and stout\n"


async def test_an_upstream_that_is_not_there_is_a_502(opened: Opened) -> None:
    async with opened.gateway(proxy(1)) as gateway:
        with pytest.raises(InvalidStatus) as caught:
            await to(gateway)
        assert caught.value.response.status_code == 502


async def test_a_slow_reader_holds_the_other_side_back(opened: Opened) -> None:
    sent = 0

    async def talk(connection: ServerConnection) -> None:
        nonlocal sent
        for _ in range(200):
            await connection.send(os.urandom(2**18))
            sent += 1

    async with (
        upstream(talk, write_limit=2**16) as port,
        opened.gateway(proxy(port)) as gateway,
        to(gateway, max_queue=1, max_size=None, compression=None) as peer,
    ):
        await asyncio.sleep(0.5)
        assert sent < 120
        for _ in range(200):
            assert len(await peer.recv()) == 2**18


async def test_extensions_are_between_client_and_upstream(opened: Opened) -> None:
    opened.pair.needs("tunnels")
    async with upstream() as port, opened.gateway(proxy(port)) as gateway:
        async with to(gateway, compression="deflate") as peer:
            assert peer.response is not None
            assert "permessage-deflate" in peer.response.headers["Sec-WebSocket-Extensions"]
            await peer.send("a" * 10_000)
            assert await peer.recv() == "a" * 10_000
        lines = await gateway.until_logged()
        assert int(lines[0].split()[3]) < 1000, "the bytes on the wire are counted"


async def test_bytes_around_the_101_arrive(opened: Opened) -> None:
    opened.pair.needs("tunnels")

    async def script(peer: Peer) -> None:
        await peer.head()
        peer.say(SWITCHED + b"first")
        heard = await peer.reader.readexactly(5)
        peer.say(heard.upper())

    async with listen(script) as peer, opened.gateway(f"location / {{ proxy_pass http://{peer.address}; }}") as gateway:
        client = await gateway.connect()
        client.send(request("/", *HANDSHAKE) + b"early")
        head = await client.head()
        assert (head.status, head.get("upgrade"), head.get("connection")) == (101, "websocket", "upgrade")
        assert await client.rest() == b"firstEARLY"
        assert not peer.open


async def test_an_upgrade_to_something_else_is_tunnelled_where_the_configuration_asks(opened: Opened) -> None:
    opened.pair.needs("tunnels")
    heard: list[bytes] = []

    async def script(peer: Peer) -> None:
        heard.append(await peer.request())
        peer.say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n")
        peer.say(await peer.reader.readexactly(4))

    inside = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection;"
    async with listen(script) as peer:
        text = f"location / {{ proxy_pass http://{peer.address}; {inside} }}"
        async with opened.gateway(text) as gateway:
            client = await gateway.connect()
            client.send(request("/", "Connection: Upgrade", "Upgrade: tcp", method="POST", body=b"{}"))
            assert (await client.head()).get("upgrade") == "tcp"
            client.send(b"ping")
            assert await client.rest() == b"ping"


@pytest.mark.parametrize("more", ["", RECIPE])
@pytest.mark.parametrize("upgrade", ["h2c", "websocket, h2c", "H2C"])
async def test_http_2_is_never_tunnelled(opened: Opened, more: str, upgrade: str) -> None:
    heard: list[bytes] = []

    async def script(peer: Peer) -> None:
        heard.append(await peer.request())
        peer.say(OK)

    own = ["Connection: Upgrade, HTTP2-Settings", f"Upgrade: {upgrade}", "HTTP2-Settings: AA"]
    async with listen(script) as peer, opened.gateway(proxy(peer.address.port, more)) as gateway:
        answer = await (await gateway.connect()).get("/", *HANDSHAKE[2:], *own)
        assert answer.status in {200, 400}
    for asked in heard:
        assert b"h2c" not in asked.lower()
        assert b"http2-settings" not in asked.lower()


async def test_a_101_nobody_asked_for_is_a_502(opened: Opened) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")

    async with listen(script) as peer:
        text = f"location / {{ proxy_pass http://{peer.address}; proxy_websocket off; }}"
        async with opened.gateway(text) as gateway:
            assert (await (await gateway.connect()).get()).status == 502
