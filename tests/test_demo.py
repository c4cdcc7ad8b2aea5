"""The demo application, served by `asgi_pass` as the default configuration does it."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from pyngx.core.generation import Generation
from pyngx.core.ports import Closed
from pyngx.modules import asgi, core
from tests.support.live import ask, build_text, log_of, open_exchange, run
from tests.support.live_client import FakeWebSocket, LiveClient


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Generation:
    monkeypatch.setattr(sys, "path", list(sys.path))
    return build_text(
        "events {} http { server { listen 127.0.0.1:8081; location / { asgi_pass pyngx.demo:app; } } }",
        (core.MODULE, asgi.MODULE),
    )


async def test_http_shows_the_request_as_json(demo: Generation) -> None:
    client = await ask(demo, "PUT /http/any%20path?x=1 HTTP/1.1", [(b"X-Latin", b"caf\xe9")], "grüße".encode())
    shown = json.loads(client.body)
    assert (client.status, client.header("content-type")) == (200, "application/json")
    assert (shown["method"], shown["path"], shown["query"]) == ("PUT", "/http/any path", "x=1")
    assert ["x-latin", "café"] in shown["headers"]
    assert shown["body"] == {"size": 7, "text": "grüße"}


async def test_a_large_body_is_counted_and_not_kept(demo: Generation) -> None:
    body = json.loads((await ask(demo, "POST /http HTTP/1.1", body=b"x" * 100_000)).body)["body"]
    assert (body["size"], len(body["text"])) == (100_000, 65_536)


async def test_sse_ticks(demo: Generation) -> None:
    client = await ask(demo, "GET /sse?interval=0.01&count=2 HTTP/1.1")
    assert client.header("content-type") == "text/event-stream"
    assert [part.split(b"\n")[0] for part in client.parts] == [b"id: 1", b"id: 2"]
    assert json.loads(client.parts[0].split(b"data: ")[1])["tick"] == 1
    assert client.finished


async def test_the_clock_stops_when_the_client_leaves(demo: Generation) -> None:
    client = LiveClient()
    exchange = open_exchange(demo, "GET /sse HTTP/1.1", client=client)
    await run(exchange)
    while not client.body:
        await client.next_move()
    exchange.client_gone()
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1
    assert log_of(demo).events == []


async def test_sse_refuses_what_is_no_number(demo: Generation) -> None:
    assert (await ask(demo, "GET /sse?interval=x HTTP/1.1")).status == 400


async def test_ws_echoes(demo: Generation) -> None:
    socket = FakeWebSocket(["chat"])
    client = LiveClient(socket)
    await run(open_exchange(demo, "GET /ws HTTP/1.1", client=client))
    socket.say("hello")
    socket.say(b"\x00")
    while len(socket.sent) < 2:
        await socket.next_move()
    socket.say(Closed(1000))
    await client.until_over()
    assert (socket.accepted, socket.sent) == (("chat", []), ["hello", b"\x00"])


async def test_other_websockets_are_refused(demo: Generation) -> None:
    client = LiveClient(FakeWebSocket())
    await run(open_exchange(demo, "GET /other HTTP/1.1", client=client))
    await client.until_over()
    assert client.status == 403


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/httpx", 404), ("/other", 404)])
async def test_the_index_explains_and_the_rest_is_not_found(demo: Generation, path: str, status: int) -> None:
    assert (await ask(demo, f"GET {path} HTTP/1.1")).status == status
