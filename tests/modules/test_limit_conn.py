"""How many requests are under way; tests/oracle/test_limits.py compares with nginx."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import Answer, Flow, Handler, Response
from pyngx.core.build import Build
from pyngx.core.exchange import Exchange
from pyngx.core.generation import Generation
from pyngx.core.phases import Module, Phase
from pyngx.core.runtime import Runtime
from pyngx.modules import core, limit_conn, limit_rate, limit_req, rewrite
from pyngx.modules.limit_conn import Zone
from tests.support import reply
from tests.support.live import ask, build_text, log_of, make_runtime, open_exchange, run
from tests.support.live_client import LiveClient


def hold(build: Build) -> Handler:
    """Answers nothing: the test ends what it begins."""

    def take(exchange: Exchange) -> Answer:
        exchange.coming_status = 200
        return Flow.TAKEN

    return take


HOLD = Module("hold", handlers={Phase.CONTENT: hold})
MODULES = (
    *(core.MODULE, rewrite.MODULE, limit_req.MODULE, limit_conn.MODULE, limit_rate.MODULE),
    *(reply.MODULE, HOLD),
)
ZONES = "limit_conn_zone $arg_a zone=a:1m; limit_conn_zone $arg_b zone=b:1m; limit_req_zone $arg_r zone=r:1m rate=9r/s;"


def built(text: str, runtime: Runtime | None = None, zones: str = ZONES) -> Generation:
    return build_text(f"events {{ }} http {{ {zones} server {{ listen 80; {text} }} }}", MODULES, runtime)


def counts(generation: Generation) -> dict[str, dict[bytes, int]]:
    """What the zones of a generation have counted."""
    kept = generation.runtime._kept.items()
    return {key[1]: kept.value.counts for key, kept in kept if isinstance(kept.value, Zone)}  # type: ignore[index]


async def begin(generation: Generation, target: str) -> Exchange:
    """A request that is under way."""
    exchange = open_exchange(generation, f"GET {target} HTTP/1.1")
    await run(exchange)
    return exchange


async def test_no_more_than_so_many_are_under_way() -> None:
    generation = built("location / { limit_conn a 2; }")
    first, second = await begin(generation, "/?a=x"), await begin(generation, "/?a=x")
    refused, other = await begin(generation, "/?a=x"), await begin(generation, "/?a=y")
    assert [each.status for each in (first, second, refused, other)] == [200, 200, 503, 200]
    assert counts(generation) == {"a": {b"x": 2, b"y": 1}, "b": {}}
    [event] = log_of(generation).named("connection_limited")
    assert (event.level, event.message) == ("error", 'limiting connections by zone "a"')
    first.respond(Response(204))
    first.end()
    third = await begin(generation, "/?a=x")
    assert third.status == 200
    for each in (second, other, third):
        each.client_gone()
    assert counts(generation) == {"a": {}, "b": {}}


async def test_all_limits_have_to_let_it_pass_and_none_counts_what_another_refused() -> None:
    generation = built("location / { limit_conn a 5; limit_conn b 1; limit_conn_status 429; }")
    await begin(generation, "/?a=x&b=y")
    refused = await begin(generation, "/?a=x&b=y")
    assert refused.status == 429
    assert counts(generation) == {"a": {b"x": 1}, "b": {b"y": 1}}


async def test_the_empty_key_is_not_counted() -> None:
    generation = built("location / { limit_conn a 1; }")
    both = [await begin(generation, "/"), await begin(generation, "/")]
    assert [exchange.values for exchange in both] == [{}, {}]


async def test_a_key_that_is_too_long_is_not_counted() -> None:
    generation = built("location / { limit_conn a 1; }")
    for length in (255, 256):
        await begin(generation, f"/?a={'x' * length}")
    assert [len(key) for key in counts(generation)["a"]] == [255]
    assert "more than 255 bytes" in log_of(generation).named("key_too_long")[0].message


@pytest.mark.parametrize(("limit", "status"), [("limit_conn a 1;", "PASSED"), ("", None)])
async def test_the_variable_says_what_became_of_it(limit: str, status: str | None) -> None:
    generation = built(f"location / {{ {limit} }}")
    exchange = await begin(generation, "/?a=x")
    [variable] = limit_conn.VARIABLES
    assert variable.get(exchange) == status


async def test_a_dry_run_lets_pass() -> None:
    generation = built("location / { limit_conn b 9; limit_conn a 1; limit_conn_dry_run on; }")
    await begin(generation, "/?a=x&b=y")
    second = await begin(generation, "/?a=x&b=y")
    assert (second.status, second.values["limit_conn_status"]) == (200, "REJECTED_DRY_RUN")
    assert log_of(generation).events[0].message == 'limiting connections, dry run, by zone "a"'
    assert counts(generation) == {"a": {b"x": 1}, "b": {b"y": 1}}


async def test_a_redirect_is_counted_once_and_until_the_end() -> None:
    generation = built(
        "limit_conn a 1; location / { error_page 404 /page; reply 404; } location /page { limit_conn b 1; }"
    )
    exchange = await begin(generation, "/?a=x&b=y")
    assert exchange.uri == "/page"
    assert counts(generation) == {"a": {b"x": 1}, "b": {}}
    exchange.fail()
    assert counts(generation) == {"a": {}, "b": {}}


async def test_who_waits_for_the_rate_is_not_counted_yet() -> None:
    generation = built("location / { limit_req zone=r burst=5; limit_conn a 1; reply 204; }")
    await ask(generation, "GET /?r=x HTTP/1.1")
    waiting = open_exchange(generation, "GET /?r=x&a=y HTTP/1.1", client=LiveClient())
    task = waiting.spawn(run(waiting), "exchange")
    await asyncio.sleep(0.01)
    assert counts(generation)["a"] == {}
    await task
    assert waiting.values == {"limit_req_status": "DELAYED", "limit_conn_status": "PASSED"}
    assert counts(generation)["a"] == {}


def _finish(exchange: Exchange) -> None:
    exchange.respond(Response(200))
    exchange.write(b"x")
    exchange.end()


def _finish_slowly(exchange: Exchange) -> None:
    exchange.respond(Response(200))
    exchange.pause_writing()
    exchange.write(b"x")
    exchange.end()


def _raise_at_the_end(exchange: Exchange) -> None:
    def late(_: Exchange) -> None:
        raise ValueError("a fault of ours")

    exchange.late_trailers = late
    exchange.respond(Response(200))
    with pytest.raises(ValueError, match="a fault"):
        exchange.end()


def _break_off(exchange: Exchange) -> None:
    exchange.respond(Response(200))
    exchange.write(b"x")
    exchange.fail()


def _leave_twice(exchange: Exchange) -> None:
    exchange.client_gone()
    exchange.fail()
    exchange.end()


def _leave_with_a_waiter(exchange: Exchange) -> None:
    exchange.on_gone = exchange.leave
    exchange.client_gone()


ENDS: tuple[Callable[[Exchange], None], ...] = (
    *(_finish, _finish_slowly, _raise_at_the_end, _break_off, _leave_twice, _leave_with_a_waiter),
    *(Exchange.fail, Exchange.client_gone, Exchange.leave),
)
ENDS_OF_ANSWERED = ENDS[-3:]


@pytest.mark.parametrize("end", ENDS)
async def test_however_a_request_ends_it_is_counted_no_more(end: Callable[[Exchange], None]) -> None:
    generation = built("location / { limit_conn a 1; limit_conn b 1; }")
    exchange = await begin(generation, "/?a=x&b=y")
    assert counts(generation) == {"a": {b"x": 1}, "b": {b"y": 1}}
    end(exchange)
    assert counts(generation) == {"a": {}, "b": {}}
    assert generation.exchanges == 0


async def test_nothing_is_left_of_many_requests() -> None:
    generation = built(
        "location / { limit_conn a 3; limit_conn b 5; } location /rate { limit_rate 10; limit_conn a 2; }"
    )
    dice = random.Random(7)
    running: list[Exchange] = []
    slow: list[Exchange] = []  # they have answered, and their clients don't have it all
    for _ in range(2000):
        target = f"{dice.choice(['/', '/rate', '/none'])}?a={dice.randrange(4)}&b={dice.randrange(3) or ''}"
        running.append(await begin(generation, target))
        running = [exchange for exchange in running if not exchange.closed]
        while len(running) > 6:
            exchange = running.pop(dice.randrange(len(running)))
            dice.choice(ENDS if exchange.response is None else ENDS_OF_ANSWERED)(exchange)
            if not exchange.closed:
                slow.append(exchange)
        assert all(count <= 3 for count in counts(generation)["a"].values())
    for exchange in running + slow:
        exchange.fail()
    assert counts(generation) == {"a": {}, "b": {}}
    assert generation.exchanges == 0


async def test_counts_outlive_a_reload() -> None:
    runtime = make_runtime()
    old = built("location / { limit_conn a 1; }", runtime)
    runtime.commit(old)
    exchange = await begin(old, "/?a=x")
    new = built("location / { limit_conn a 1; }", runtime)
    runtime.commit(new)
    assert (await begin(new, "/?a=x")).status == 503
    exchange.client_gone()
    assert (await begin(new, "/?a=x")).status == 200


def test_a_zone_has_room_for_so_many_keys() -> None:
    zone = Zone(32 << 10)
    keys = [b"%d" % number for number in range(1000)]
    entered = [key for key in keys if zone.enter(key)]
    assert len(entered) == 383
    assert zone.enter(keys[0])
    zone.leave(keys[0])
    zone.leave(keys[0])
    assert zone.enter(keys[999])
    assert repr(zone) == "<Zone of 383 counters, room for 0 bytes>"


async def test_a_full_zone_refuses() -> None:
    generation = built("location / { limit_conn a 9; }", zones="limit_conn_zone $arg_a zone=a:32k;")
    statuses = [(await begin(generation, f"/?a={number}")).status for number in range(400)]
    assert statuses == [200] * 383 + [503] * 17
    assert log_of(generation).named("zone_full")[0].level == "crit"


def test_a_location_without_limits_asks_nothing() -> None:
    generation = built("location / { }")
    server = next(iter(generation.addresses.values())).default
    assert server.location.preaccess == ()


@pytest.mark.parametrize(
    ("zones", "text", "message"),
    [
        ("", "limit_conn none 1;", 'zero size shared memory zone "none"'),
        (ZONES, "limit_conn a 1; limit_conn a 2;", '"limit_conn" directive is duplicate'),
        (ZONES, "limit_conn a 0;", 'invalid number of connections "0"'),
        (ZONES, "limit_conn a x;", 'invalid number of connections "x"'),
        (ZONES, "limit_conn a 65536;", "connection limit must be less 65536"),
        (ZONES, "limit_conn a 1000000;", "connection limit must be less 65536"),
        (ZONES, "limit_conn r 1;", 'zero size shared memory zone "r"'),
        (ZONES, "limit_conn_status 600;", "value must be between 400 and 599"),
        ("limit_conn_zone $arg_a zone=a;", "", 'invalid zone size "zone=a"'),
        ("limit_conn_zone $arg_a a:1m;", "", 'invalid parameter "a:1m"'),
        ("limit_conn_zone $arg_a zone=a:1k;", "", 'zone "zone=a:1k" is too small'),
        (ZONES + "limit_conn_zone $arg_c zone=a:1m;", "", 'limit_conn_zone "a" is already bound to key "$arg_a"'),
        (
            ZONES + "limit_conn_zone $arg_c zone=r:1m;",
            "",
            'the shared memory zone "r" is already declared for a different use',
        ),
    ],
)
def test_what_is_wrong_is_told(zones: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        built(text, zones=zones)
    assert message in caught.value.diagnostics[0].message
    assert caught.value.diagnostics[0].span is not None
