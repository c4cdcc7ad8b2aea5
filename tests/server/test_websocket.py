"""WebSockets over real sockets: through uvicorn and the ASGI application, and by our own server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from pyngx.core.answers import Answer, Content, Flow, Handler, Response
from pyngx.core.exchange import Exchange
from pyngx.core.ports import Closed, WebSocketClient
from pyngx.http.headers import Headers
from pyngx.server.asgi_outgoing import HIGH_WATER
from pyngx.server.listeners import Serving
from pyngx.server.protocol import HttpProtocol
from tests.server.site import Served, answer, get, served

SERVINGS = {"uvicorn": Serving(max_message=1 << 20), "fast": Serving(HttpProtocol, max_message=1 << 20)}
KEY = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
NONCE = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="


@pytest.fixture(params=list(SERVINGS))
def serving(request: pytest.FixtureRequest) -> Serving:
    return SERVINGS[request.param]


def is_fast(serving: Serving) -> bool:
    return serving.protocol is HttpProtocol


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


async def test_text_binary_and_fragments_are_messages(serving: Serving) -> None:
    async with served({"/": talking(echo)}, serving=serving) as server, open_to(server) as peer:
        for message in ("grüße", b"\x00\xff", "", "x" * 200_000):
            await peer.send(message)
            assert await peer.recv() == message
        await peer.send(["a", "b", "c"])
        assert await peer.recv() == "abc"


async def test_the_first_subprotocol_and_own_fields_are_in_the_answer(serving: Serving) -> None:
    async with served({"/": talking(echo)}, serving=serving) as server:
        offered = [Subprotocol("chat"), Subprotocol("superchat")]
        async with open_to(server, subprotocols=offered) as peer:
            assert peer.subprotocol == "chat"
            assert peer.response is not None
            assert peer.response.headers["X-Served-By"] == "test"
            assert [value.lower() for value in peer.response.headers.get_all("Connection")] == ["upgrade"]


async def test_the_handshake_keeps_its_fields_and_its_target(serving: Serving) -> None:
    def show(exchange: Exchange) -> Answer:
        assert exchange.method == "GET"
        return answer(b"|".join(name.lower() for name, _ in exchange.headers) + b" " + exchange.target.encode(), 418)

    async with served({"/": show}, serving=serving) as server, server.peer() as peer:
        peer.writer.write(get("/a%20b?x=1", *KEY, NONCE, "X-Mine: 1"))
        _, body = await peer.answer()
        names, target = body.split(b" ")
        assert names == b"host|upgrade|connection|sec-websocket-version|sec-websocket-key|x-mine"
        assert target == b"/a%20b?x=1"


@pytest.mark.parametrize("closed", [Closed(1000, "done"), Closed(4321, "ünïcode"), Closed(1012)])
async def test_a_close_of_ours_reaches_the_client(serving: Serving, closed: Closed) -> None:
    async def close(socket: WebSocketClient) -> None:
        await socket.close(closed)

    async with served({"/": talking(close)}, serving=serving) as server, open_to(server) as peer:
        assert await closing(peer) == (closed.code, closed.reason)
        await server.site.exchange()
        await peer.wait_closed()
        assert server.site.log.events == []


async def test_a_close_without_a_code_is_a_normal_one_where_the_host_knows_no_other(serving: Serving) -> None:
    async def close(socket: WebSocketClient) -> None:
        await socket.close(Closed())

    async with served({"/": talking(close)}, serving=serving) as server, open_to(server) as peer:
        assert await closing(peer) == (1005 if is_fast(serving) else 1000, "")


async def test_an_abnormal_end_is_none_for_the_client_either(serving: Serving) -> None:
    async def close(socket: WebSocketClient) -> None:
        await socket.close(Closed(1006))

    async with served({"/": talking(close)}, serving=serving) as server, open_to(server) as peer:
        assert await closing(peer) == (1006, "")


async def test_a_reason_too_long_is_cut_between_characters(serving: Serving) -> None:
    async def close(socket: WebSocketClient) -> None:
        await socket.close(Closed(4000, "x" + "ü" * 100))

    async with served({"/": talking(close)}, serving=serving) as server, open_to(server) as peer:
        assert await closing(peer) == (4000, "x" + "ü" * 61)


@pytest.mark.parametrize(("code", "reason"), [(1000, "bye"), (4000, "ünïcode"), (1001, "")])
async def test_a_close_of_the_client_reaches_us(serving: Serving, code: int, reason: str) -> None:
    got: asyncio.Future[Closed] = asyncio.get_running_loop().create_future()

    async def listen(socket: WebSocketClient) -> None:
        message = await socket.receive()
        assert isinstance(message, Closed)
        got.set_result(message)
        await socket.send("too late")

    async with served({"/": talking(listen)}, serving=serving) as server:
        async with open_to(server) as peer:
            await peer.close(code, reason)
        async with asyncio.timeout(1):
            assert await got == Closed(code, reason)
            assert (await server.site.exchange()).complete


async def test_a_connection_lost_is_a_close(serving: Serving) -> None:
    got: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    async def listen(socket: WebSocketClient) -> None:
        got.set_result(await socket.receive())

    async with served({"/": talking(listen)}, serving=serving) as server:
        async with open_to(server) as peer:
            peer.transport.abort()
        async with asyncio.timeout(1):
            assert isinstance(await got, Closed)


async def test_a_refusal_has_its_own_status_fields_and_body(serving: Serving, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(exchange: Exchange) -> Answer:
        head = Headers([(b"WWW-Authenticate", b"Basic"), (b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2")])
        return Content(Response(401, head, length=6, parts=(b"denied",)))

    async with served({"/": refuse}, serving=serving) as server:
        with pytest.raises(InvalidStatus) as caught:
            await open_to(server)
        response = caught.value.response
        assert (response.status_code, response.body) == (401, b"denied")
        assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
        assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_handshake_is_closed_without_an_answer(serving: Serving) -> None:
    def close(exchange: Exchange) -> Answer:
        return Flow.CLOSE

    async with served({"/": close}, serving=serving) as server, server.peer() as peer:
        peer.writer.write(get("/", *KEY, NONCE))
        assert await peer.rest() == b""


async def test_a_client_that_leaves_before_the_answer_is_noticed(serving: Serving) -> None:
    def taken(exchange: Exchange) -> Answer:
        exchange.on_gone = exchange.leave
        return Flow.TAKEN

    async with served({"/": taken}, serving=serving) as server:
        async with server.peer() as peer:
            peer.writer.write(get("/", *KEY, NONCE))
            await asyncio.sleep(0.02)
        assert (await server.site.exchange()).status == 499


async def test_a_slow_client_holds_the_sender_back(serving: Serving) -> None:
    sent = 0

    async def flood(socket: WebSocketClient) -> None:
        nonlocal sent
        while sent < 500:
            await socket.send(b"x" * HIGH_WATER)
            sent += 1

    async with served({"/": talking(flood)}, serving=serving) as server, server.peer(limit=HIGH_WATER) as peer:
        peer.writer.write(get("/", *KEY, NONCE))
        await peer.answer(head_only=True)
        await asyncio.sleep(0.1)
        assert sent < 500


async def test_a_slow_reader_of_ours_holds_the_client_back(serving: Serving) -> None:
    go_on = asyncio.Event()

    async def doze(socket: WebSocketClient) -> None:
        await go_on.wait()
        await echo(socket)

    async with served({"/": talking(doze)}, serving=serving) as server, server.peer() as peer:
        await peer.ask(get("/", *KEY, NONCE), head_only=True)
        frame = b"\x82\xff" + HIGH_WATER.to_bytes(8, "big") + bytes(4) + bytes(HIGH_WATER)
        peer.writer.write(frame * 256)
        await asyncio.sleep(0.05)
        assert peer.writer.transport.get_write_buffer_size() > 4 * 1024 * 1024
        go_on.set()


async def test_websockets_are_told_when_the_server_goes_away(serving: Serving) -> None:
    async with served({"/": talking(echo)}, serving=serving) as server, open_to(server) as peer:
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


async def test_a_websocket_survives_a_reload(serving: Serving) -> None:
    async with served({"/": talking(echo)}, serving=serving) as server, open_to(server) as peer:
        from tests.server.site import make_site

        server.app.generation = make_site({}, *server.listeners.sockets).generation
        await peer.send("x")
        assert await peer.recv() == "x"


# What our own server does that is not left to a host


FAST = SERVINGS["fast"]


async def test_a_ping_is_answered_and_idle_is_no_end() -> None:
    def hurried(exchange: Exchange) -> Answer | None:
        short = replace(exchange.location.connection, send_timeout=0.02, keepalive_timeout=(0.02, 0))
        exchange.location.connection = short
        answered = talking(echo)(exchange)
        assert isinstance(answered, Flow)
        return answered

    async with served({"/": hurried}, serving=FAST) as server, open_to(server) as peer, asyncio.timeout(2):
        await asyncio.sleep(0.06)
        await (await peer.ping(b"here?"))
        await peer.send("still")
        assert await peer.recv() == "still"


async def test_a_message_right_behind_the_handshake_is_heard() -> None:
    async with served({"/": talking(echo)}, serving=FAST) as server, server.peer() as peer:
        masked = b"\x81\x85" + bytes(4) + b"first"
        head, _ = await peer.ask(get("/", *KEY, NONCE) + masked, head_only=True)
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
        assert b"Content-Length" not in head
        assert await peer.reader.readexactly(7) == b"\x81\x05first"


async def test_a_message_beyond_the_limit_is_refused_with_1009(serving: Serving) -> None:
    got: asyncio.Future[str | bytes | Closed] = asyncio.get_running_loop().create_future()

    async def listen(socket: WebSocketClient) -> None:
        got.set_result(await socket.receive())

    async with served({"/": talking(listen)}, serving=serving) as server, open_to(server) as peer:
        with contextlib.suppress(ConnectionClosed):
            await peer.send(bytes(2 << 20))
        if is_fast(serving):  # uvicorn closes at once, and what is still coming resets the connection
            assert (await closing(peer))[0] == 1009
        ended = await got
        assert isinstance(ended, Closed)
        assert ended.code == 1009


async def test_text_that_is_not_utf8_is_refused_with_1007() -> None:
    async with served({"/": talking(echo)}, serving=FAST) as server, server.peer() as peer:
        await peer.ask(get("/", *KEY, NONCE), head_only=True)
        peer.writer.write(b"\x81\x81" + bytes(4) + b"\xff")
        assert (await peer.rest())[2:4] == (1007).to_bytes(2)


async def test_a_client_that_does_not_answer_a_close_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyngx.core.websocket.CLOSE_TIMEOUT", 0.05)
    ended: list[object] = []

    async def close(socket: WebSocketClient) -> None:
        await socket.close(Closed(4000, "go"))
        await socket.send("too late")
        ended.append(await socket.receive())

    async with served({"/": talking(close)}, serving=FAST) as server, server.peer() as peer:
        await peer.ask(get("/", *KEY, NONCE), head_only=True)
        assert await peer.rest() == b"\x88\x04\x0f\xa0go"
        assert (await server.site.exchange()).complete
        assert ended == [Closed(1006)]
        assert server.site.log.events == []


async def test_an_exchange_that_ends_closes_its_websocket() -> None:
    async def leave(socket: WebSocketClient) -> None:
        await socket.send("last")

    async with served({"/": talking(leave)}, serving=FAST) as server, open_to(server) as peer:
        assert await peer.recv() == "last"
        assert await closing(peer) == (1000, "")
        assert (await server.site.exchange()).client.bytes_sent > 6 + 100


async def test_what_is_no_handshake_is_no_websocket() -> None:
    def plain(exchange: Exchange) -> Answer:
        return answer(b"none" if exchange.client.websocket() is None else b"one")

    bodied = get("/", *KEY, NONCE, "Content-Length: 1") + b"x"
    async with served({"/": plain}, serving=FAST, max_body=10) as server:
        for request in (get("/", *KEY), get("/", *KEY, NONCE, method="POST"), bodied):
            async with server.peer() as peer:
                assert (await peer.ask(request))[1] == b"none"


async def test_shutdown_closes_websockets_and_cuts_the_deaf_ones_off() -> None:
    async with served({"/": talking(echo)}, serving=FAST) as server, open_to(server) as peer, server.peer() as deaf:
        await deaf.ask(get("/", *KEY, NONCE), head_only=True)
        async with asyncio.timeout(3):
            ending = asyncio.create_task(server.listeners.shutdown(0))
            assert await closing(peer) == (1001, "")
            assert await deaf.rest() == b"\x88\x02\x03\xe9"
            await ending
        assert (server.listeners.connections, server.app.websockets) == (0, set())


async def test_pipelined_answers_that_wait_hold_the_next_one_back() -> None:
    size = 16 << 20
    paused: list[bool] = []

    def large(exchange: Exchange) -> Answer:
        paused.append(exchange.paused)
        return answer(bytes(size))

    async with served({"/": large}, serving=FAST) as server, server.peer(limit=1024) as peer:
        peer.writer.write(get("/") + get("/"))
        for _ in range(2):
            await peer.reader.readuntil(b"\r\n\r\n")
            await peer.reader.readexactly(size)
        assert paused == [False, False]  # the second was not begun before the first was on its way
