"""mirror: copies that nobody waits for."""

from __future__ import annotations

import asyncio

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.generation import Generation
from pyngx.core.pipeline import handle
from pyngx.http.headers import Headers
from pyngx.modules import MODULES
from tests.support.configure import configure, exchange, in_server, make_runtime
from tests.support.fake_client import FakeClient
from tests.support.fake_upstream import FakeCall, FakeTransport

COPY = "location /copy { internal; proxy_pass http://127.0.0.1:1; }"


def site(text: str) -> tuple[Generation, list[FakeCall]]:
    """A server whose upstream says nothing by itself."""
    calls: list[FakeCall] = []
    runtime = make_runtime()
    runtime.transport = FakeTransport(*[calls.append] * 4)
    return configure(in_server(f"access_log off; root /none; {text}"), MODULES, runtime), calls


async def send(generation: Generation, line: str, body: bytes = b"") -> FakeClient:
    asked = exchange(generation, line)
    if body:
        asked.body.expect(len(body))
        asked.body.feed(body)
        asked.body.end()
    await asyncio.wait_for(handle(asked, next(iter(generation.addresses.values()))), 1)
    for _ in range(5):
        await asyncio.sleep(0)
    assert isinstance(asked.client, FakeClient)
    return asked.client


def end(call: FakeCall, body: bytes = b"") -> None:
    call.handler.connected()
    call.handler.head_received(200, b"", Headers())
    call.handler.body_received(body)
    if not call.cancelled:
        call.handler.response_ended([])


async def test_a_copy_has_method_query_and_body_and_outlives_the_request() -> None:
    generation, calls = site(f"location / {{ mirror /copy; }} {COPY}")
    client = await send(generation, "PUT /x?a=b HTTP/1.1", b"body")
    assert (client.status, client.finished) == (405, True)
    assert generation.exchanges == 1
    (call,) = calls
    end(call)
    assert (call.request.method, call.request.target, call.body) == (b"PUT", b"/copy?a=b", b"body")
    assert generation.exchanges == 0


async def test_a_copy_may_go_without_the_body() -> None:
    generation, calls = site(f"location / {{ mirror /copy; mirror_request_body off; }} {COPY}")
    await send(generation, "PUT /x HTTP/1.1", b"body")
    assert (calls[0].request.method, calls[0].request.body_length) == (b"PUT", 0)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("mirror /copy;", 1),
        ("mirror /copy/1; mirror /copy/2;", 2),
        ("mirror off;", 0),
        ("mirror /copy/again;", 1),
        ("mirror /broken;", 0),
    ],
)
async def test_each_mirror_is_one_copy(text: str, count: int) -> None:
    more = "location /copy/again { mirror /copy; proxy_pass http://127.0.0.1:1; } location /broken { return 444; }"
    generation, calls = site(f"location / {{ {text} }} {COPY} {more}")
    client = await send(generation, "GET /x HTTP/1.1")
    assert (len(calls), client.status, generation.exchanges) == (count, 404, count)


async def test_a_long_answer_is_not_read() -> None:
    generation, calls = site(f"location / {{ mirror /copy; }} {COPY}")
    await send(generation, "GET /x HTTP/1.1")
    end(calls[0], b"x" * 100_000)
    assert calls[0].cancelled
    assert generation.exchanges == 0


def test_off_stands_alone() -> None:
    with pytest.raises(ConfigError, match="duplicate"):
        site("mirror off; mirror /copy;")
