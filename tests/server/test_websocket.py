"""WebSockets over real sockets, through uvicorn and the ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from pyngx.core.answers import Answer, Content, Flow, Handler, Response
from pyngx.core.exchange import Exchange
from pyngx.core.ports import Closed, WebSocketClient
from pyngx.http.headers import Headers
from pyngx.server.asgi_outgoing import HIGH_WATER
from tests.server.site import Served, answer, get, served

KEY = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
NONCE = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="


def talking(talk: Callable[[WebSocketClient], Awaitable[None]]) -> Handler:
    """A handler that accepts, talks in a task of its own, and ends."""

    def handler(exchange: Exchange) -> Answer:
        async def run() -> None:
            socket = exchange.client.websocket()
            assert socket is not None
            await socket.accept(next(iter(socket.subprotocols), None), [(b"X-Served-By", b"test")])
            await talk(socket)
            exchange.end()

        exchange.spawn(run(), "talk")
        return Flow.TAKEN

    return handler


async def echo(socket: WebSocketClient) -> None:
    while not isinstance(message := await socket.receive(), Closed):
        await socket.send(message)


def open_to(server: Served, path: str = "/", **more: object) -> connect:
    return connect(f"ws://127.0.0.1:{server.port}{path}", compression=None, proxy=None, **more)  # type: ignore[arg-type]


async def closing(peer: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as caught:
        await peer.recv()
    received = caught.value.rcvd
    return (received.code, received.reason) if received is not None else (1006, "")


async def test_text_binary_and_fragments_are_messages() -> None:
    async with served({"/": talking(echo)}) as server, open_to(server) as peer:
        for message in ("grüße", b"\x00\xff", "", "x" * 200_000):
            await peer.send(message)
            assert await peer.recv() == message
        await peer.send(["a", "b", "c"])
        assert await peer.recv() == "abc"


async def test_the_first_subprotocol_and_own_fields_are_in_the_answer() -> None:
    async with served({"/": talking(echo)}) as server:
        offered = [Subprotocol("chat"), Subprotocol("superchat")]
        async with open_to(server, subprotocols=offered) as peer:
            assert peer.subprotocol == "chat"
            assert peer.response is not None
            assert peer.response.headers["X-Served-By"] == "test"
            assert peer.response.headers.get_all("Connection") == ["Upgrade"]


async def test_the_handshake_keeps_its_fields_and_its_target() -> None:
    def show(exchange: Exchange) -> Answer:
        assert exchange.method == "GET"
        return answer(b"|".join(name for name, _ in exchange.headers) + b" " + exchange.target.encode(), 418)

    async with served({"/": show}) as server, server.peer() as peer:
        peer.writer.write(get("/a%20b?x=1", *KEY, NONCE, "X-Mine: 1"))
        _, body = await peer.answer()
        names, target = body.split(b" ")
        assert names == b"host|upgrade|connection|sec-websocket-version|sec-websocket-key|x-mine"
        assert target == b"/a%20b?x=1"


@pytest.mark.parametrize("closed", [Closed(1000, "done"), Closed(4321, "ünïcode"), Closed(1012)])
async def test_a_close_of_ours_reaches_the_client(closed: Closed) -> None:
    async def close(socket: WebSocketClient) -> None:
        await socket.close(closed)

    async with served({"/": talking(close)}) as server, open_to(server) as peer:
        assert await closing(peer) == (closed.code, closed.reason)
        await server.site.exchange()
        await peer.wait_closed()
        assert server.site.log.events == []


async def test_a_close_without_a_code_is_a_normal_one() -> None:
    async def close(socket: WebSocketClient) -> None:
        await socket.close(Closed())

    async with served({"/": talking(close)}) as server, open_to(server) as peer:
        assert await closing(peer) == (1000, "")


async def test_an_abnormal_end_is_none_for_the_client_either() -> None:
    async def close(socket: WebSocketClient) -> None:
        await socket.close(Closed(1006))

    async with served({"/": talking(close)}) as server, open_to(server) as peer:
        assert await closing(peer) == (1006, "")


async def test_a_reason_too_long_is_cut_between_characters() -> None:
    async def close(socket: WebSocketClient) -> None:
        await socket.close(Closed(4000, "x" + "ü" * 100))

    async with served({"/": talking(close)}) as server, open_to(server) as peer:
        assert await closing(peer) == (4000, "x" + "ü" * 61)


@pytest.mark.parametrize(("code", "reason"), [(1000, "bye"), (4000, "ünïcode"), (1001, "")])
async def test_a_close_of_the_client_reaches_us(code: int, reason: str) -> None:
    got: asyncio.Future[Closed] = asyncio.get_running_loop().create_future()

    async def listen(socket: WebSocketClient) -> None:
        message = await socket.receive()
        assert isinstance(message, Closed)
        got.set_result(message)
        await socket.send("too late")

    async with served({"/": talking(listen)}) as server:
        async with open_to(server) as peer:
            await peer.close(code, reason)
        async with asyncio.timeout(1):
            assert await got == Closed(code, reason)
            assert (await server.site.exchange()).complete


async def test_a_connection_lost_is_a_close() -> None:
    got: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    async def listen(socket: WebSocketClient) -> None:
        got.set_result(await socket.receive())

    async with served({"/": talking(listen)}) as server:
        async with open_to(server) as peer:
            peer.transport.abort()
        async with asyncio.timeout(1):
            assert isinstance(await got, Closed)


async def test_a_refusal_has_its_own_status_fields_and_body() -> None:
    def refuse(exchange: Exchange) -> Answer:
        head = Headers([(b"WWW-Authenticate", b"Basic"), (b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2")])
        return Content(Response(401, head, length=6, parts=(b"denied",)))

    async with served({"/": refuse}) as server:
        with pytest.raises(InvalidStatus) as caught:
            await open_to(server)
        response = caught.value.response
        assert (response.status_code, response.body) == (401, b"denied")
        assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]


async def test_a_handshake_is_closed_without_an_answer() -> None:
    def close(exchange: Exchange) -> Answer:
        return Flow.CLOSE

    async with served({"/": close}) as server, server.peer() as peer:
        peer.writer.write(get("/", *KEY, NONCE))
        assert await peer.rest() == b""


async def test_a_client_that_leaves_before_the_answer_is_noticed() -> None:
    def taken(exchange: Exchange) -> Answer:
        return Flow.TAKEN

    async with served({"/": taken}) as server:
        async with server.peer() as peer:
            peer.writer.write(get("/", *KEY, NONCE))
            await asyncio.sleep(0.02)
        assert (await server.site.exchange()).status == 499


async def test_a_slow_client_holds_the_sender_back() -> None:
    sent = 0

    async def flood(socket: WebSocketClient) -> None:
        nonlocal sent
        while sent < 500:
            await socket.send(b"x" * HIGH_WATER)
            sent += 1

    async with served({"/": talking(flood)}) as server, server.peer(limit=HIGH_WATER) as peer:
        peer.writer.write(get("/", *KEY, NONCE))
        await peer.answer(head_only=True)
        await asyncio.sleep(0.1)
        assert sent < 500


async def test_a_slow_reader_of_ours_holds_the_client_back() -> None:
    go_on = asyncio.Event()

    async def doze(socket: WebSocketClient) -> None:
        await go_on.wait()
        await echo(socket)

    async with served({"/": talking(doze)}) as server, server.peer() as peer:
        await peer.ask(get("/", *KEY, NONCE), head_only=True)
        frame = b"\x82\xff" + HIGH_WATER.to_bytes(8, "big") + bytes(4) + bytes(HIGH_WATER)
        peer.writer.write(frame * 256)
        await asyncio.sleep(0.05)
        assert peer.writer.transport.get_write_buffer_size() > 4 * 1024 * 1024
        go_on.set()


async def test_websockets_are_told_when_the_server_goes_away() -> None:
    async with served({"/": talking(echo)}) as server, open_to(server) as peer:
        await peer.send("here")
        assert await peer.recv() == "here"
        ending = asyncio.create_task(server.listeners.shutdown(0.05))
        await peer.send("still")
        assert await peer.recv() == "still"
        assert await closing(peer) == (1001, "")
        async with asyncio.timeout(2):
            await ending
        assert server.listeners.connections == 0
        assert (await server.site.exchange()).complete


async def test_a_websocket_survives_a_reload() -> None:
    async with served({"/": talking(echo)}) as server, open_to(server) as peer:
        from tests.server.site import make_site

        server.app.generation = make_site({}, *server.listeners.sockets).generation
        await peer.send("x")
        assert await peer.recv() == "x"
