"""The application under hosts that aren't uvicorn: scopes and messages made by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from pyngx.core.answers import Answer, Flow, Response
from pyngx.core.exchange import Exchange
from pyngx.core.generation import Generation
from pyngx.core.listen import ListenAddress
from pyngx.core.ports import Closed
from pyngx.core.servers import ServerNames
from pyngx.core.tasks import Tasks
from pyngx.http.headers import Headers
from pyngx.server.addresses import Addresses
from pyngx.server.asgi import App
from pyngx.server.asgi_incoming import HELD
from pyngx.server.asgi_outgoing import ResponseAborted
from pyngx.server.asgi_types import Received, Scope, Sent
from tests.server.site import Collect, answer, make_site

LAST: Received = {"type": "http.request", "body": b"", "more_body": False}


class Host:
    """Gives the messages that it was given, then the ones that `give` adds; keeps what it is sent."""

    def __init__(self, *messages: Received, failing: Exception | None = None) -> None:
        self.queue: asyncio.Queue[Received] = asyncio.Queue()
        self.given = 0
        self.sent: list[Sent] = []
        self.failing = failing
        self.give(*messages)

    def give(self, *messages: Received) -> None:
        for message in messages:
            self.queue.put_nowait(message)

    async def receive(self) -> Received:
        message = await self.queue.get()
        self.given += 1
        return message

    async def send(self, message: Sent) -> None:
        if self.failing is not None:
            raise self.failing
        self.sent.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(cast("bytes", message.get("body", b"")) for message in self.sent)


def http(**more: Any) -> Scope:
    scope: Any = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [(b"host", b"test")],
        "client": ("1.2.3.4", 5),
        "server": ("testserver", 80),
    }
    return cast("Scope", scope | more)


def websocket(**more: Any) -> Scope:
    return http(type="websocket", scheme="ws", subprotocols=["chat"], **more)


def hello(exchange: Exchange) -> Answer:
    return answer(b"hello")


async def run(handler: Callable[[Exchange], Answer], scope: Scope, *messages: Received) -> tuple[Host, Exchange]:
    """A request from beginning to end."""
    site = make_site({"/": handler}, ListenAddress("0.0.0.0", 8080))
    host = Host(*messages)
    async with asyncio.timeout(2):
        await App(site.generation)(scope, host.receive, host.send)
    return host, await site.exchange()


async def test_a_small_response_is_two_messages_and_nothing_is_received() -> None:
    host, exchange = await run(hello, http(), LAST)
    assert host.sent == [
        {"type": "http.response.start", "status": 200, "headers": [(b"Content-Length", b"5")]},
        {"type": "http.response.body", "body": b"hello", "more_body": False},
    ]
    assert host.given == 0
    assert exchange.connection.remote_addr == "1.2.3.4"
    assert exchange.client.bytes_sent == len(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


@pytest.mark.parametrize(
    ("raw_path", "path", "query", "target"),
    [
        (b"/a%20b", "/a b", b"", "/a%20b"),
        (None, "/a b/ü%", b"", "/a%20b/%C3%BC%25"),
        (None, "/a:b@c", b"x=%20", "/a:b@c?x=%20"),
    ],
)
async def test_a_target_is_what_the_host_kept_of_it(
    raw_path: bytes | None, path: str, query: bytes, target: str
) -> None:
    _, exchange = await run(hello, http(raw_path=raw_path, path=path, query_string=query))
    assert exchange.target == target


async def test_a_host_without_addresses_is_a_unix_socket() -> None:
    _, exchange = await run(hello, http(client=None, server=None))
    assert (exchange.connection.remote_addr, exchange.connection.local_port) == ("unix:", 0)


async def test_early_hints_go_to_hosts_that_know_them() -> None:
    def hint(exchange: Exchange) -> Answer:
        exchange.client.send_informational(103, [(b"Link", b"</a.css>"), (b"X", b"y")])
        return answer(b"hello")

    host, _ = await run(hint, http(extensions={"http.response.early_hint": {}}))
    assert host.sent[0] == {"type": "http.response.early_hint", "links": [b"</a.css>"]}
    host, _ = await run(hint, http())
    assert len(host.sent) == 2


async def test_trailers_go_to_hosts_that_know_them() -> None:
    def trail(exchange: Exchange) -> Answer:
        exchange.respond(Response(200, Headers([(b"Trailer", b"X-Sum")])))
        exchange.end([(b"X-Sum", b"1")])
        return Flow.TAKEN

    host, _ = await run(trail, http(extensions={"http.response.trailers": {}}))
    assert host.sent[0]["trailers"] is True
    assert host.sent[-1] == {"type": "http.response.trailers", "headers": [(b"X-Sum", b"1")], "more_trailers": False}
    host, _ = await run(trail, http())
    assert host.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


@pytest.mark.parametrize(("body", "expected"), [(b"", False), (b"abc", True)])
async def test_http_2_need_not_announce_its_body(body: bytes, expected: bool) -> None:
    def echo(exchange: Exchange) -> Answer:
        exchange.body.read_into(Collect(exchange))
        return Flow.TAKEN

    part: Received = {"type": "http.request", "body": body, "more_body": False}
    host, exchange = await run(echo, http(http_version="2", method="POST"), part)
    assert exchange.body.expected is expected
    assert host.body == body


async def test_an_aborted_response_raises() -> None:
    def broken(exchange: Exchange) -> Answer:
        exchange.respond(Response(200, length=10))
        exchange.write(b"half")
        exchange.fail()
        return Flow.TAKEN

    site = make_site({"/": broken})
    host = Host()
    with pytest.raises(ResponseAborted, match=r"GET / HTTP/1\.1"):
        await App(site.generation)(http(), host.receive, host.send)
    assert host.sent[-1] == {"type": "http.response.body", "body": b"half", "more_body": True}


async def test_a_host_that_raises_for_a_client_that_left_is_understood() -> None:
    site = make_site({"/": hello})
    host = Host(failing=BrokenPipeError())
    await App(site.generation)(http(), host.receive, host.send)
    assert (await site.exchange()).status == 200


async def test_a_message_that_the_host_refuses_is_logged() -> None:
    site = make_site({"/": hello})
    host = Host(failing=RuntimeError("bad header"))
    with pytest.raises(ResponseAborted):
        await App(site.generation)(http(), host.receive, host.send)
    assert site.log.events[0][0] == "host_refused"
    assert site.log.events[0][1]["message"] == "RuntimeError: bad header"


async def test_a_refusal_by_the_host_while_the_handler_waits_is_reported_once() -> None:
    async def slow(exchange: Exchange) -> Answer:
        exchange.respond(Response(200, length=10))
        await asyncio.sleep(0.02)
        return Flow.TAKEN

    reports: list[object] = []
    tasks = Tasks(lambda name, error: reports.append((name, error)))
    site = make_site({"/": slow})
    site.generation.runtime = replace(site.generation.runtime, spawn=tasks.spawn)
    host = Host(failing=RuntimeError("bad header"))
    with pytest.raises(ResponseAborted):
        await App(site.generation)(http(), host.receive, host.send)
    await asyncio.sleep(0)
    assert [event for event, _ in site.log.events] == ["host_refused"]
    assert reports == []


async def test_a_body_that_nobody_reads_is_held_up_to_a_bound() -> None:
    def taken(exchange: Exchange) -> Answer:
        return Flow.TAKEN

    site = make_site({"/": taken})
    part: Received = {"type": "http.request", "body": b"x" * 16384, "more_body": True}
    host = Host(*[part] * 10)
    scope = http(method="POST", headers=[(b"host", b"x"), (b"transfer-encoding", b"chunked")])
    serving = asyncio.create_task(App(site.generation)(scope, host.receive, host.send))  # type: ignore[arg-type]
    await asyncio.sleep(0.01)
    assert host.given == HELD // 16384
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert (await site.exchange()).status == 499


async def test_a_body_is_never_delivered_within_the_call_that_resumes_it() -> None:
    seen: list[str] = []

    class Sink(Collect):
        def body_received(self, data: bytes) -> None:
            seen.append("data")
            super().body_received(data)

    async def late(exchange: Exchange) -> Answer:
        await asyncio.sleep(0.005)  # the parts are held by now
        exchange.body.read_into(Sink(exchange))
        seen.append("resumed")
        return Flow.TAKEN

    parts: list[Received] = [{"type": "http.request", "body": b"ab", "more_body": True}, LAST]
    host, _ = await run(late, http(headers=[(b"host", b"x"), (b"content-length", b"2")]), *parts)  # type: ignore[arg-type]
    assert seen == ["resumed", "data"]
    assert host.body == b"ab"


async def test_a_websocket_host_without_responses_is_told_to_refuse() -> None:
    host, _ = await run(hello, websocket(), {"type": "websocket.connect"})
    assert host.sent == [{"type": "websocket.close", "code": 1000}]


async def test_a_websocket_is_messages() -> None:
    def echo(exchange: Exchange) -> Answer:
        async def talk() -> None:
            socket = exchange.client.websocket()
            assert socket is not None
            await socket.accept("chat", [(b"Upgrade", b"websocket"), (b"X", b"y")])
            assert await socket.receive() == "hi"
            await socket.send(b"ho")
            assert await socket.receive() == Closed(1001, "gone")
            exchange.end()

        exchange.spawn(talk(), "talk")
        return Flow.TAKEN

    host, exchange = await run(
        echo,
        websocket(),
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "hi"},
        {"type": "websocket.disconnect", "code": 1001, "reason": "gone"},
    )
    assert host.sent == [
        {"type": "websocket.accept", "subprotocol": "chat", "headers": [(b"X", b"y")]},
        {"type": "websocket.send", "bytes": b"ho"},
    ]
    assert exchange.connection.scheme == "http"


async def test_a_host_asks_for_startup_and_shutdown() -> None:
    host = Host({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    await App(make_site({}).generation)({"type": "lifespan"}, host.receive, host.send)
    assert [message["type"] for message in host.sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_scope_that_nobody_knows_is_refused() -> None:
    host = Host()
    with pytest.raises(ValueError, match='unknown ASGI scope "x"'):
        await App(make_site({}).generation)({"type": "x"}, host.receive, host.send)


def find(host: str, port: int, *listens: ListenAddress) -> ListenAddress | None:
    generation = cast("Any", Generation)(None, 1, None)
    generation.addresses = {listen: ServerNames(cast("Any", listen)) for listen in listens}
    found = Addresses(generation).find(host, port)
    return cast("ListenAddress", found.default) if found is not None else None


def test_servers_are_found_by_the_local_address() -> None:
    exact, any4, any6 = ListenAddress("127.0.0.1", 80), ListenAddress("0.0.0.0", 80), ListenAddress("::", 80)
    path = ListenAddress("", 0, "/run/x")
    every = (exact, any4, any6, path)
    assert find("127.0.0.1", 80, *every) is exact
    assert find("10.0.0.1", 80, *every) is any4
    assert find("::1", 80, *every) is any6
    assert find("::ffff:127.0.0.1", 80, any6) is any6
    assert find("10.0.0.1", 80, any6) is any6
    assert find("10.0.0.1", 81, *every) is None
    assert find("unix:/run/x", 0, *every) is path
    assert find("unix:/run/y", 0, *every) is None
