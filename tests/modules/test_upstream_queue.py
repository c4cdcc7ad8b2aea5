"""queue: requests that wait for a server."""

from __future__ import annotations

import asyncio

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.generation import Generation
from pyngx.core.runtime import Runtime
from pyngx.modules import MODULES
from tests.support.fake_upstream import FakeCall, FakeTransport, says
from tests.support.live import build_text, log_of, make_runtime, open_exchange, run
from tests.support.live_client import LiveClient

FULL = "server 127.0.0.1:1 max_conns=1;"


def load(group: str, runtime: Runtime | None = None) -> tuple[Generation, list[FakeCall]]:
    """A group whose servers answer when a test says so."""
    calls: list[FakeCall] = []
    if runtime is None:
        runtime = make_runtime()
        runtime.transport = FakeTransport(*[calls.append] * 9)
    servers = (
        f"upstream app {{ {group} }} server {{ listen 80; access_log off; location / {{ proxy_pass http://app; }} }}"
    )
    generation = build_text(f"events {{ }} http {{ {servers} }}", MODULES, runtime)
    for start in generation.starts:
        start()
    runtime.commit(generation)
    return generation, calls


async def send(generation: Generation) -> LiveClient:
    client = LiveClient()
    await run(open_exchange(generation, "GET / HTTP/1.1", (), client))
    await settle()
    return client


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def answer(call: FakeCall) -> None:
    says(200)(call)
    await settle()


@pytest.mark.parametrize("group", [FULL, f"{FULL} server 127.0.0.1:2 down;", f"least_conn; {FULL}"])
async def test_requests_wait_in_their_order_for_a_server_that_is_full(group: str) -> None:
    generation, calls = load(f"{group} queue 2;")
    clients = [await send(generation) for _ in range(4)]
    assert [client.status for client in clients] == [0, 0, 0, 502]
    assert len(calls) == 1
    for at in range(3):
        await answer(calls[at])
        assert [client.status for client in clients[:3]] == [200] * (at + 1) + [0] * (2 - at)


async def test_without_a_queue_nobody_waits() -> None:
    generation, _ = load(FULL)
    assert [(await send(generation)).status for _ in range(2)] == [0, 502]


async def test_who_waits_too_long_is_answered_502() -> None:
    generation, calls = load(f"{FULL} queue 9 timeout=20ms;")
    clients = [await send(generation) for _ in range(2)]
    await asyncio.sleep(0.05)
    assert [client.status for client in clients] == [0, 502]
    (event,) = log_of(generation).named("no_live_upstreams")
    assert event.message == "no upstream became free while the request was queued"
    await answer(calls[0])
    assert len(calls) == 1


async def test_who_leaves_makes_room() -> None:
    generation, calls = load(f"{FULL} queue 1;")
    clients = [await send(generation) for _ in range(2)]
    assert clients[1].exchange is not None
    clients[1].exchange.client_gone()
    clients.append(await send(generation))
    await answer(calls[0])
    assert len(calls) == 2
    await answer(calls[1])
    assert clients[2].status == 200


async def test_who_leaves_when_its_turn_has_come_gives_it_to_the_next() -> None:
    generation, calls = load(f"{FULL} queue 2;")
    clients = [await send(generation) for _ in range(3)]
    assert clients[1].exchange is not None
    says(200)(calls[0])
    clients[1].exchange.client_gone()
    await settle()
    assert len(calls) == 2
    await answer(calls[1])
    assert clients[2].status == 200


async def test_who_waits_goes_on_over_a_reload() -> None:
    generation, calls = load(f"{FULL} queue 2;")
    clients = [await send(generation) for _ in range(2)]
    after, _ = load(f"{FULL} queue 3;", generation.runtime)
    clients += [await send(after)]
    await answer(calls[0])
    await answer(calls[1])
    await answer(calls[2])
    assert [client.status for client in clients] == [200, 200, 200]


@pytest.mark.parametrize("line", ["queue 0;", "queue 1 timeout=x;", "queue 1 limit=2;", "queue;"])
def test_a_queue_that_makes_no_sense_is_an_error(line: str) -> None:
    with pytest.raises(ConfigError):
        load(f"{FULL} {line}")
