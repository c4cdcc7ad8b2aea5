"""WebSockets in an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pyngx.core.answers import Refused, Response
from pyngx.core.exchange import Exchange
from pyngx.core.generation import Generation
from pyngx.core.phases import Module
from pyngx.core.ports import Closed
from pyngx.core.records import Messages
from pyngx.modules.asgi_messages import Message, Receive, Scope, Send
from tests.modules.asgi_apps import MODULES, Serve, module_with
from tests.support.live import build_text, log_of, open_exchange, run
from tests.support.live_client import FakeWebSocket, LiveClient

App = Callable[[Scope, Receive, Send], Awaitable[None]]
CHAT = "GET /chat?room=1 HTTP/1.1"


async def until(claim: Callable[[], bool]) -> None:
    """Let the loop go round until something is true."""
    for _ in range(100):
        if claim():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not become true")


async def connect(generation: Generation, *subprotocols: str) -> tuple[Exchange, LiveClient, FakeWebSocket]:
    """Bring a handshake to the application, and let that have its first steps."""
    socket = FakeWebSocket(subprotocols)
    client = LiveClient(socket)
    exchange = open_exchange(generation, CHAT, client=client)
    await run(exchange)
    for _ in range(5):
        await asyncio.sleep(0)
    return exchange, client, socket


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


async def shake(receive: Receive, send: Send) -> None:
    assert await receive() == {"type": "websocket.connect"}
    await send({"type": "websocket.accept"})


# the handshake


async def test_the_scope_says_what_was_asked(serve: Serve) -> None:
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)

    await connect(serve(app), "chat", "superchat")
    scope = scopes[0]
    assert {name: scope[name] for name in ("type", "scheme", "path", "query_string", "subprotocols")} == {
        "type": "websocket",
        "scheme": "ws",
        "path": "/chat",
        "query_string": b"room=1",
        "subprotocols": ["chat", "superchat"],
    }
    assert scope["extensions"] == {"websocket.http.response": {}}
    assert "method" not in scope


async def test_accepting_answers_101_with_subprotocol_and_fields(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert await receive() == {"type": "websocket.connect"}
        await send(
            {
                "type": "websocket.accept",
                "subprotocol": "chat",
                "headers": [(b"set-cookie", b"a=1"), (b"sec-websocket-accept", b"forged"), (b"connection", b"x")],
            }
        )
        await receive()

    exchange, client, socket = await connect(serve(app), "chat")
    assert socket.accepted == ("chat", [(b"set-cookie", b"a=1")])
    assert (exchange.status, client.status) == (101, 0)


async def test_the_101_goes_through_the_header_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    def mark(exchange: Exchange, response: Response) -> None:
        response.headers.add(b"x-status", b"%d" % response.status)

    module_with(monkeypatch, "app_under_test", app=echo)
    generation = build_text(
        "events {} http { server { listen 127.0.0.1:80; location / { asgi_pass app_under_test:app; } } }",
        (*MODULES, Module("mark", header_filter=lambda build: mark)),
    )
    _, _, socket = await connect(generation)
    assert socket.accepted == (None, [(b"x-status", b"101")])


async def test_closing_before_accepting_is_a_403(serve: Serve) -> None:
    raised: list[BaseException] = []
    received: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.close", "code": 4003})
        try:
            await send({"type": "websocket.accept"})
        except OSError as error:
            raised.append(error)
        received.append(await receive())

    _, client, socket = await connect(serve(app))
    await client.until_over() if not client.over else None
    assert (client.status, client.finished, socket.accepted) == (403, True, None)
    assert len(raised) == 1
    assert received == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]


async def test_error_page_answers_for_a_refusal(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"members only"})
        else:
            await receive()
            await send({"type": "websocket.close"})

    _, client, _ = await connect(serve(app, around="error_page 403 /members;"))
    await until(lambda: client.over)
    assert (client.status, client.body) == (403, b"members only")


async def test_a_denial_is_any_http_response(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        kind = "websocket.http.response"
        await send({"type": f"{kind}.start", "status": 401, "headers": [(b"www-authenticate", b"Basic")]})
        await send({"type": f"{kind}.body", "body": b"who ", "more_body": True})
        await send({"type": f"{kind}.body", "body": b"are you"})
        assert (await receive())["type"] == "websocket.disconnect"

    generation = serve(app)
    exchange, client, socket = await connect(generation)
    assert (client.status, client.body, client.finished) == (401, b"who are you", True)
    assert (client.header("www-authenticate"), socket.accepted) == ("Basic", None)
    assert (exchange.closed, log_of(generation).events) == (True, [])


async def test_a_denial_that_is_left_unfinished_is_broken(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.http.response.start", "status": 401})
        await send({"type": "websocket.http.response.body", "body": b"who", "more_body": True})

    _, client, _ = await connect(serve(app))
    assert (client.status, client.aborted) == (401, True)


@pytest.mark.parametrize("fails", [False, True])
async def test_an_application_that_ends_without_an_answer_is_a_500(serve: Serve, fails: bool) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if fails:
            raise ValueError("broken")

    generation = serve(app)
    _, client, socket = await connect(generation)
    await until(lambda: client.over)
    assert (client.status, client.finished, socket.accepted) == (500, True, None)
    assert len(log_of(generation).named("application_failed")) == fails


async def test_a_client_that_leaves_during_the_handshake_is_told_to_the_application(serve: Serve) -> None:
    received: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        received.extend([await receive(), await receive()])

    exchange, _, _ = await connect(serve(app))
    exchange.client_gone()
    await until(lambda: len(received) == 2)
    assert received[1] == {"type": "websocket.disconnect", "code": 1006, "reason": ""}
    assert (exchange.status, exchange.closed) == (499, True)


async def test_a_handshake_that_the_server_does_not_offer_is_a_plain_request(serve: Serve) -> None:
    types: list[object] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        types.append(scope["type"])

    client = LiveClient()
    await run(open_exchange(serve(app), CHAT, [(b"Upgrade", b"websocket"), (b"Connection", b"upgrade")], client))
    await client.until_over()
    assert types == ["http"]


# messages


async def test_text_stays_text_and_bytes_stay_bytes(serve: Serve) -> None:
    exchange, _, socket = await connect(serve(echo))
    for message in ("grüße", b"\xff\x00", "", b""):
        socket.say(message)
    await until(lambda: len(socket.sent) == 4)
    assert socket.sent == ["grüße", b"\xff\x00", "", b""]
    assert exchange.body_bytes_sent == 9


async def test_the_application_waits_while_the_client_is_slow(serve: Serve) -> None:
    sent: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await shake(receive, send)
        await receive()
        for number in range(2):
            await send({"type": "websocket.send", "text": str(number)})
            sent.append(number)

    _, _, socket = await connect(serve(app))
    socket.slow = asyncio.Event()
    socket.say("go")
    await asyncio.sleep(0.01)
    assert sent == []
    socket.slow.set()
    await until(lambda: sent == [0, 1])


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ({"type": "websocket.send"}, "must have text or bytes"),
        ({"type": "websocket.send", "text": b"x"}, "text of websocket.send must be str, not bytes"),
        ({"type": "websocket.send", "bytes": "x"}, "bytes of websocket.send must be bytes, not str"),
        ({"type": "websocket.accept"}, "expected websocket.send or websocket.close"),
        ({"type": "websocket.close", "code": "x"}, "code of websocket.close must be a number"),
        ({"type": "http.response.start", "status": 200}, 'unexpected ASGI message "http.response.start"'),
        ({"type": "websocket.http.response.start", "status": 200}, "unexpected ASGI message"),
    ],
)
async def test_a_message_that_makes_no_sense_is_told_to_the_application(
    serve: Serve, message: Message, complaint: str
) -> None:
    complaints: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await shake(receive, send)
        try:
            await send(message)
        except RuntimeError as error:
            complaints.append(str(error))

    _, _, socket = await connect(serve(app))
    assert complaint in complaints[0]
    assert socket.closed == Closed(1000)


async def test_nothing_can_be_sent_before_it_is_accepted(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.send", "text": "x"})

    generation = serve(app)
    _, client, _ = await connect(generation)
    await until(lambda: client.over)
    assert client.status == 500
    (event,) = log_of(generation).named("application_failed")
    assert "expected websocket.accept" in event.message


# the end


async def test_the_clients_close_reaches_the_application_with_code_and_reason(serve: Serve) -> None:
    received: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await shake(receive, send)
        received.append(await receive())

    generation = serve(app)
    exchange, client, socket = await connect(generation)
    socket.say(Closed(4000, "bye"))
    await until(lambda: client.over)
    assert received == [{"type": "websocket.disconnect", "code": 4000, "reason": "bye"}]
    assert (client.finished, exchange.status, exchange.complete, generation.exchanges) == (True, 101, True, 0)
    assert (socket.closed, log_of(generation).events) == (None, [])


async def test_the_applications_close_reaches_the_client_with_code_and_reason(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await shake(receive, send)
        await send({"type": "websocket.close", "code": 4001, "reason": "enough"})

    exchange, client, socket = await connect(serve(app))
    assert socket.closed == Closed(4001, "enough")
    assert (client.finished, exchange.closed) == (True, True)


async def test_an_application_that_returns_closes_normally(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await shake(receive, send)

    _, client, socket = await connect(serve(app))
    assert (socket.closed, client.finished) == (Closed(1000), True)


async def test_an_application_that_fails_closes_with_an_internal_error(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await shake(receive, send)
        raise ValueError("broken")

    generation = serve(app)
    _, client, socket = await connect(generation)
    assert (socket.closed, client.finished) == (Closed(1011), True)
    assert len(log_of(generation).named("application_failed")) == 1


async def test_who_receives_while_another_task_closes_learns_of_it(serve: Serve) -> None:
    received: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await shake(receive, send)

        async def listen() -> None:
            received.append(await receive())

        async with asyncio.TaskGroup() as group:
            group.create_task(listen())
            await asyncio.sleep(0)
            await send({"type": "websocket.close", "code": 4001})

    _, client, _ = await connect(serve(app))
    await until(lambda: client.over and bool(received))
    assert received == [{"type": "websocket.disconnect", "code": 4001, "reason": ""}]


async def test_what_is_sent_to_a_closed_websocket_raises_an_oserror(serve: Serve) -> None:
    raised: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await shake(receive, send)
        await receive()
        await send({"type": "websocket.close"})  # both sides close at once
        try:
            await send({"type": "websocket.send", "text": "x"})
        except OSError as error:
            raised.append(error)

    generation = serve(app)
    _, client, socket = await connect(generation)
    socket.say(Closed(1001))
    await until(lambda: client.over)
    assert (len(raised), log_of(generation).events) == (1, [])


async def test_nobody_can_wait_for_messages_after_the_end(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await shake(receive, send)
        while True:
            await receive()

    generation = serve(app)
    _, client, socket = await connect(generation)
    socket.say(Closed(1001))
    await until(lambda: bool(log_of(generation).events))
    assert client.finished
    assert "no message after websocket.disconnect" in log_of(generation).events[0].message


@pytest.mark.parametrize("told", [False, True])
async def test_a_client_that_vanishes_breaks_the_exchange(serve: Serve, told: bool) -> None:
    received: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await shake(receive, send)
        received.append(await receive())
        await send({"type": "websocket.send", "text": "x"})

    generation = serve(app)
    exchange, _, socket = await connect(generation)
    if told:  # some servers say it by `client_gone`, too
        exchange.client_gone()
    socket.say(Closed(1006))
    await until(lambda: bool(log_of(generation).events))
    assert received == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]
    assert (exchange.status, exchange.closed, exchange.complete) == (101, True, False)


async def test_a_clean_close_is_no_break_though_the_client_is_gone(serve: Serve) -> None:
    exchange, client, socket = await connect(serve(echo))
    exchange.client_gone()
    socket.say(Closed(1001))
    await client.until_over()
    assert (exchange.status, exchange.complete) == (101, True)


async def test_a_client_that_leaves_while_the_application_works_is_logged_at_once(serve: Serve) -> None:
    go_on, raised = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await shake(receive, send)
        await go_on.wait()
        try:
            await send({"type": "websocket.send", "text": "x"})
        except OSError:
            raised.set()

    exchange, _, _ = await connect(serve(app))
    exchange.client_gone()
    assert (exchange.closed, exchange.complete) == (True, False)
    go_on.set()
    await asyncio.wait_for(raised.wait(), 1)


async def test_messages_are_counted_for_the_log(serve: Serve) -> None:
    exchange, client, socket = await connect(serve(echo))
    socket.say("grüße")
    socket.say(Closed(1000))
    await client.until_over()
    assert exchange.messages == Messages(received=1, bytes_received=7, sent=1, bytes_sent=7)


@pytest.mark.parametrize("target", ["/chat", "/plain"])
async def test_a_header_filter_may_refuse(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    def refuse(exchange: Exchange, response: Response) -> None:
        if response.status in {101, 200}:
            raise Refused(412)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await echo(scope, receive, send)
        else:
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"x"})

    module_with(monkeypatch, "app_under_test", app=app)
    generation = build_text(
        "events {} http { server { listen 127.0.0.1:80; location / { asgi_pass app_under_test:app; } } }",
        (*MODULES, Module("refuse", header_filter=lambda build: refuse)),
    )
    client = LiveClient(FakeWebSocket() if target == "/chat" else None)
    await run(open_exchange(generation, f"GET {target} HTTP/1.1", client=client))
    await client.until_over()
    assert (client.status, client.finished) == (412, True)


async def test_a_close_that_fails_ends_the_exchange_all_the_same(serve: Serve) -> None:
    class Broken(FakeWebSocket):
        async def close(self, closed: Closed) -> None:
            raise OSError("gone")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await shake(receive, send)
        await send({"type": "websocket.close"})

    generation = serve(app)
    client = LiveClient(Broken())
    await run(open_exchange(generation, CHAT, client=client))
    await client.until_over()
    assert generation.exchanges == 0
