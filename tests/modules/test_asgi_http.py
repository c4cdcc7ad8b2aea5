"""HTTP requests in an ASGI application."""

from __future__ import annotations

import asyncio

import pytest

from pyngx.core.exchange import Connection, Exchange
from pyngx.core.generation import Generation
from pyngx.core.spool import Spool
from pyngx.http.headers import Headers
from pyngx.http.request_head import RequestHead
from pyngx.modules.asgi_messages import Message, Receive, Scope, Send
from tests.modules.asgi_apps import Serve
from tests.support.live import ask, log_of, open_exchange, run
from tests.support.live_client import LiveClient

GET = "GET / HTTP/1.1"


async def respond(send: Send, body: bytes, status: int = 200, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


class Recorder:
    """An application that keeps its scope and answers with the body that it was sent."""

    def __init__(self) -> None:
        self.scope: Scope = {}
        self.messages: list[Message] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        more = True
        while more:
            message = await receive()
            self.messages.append(message)
            more = bool(message.get("more_body"))
        await respond(send, b"".join(message["body"] for message in self.messages))  # type: ignore[misc]


# what the application is told


async def test_the_scope_says_what_was_asked(serve: Serve) -> None:
    app = Recorder()
    await ask(serve(app), "GET /a%20b//c/./d?x=1&y=%20 HTTP/1.1", [(b"Host", b"h"), (b"X-Y", b"caf\xe9")])
    assert {name: app.scope[name] for name in app.scope if name not in {"asgi", "extensions"}} == {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/a b/c/d",
        "raw_path": b"/a%20b//c/./d",
        "query_string": b"x=1&y=%20",
        "root_path": "",
        "headers": [(b"host", b"h"), (b"x-y", b"caf\xe9")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8080),
        "state": {},
    }
    assert app.scope["asgi"] == {"version": "3.0", "spec_version": "2.3"}


async def test_a_path_that_is_no_text_has_its_bytes_in_raw_path(serve: Serve) -> None:
    app = Recorder()
    await ask(serve(app), "GET /%ff%c3%a9 HTTP/1.1")
    assert app.scope["path"] == "/\ufffdé"
    assert app.scope["raw_path"] == b"/%ff%c3%a9"


async def test_the_root_path_is_what_the_location_says(serve: Serve) -> None:
    app = Recorder()
    await ask(serve(app, inside="asgi_root_path /shop/;"), "GET /shop/cart HTTP/1.1")
    assert (app.scope["root_path"], app.scope["path"]) == ("/shop", "/shop/cart")


async def test_unix_sockets_have_a_path_and_no_client(serve: Serve) -> None:
    app = Recorder()
    generation = serve(app)
    client = LiveClient()
    head = RequestHead("GET", "/", "1.1", Headers([(b"Host", b"h")]))
    exchange = client.exchange = Exchange(generation, Connection(1, "unix:", 0, "unix:/run/s", 0), client, head)
    await run(exchange)
    await client.until_over()
    assert (app.scope["client"], app.scope["server"]) == (None, ("/run/s", None))


# the request's body


async def test_a_request_without_a_body_is_one_message(serve: Serve) -> None:
    app = Recorder()
    await ask(serve(app), GET)
    assert app.messages == [{"type": "http.request", "body": b"", "more_body": False}]


async def test_a_body_that_came_at_once_is_one_message(serve: Serve) -> None:
    app = Recorder()
    client = await ask(serve(app), "POST / HTTP/1.1", body=b"hello")
    assert app.messages == [{"type": "http.request", "body": b"hello", "more_body": False}]
    assert client.body == b"hello"


async def test_a_body_is_streamed_as_it_arrives(serve: Serve) -> None:
    app = Recorder()
    client = LiveClient()
    exchange = open_exchange(serve(app), "POST / HTTP/1.1", [(b"Transfer-Encoding", b"chunked")], client)
    await run(exchange)
    await client.next_move()
    assert client.reading
    exchange.body.feed(b"one")
    await asyncio.sleep(0)
    exchange.body.feed(b"two")
    exchange.body.end()
    await client.until_over()
    assert [(message["body"], message["more_body"]) for message in app.messages] == [(b"one", True), (b"two", False)]


async def test_a_body_is_not_read_before_the_application_asks(serve: Serve) -> None:
    """A client that waits for `100 Continue` is to be told no without sending it."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"no", 403)

    client = LiveClient()
    exchange = open_exchange(serve(refuse), "POST / HTTP/1.1", [(b"Content-Length", b"5")], client)
    await run(exchange)
    await client.until_over()
    assert (client.status, client.reading) == (403, False)


async def test_the_client_waits_while_the_application_does_not_read(serve: Serve) -> None:
    go_on = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await go_on.wait()
        while (await receive())["more_body"]:
            pass
        await respond(send, b"")

    client = LiveClient()
    exchange = open_exchange(
        serve(slow, inside="client_max_body_size 0;"), "POST / HTTP/1.1", [(b"Content-Length", b"200000")], client
    )
    await run(exchange)
    await client.next_move()
    exchange.body.feed(b"x" * 10)
    await asyncio.sleep(0.01)
    exchange.body.feed(b"x" * 99_990)
    assert not client.reading
    go_on.set()
    await client.next_move()
    assert client.reading
    exchange.body.feed(b"x" * 100_000)
    exchange.body.end()
    await client.until_over()
    assert client.status == 200


async def test_a_body_that_somebody_kept_is_read_from_there(serve: Serve) -> None:
    app = Recorder()
    client = LiveClient()
    exchange = open_exchange(serve(app), "POST / HTTP/1.1", [(b"Content-Length", b"5")], client)
    exchange.kept_body = Spool(1024)
    exchange.kept_body.write(b"he")
    exchange.kept_body.write(b"llo")
    await run(exchange)
    await client.until_over()
    assert client.body == b"hello"


async def test_a_body_that_grows_too_large_is_answered_with_413(serve: Serve) -> None:
    raised: list[type[BaseException]] = []

    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        while message["type"] == "http.request" and message["more_body"]:
            message = await receive()
        try:
            await respond(send, b"all of it")
        except OSError as error:
            raised.append(type(error))

    client = LiveClient()
    exchange = open_exchange(
        serve(read, inside="client_max_body_size 4;"), "POST / HTTP/1.1", [(b"Transfer-Encoding", b"chunked")], client
    )
    await run(exchange)
    await client.next_move()
    exchange.body.feed(b"12345")
    await client.until_over()
    assert client.status == 413
    await asyncio.sleep(0)
    assert len(raised) == 1


# the response


async def test_a_response_that_came_whole_gets_its_length(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"hello", 201, (b"content-type", b"text/plain"), (b"x-a", b"1"), (b"x-a", b"2"))

    client = await ask(serve(app), GET)
    assert (client.status, client.body, client.finished) == (201, b"hello", True)
    assert [field for field in client.fields if field[0] not in {b"Server", b"Date"}] == [
        (b"content-type", b"text/plain"),
        (b"Content-Length", b"5"),
        (b"x-a", b"1"),
        (b"x-a", b"2"),
    ]


async def test_a_stream_has_no_length(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b", "more_body": True})
        await send({"type": "http.response.body"})

    client = await ask(serve(app), GET)
    assert client.header("content-length") is None
    assert (client.parts, client.finished) == ([b"a", b"b"], True)


async def test_the_application_waits_while_the_client_is_slow(serve: Serve) -> None:
    sent: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        for number in range(3):
            await send({"type": "http.response.body", "body": b"x", "more_body": number < 2})
            sent.append(number)

    client = LiveClient()
    exchange = open_exchange(serve(app), GET, client=client)
    exchange.pause_writing()
    await run(exchange)
    await client.next_move()
    await asyncio.sleep(0.01)
    assert (client.body, sent) == (b"x", [])
    exchange.resume_writing()
    await client.until_over()
    assert client.body == b"xxx"


async def test_the_head_waits_for_the_body_so_that_an_error_can_take_its_place(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        raise ValueError("broken")

    generation = serve(app)
    client = await ask(generation, GET)
    assert (client.status, client.finished) == (500, True)
    (event,) = log_of(generation).named("application_failed")
    assert event.message == "application raised ValueError: broken"
    assert isinstance(event.facts["exception"], ValueError)


async def test_error_page_answers_for_an_application_that_failed(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/sorry":
            raise ValueError("broken")
        await respond(send, b"sorry")

    client = await ask(serve(app, around="error_page 500 /sorry;"), GET)
    assert (client.status, client.body) == (500, b"sorry")


async def test_an_application_that_says_nothing_is_a_500(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        pass

    assert (await ask(serve(app), GET)).status == 500


async def test_a_failure_after_the_head_breaks_the_response(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        raise ValueError("broken")

    client = await ask(serve(app), GET)
    assert (client.status, client.body, client.aborted) == (200, b"a", True)


async def test_a_response_that_is_left_unfinished_is_broken(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})

    assert (await ask(serve(app), GET)).aborted


@pytest.mark.parametrize(("body", "whole"), [(b"1234", False), (b"12345", True), (b"123456", True)])
async def test_a_body_is_held_to_its_content_length(serve: Serve, body: bytes, whole: bool) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, body, 200, (b"content-length", b"5"))

    client = await ask(serve(app), GET)
    assert (client.body, client.finished, client.aborted) == (body[:5], whole, not whole)
    assert client.header("content-length") == "5"


@pytest.mark.parametrize(
    ("headers", "body", "length"),
    [([(b"content-length", b"5")], b"", "5"), ([], b"hello", "5"), ([], b"", None)],
)
async def test_head_gets_the_head_alone(
    serve: Serve, headers: list[tuple[bytes, bytes]], body: bytes, length: str | None
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, body, 200, *headers)

    client = await ask(serve(app), "HEAD / HTTP/1.1")
    assert (client.header("content-length"), client.body, client.finished) == (length, b"", True)


@pytest.mark.parametrize("status", [204, 304])
async def test_responses_without_bodies_have_no_length(serve: Serve, status: int) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"", status)

    client = await ask(serve(app), GET)
    assert (client.status, client.header("content-length"), client.finished) == (status, None, True)


async def test_what_belongs_to_the_connection_is_the_servers_matter(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"", 200, (b"connection", b"close"), (b"transfer-encoding", b"chunked"))

    client = await ask(serve(app), GET)
    assert (client.header("connection"), client.header("transfer-encoding")) == (None, None)
    assert client.exchange is not None
    assert not client.exchange.keepalive


async def test_the_applications_own_date_and_server_win(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"", 200, (b"server", b"mine"), (b"date", b"today"))

    client = await ask(serve(app), GET)
    assert (client.header("server"), client.header("date")) == ("mine", "today")


async def test_trailers_follow_the_body(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "trailers": True})
        await send({"type": "http.response.body", "body": b"a"})
        await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": False})

    client = await ask(serve(app), GET)
    assert (client.body, client.trailers, client.finished) == (b"a", [(b"x-sum", b"1")], True)
    assert client.header("content-length") is None


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ({"type": "http.response.body"}, 'unexpected ASGI message "http.response.body", expected http.response.start'),
        ({"type": "http.response.start"}, "status of http.response.start must be a number from 200 to 999, not None"),
        ({"type": "http.response.start", "status": 101}, "must be a number from 200 to 999, not 101"),
        ({"type": "http.response.start", "status": 200, "headers": [("a", "b")]}, "must be pairs of bytes"),
        ({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b\r\nc: d")]}, "can't be sent"),
        ({"type": "http.response.start", "status": 200, "headers": [(b"a b", b"")]}, "can't be sent"),
        ({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"-1")]}, "must be a number"),
        ({}, 'unexpected ASGI message "None"'),
    ],
)
async def test_a_message_that_makes_no_sense_is_told_to_the_application(
    serve: Serve, message: Message, complaint: str
) -> None:
    complaints: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send(message)
        except RuntimeError as error:
            complaints.append(str(error))
        await respond(send, b"")

    client = await ask(serve(app), GET)
    assert complaint in complaints[0]
    assert client.status == 200


async def test_nothing_can_follow_the_end(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"")
        await send({"type": "http.response.body", "body": b"more"})

    generation = serve(app)
    client = await ask(generation, GET)
    assert client.body == b""
    await asyncio.sleep(0)
    (event,) = log_of(generation).named("application_failed")
    assert "already complete" in event.message


# the end of the exchange


async def start_stream(serve: Serve, app: object) -> tuple[Generation, Exchange, LiveClient]:
    generation = serve(app)
    client = LiveClient()
    exchange = open_exchange(generation, GET, client=client)
    await run(exchange)
    await client.next_move()
    return generation, exchange, client


async def test_an_application_that_listens_learns_that_the_client_has_left(serve: Serve) -> None:
    over = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        assert (await receive())["type"] == "http.disconnect"
        over.set()

    generation, exchange, client = await start_stream(serve, app)
    exchange.client_gone()
    await asyncio.wait_for(over.wait(), 1)
    assert (exchange.closed, generation.exchanges, client.body) == (True, 0, b"a")


async def test_an_application_that_only_sends_is_stopped_by_an_oserror(serve: Serve) -> None:
    raised = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"a", "more_body": True})
                await asyncio.sleep(0)
        except OSError:
            raised.set()
            raise

    generation, exchange, _ = await start_stream(serve, app)
    exchange.client_gone()
    await asyncio.wait_for(raised.wait(), 1)
    await asyncio.sleep(0)
    assert [event.level for event in log_of(generation).events] == ["info"]


async def test_a_client_that_leaves_while_it_is_slow_frees_the_application(serve: Serve) -> None:
    raised = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        try:
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
            await send({"type": "http.response.body", "body": b"b", "more_body": True})
        except OSError:
            raised.set()

    client = LiveClient()
    exchange = open_exchange(serve(app), GET, client=client)
    exchange.pause_writing()
    await run(exchange)
    await client.next_move()
    exchange.client_gone()
    await asyncio.wait_for(raised.wait(), 1)
    assert client.body == b"a"


async def test_a_client_that_leaves_before_the_head_is_a_499(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(60)

    generation = serve(app)
    exchange = open_exchange(generation, GET)
    await run(exchange)
    exchange.client_gone()
    assert (exchange.status, exchange.closed) == (499, True)


async def test_the_application_may_work_on_after_its_response(serve: Serve) -> None:
    go_on, worked = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b"done")
        await go_on.wait()
        worked.set()

    generation = serve(app)
    client = await ask(generation, GET)
    assert (client.finished, generation.exchanges) == (True, 0)
    go_on.set()
    await asyncio.wait_for(worked.wait(), 1)


async def test_after_the_response_there_is_nothing_to_receive_but_the_end(serve: Serve) -> None:
    received: list[object] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await respond(send, b"done")
        received.append((await receive())["type"])
        received.append((await receive())["type"])

    await ask(serve(app), GET)
    await asyncio.sleep(0.01)
    assert received == ["http.disconnect", "http.disconnect"]


async def test_a_framework_finds_itself_in_a_task(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async with asyncio.timeout(1), asyncio.TaskGroup() as group:
            group.create_task(respond(send, b"ok"))

    assert (await ask(serve(app), GET)).body == b"ok"
