"""The rate of requests; tests/oracle/test_limits.py compares with nginx."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.exchange import Exchange
from pyngx.core.generation import Generation
from pyngx.core.runtime import Runtime
from pyngx.modules import core, limit_req, rewrite, upstream
from pyngx.modules.limit_req import UNLIMITED, Limit, Limiter, Zone
from tests.support import reply
from tests.support.live import ask, build_text, log_of, make_runtime, open_exchange, run
from tests.support.live_client import LiveClient

MODULES = (core.MODULE, rewrite.MODULE, upstream.MODULE, limit_req.MODULE, reply.MODULE)
ZONES = """
    limit_req_zone $arg_a zone=one:1m rate=10r/s;
    limit_req_zone $arg_b zone=two:1m rate=30r/m;
"""


def configuration(text: str, zones: str = ZONES) -> str:
    return f"events {{ }} http {{ {zones} server {{ listen 80; {text} }} }}"


def built(text: str, runtime: Runtime | None = None) -> Generation:
    return build_text(configuration(text), MODULES, runtime)


class Clock:
    """Milliseconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


class Scene:
    """A limiter with a clock of its own, whose keys are the request's arguments."""

    def __init__(self, *limits: tuple[int, int, int], size: int = 1 << 20, dry_run: bool = False) -> None:
        """Each limit: rate, burst and delay, in thousandths."""
        self.clock = Clock()
        self.zones = [Zone(size) for _ in limits]
        self.generation = built("location / { }")
        found = tuple(
            Limit(zone, f"z{at}", f"$arg_{at}", key_at(at), *limit)
            for at, (zone, limit) in enumerate(zip(self.zones, limits, strict=True))
        )
        self.limiter = Limiter(found, 503, "error", dry_run, self.clock)

    def ask(self, keys: str, after: int = 0) -> str:
        """What becomes of a request some milliseconds later: its status, and how long it waits."""
        self.clock.now += after
        exchange = open_exchange(self.generation, "GET / HTTP/1.1")
        exchange.args = keys
        verdict = self.limiter.judge(exchange)
        status = exchange.values.get("limit_req_status") or "UNCOUNTED"
        return f"{status} {verdict}" if isinstance(verdict, int) and verdict else status

    @property
    def messages(self) -> list[str]:
        return [event.message for event in log_of(self.generation).events]


def key_at(at: int) -> Callable[[Exchange], str]:
    return lambda exchange: exchange.args.split(",")[at]


# the bucket


def test_one_request_passes_and_the_next_has_to_come_later() -> None:
    scene = Scene((10_000, 0, 0))
    assert scene.ask("x") == "PASSED"
    assert scene.ask("x") == "REJECTED"
    assert scene.ask("x", after=99) == "REJECTED"
    assert scene.ask("x", after=1) == "PASSED"
    assert scene.messages == [
        'limiting requests, excess: 1.000 by zone "z0"',
        'limiting requests, excess: 0.010 by zone "z0"',
    ]


def test_what_is_ahead_of_the_rate_waits() -> None:
    scene = Scene((10_000, 3000, 0))
    assert [scene.ask("x") for _ in range(5)] == ["PASSED", "DELAYED 100", "DELAYED 200", "DELAYED 300", "REJECTED"]
    assert scene.ask("x", after=50) == "REJECTED"
    assert scene.ask("x", after=50) == "DELAYED 300"
    assert 'delaying request, excess: 2.000, by zone "z0"' in scene.messages


def test_refused_requests_pour_nothing() -> None:
    scene = Scene((1000, 1000, UNLIMITED))
    assert [scene.ask("x") for _ in range(9)] == ["PASSED"] * 2 + ["REJECTED"] * 7
    assert scene.ask("x", after=1000) == "PASSED"


def test_the_first_ones_ahead_need_not_wait_where_delay_says_so() -> None:
    scene = Scene((10_000, 4000, 2000))
    assert [scene.ask("x") for _ in range(6)] == ["PASSED"] * 3 + ["DELAYED 100", "DELAYED 200", "REJECTED"]


def test_none_waits_with_nodelay() -> None:
    scene = Scene((10_000, 2000, UNLIMITED))
    assert [scene.ask("x") for _ in range(4)] == ["PASSED"] * 3 + ["REJECTED"]


def test_keys_have_buckets_of_their_own_and_the_empty_one_has_none() -> None:
    scene = Scene((1000, 0, 0))
    assert [scene.ask(key) for key in ("x", "y", "", "", "x")] == ["PASSED"] * 2 + ["UNCOUNTED"] * 2 + ["REJECTED"]
    assert list(scene.zones[0].buckets) == [b"y", b"x"]


def test_less_than_a_thousandth_does_not_leak() -> None:
    scene = Scene((16, 0, 0))  # 1r/m
    scene.ask("x")
    assert [scene.ask("x", after=60_000), scene.ask("x", after=2499), scene.ask("x", after=1)] == [
        "REJECTED",
        "REJECTED",
        "PASSED",
    ]


def test_a_bucket_is_never_less_than_empty() -> None:
    scene = Scene((1_000_000, 1000, 0))
    scene.ask("x")
    assert [scene.ask("x", after=10_000), scene.ask("x")] == ["PASSED", "DELAYED 1"]


# several limits


def test_every_limit_has_to_let_it_pass() -> None:
    scene = Scene((1000, 5000, UNLIMITED), (1000, 1000, UNLIMITED))
    assert [scene.ask("x,y") for _ in range(4)] == ["PASSED"] * 2 + ["REJECTED"] * 2
    assert [scene.ask("x,z") for _ in range(3)] == ["PASSED"] * 2 + ["REJECTED"]  # what y refused wasn't poured
    assert [bucket.excess for bucket in scene.zones[0].buckets.values()] == [3000]


def test_the_longest_delay_counts() -> None:
    scene = Scene((10_000, 9000, 0), (2000, 9000, 0), (5000, 9000, 0))
    scene.ask("x,y,z")
    assert scene.ask("x,y,z") == "DELAYED 500"
    assert scene.messages == ['delaying request, excess: 1.000, by zone "z1"']


def test_a_limit_without_a_key_changes_nothing_for_the_others() -> None:
    scene = Scene((10_000, 1000, 0), (10_000, 1000, 0))
    assert [scene.ask(keys) for keys in ("x,", "x,", "x,", ",y", ",y")] == [
        *("PASSED", "DELAYED 100", "REJECTED"),
        *("PASSED", "DELAYED 100"),
    ]


def test_a_key_that_is_new_to_one_limit_is_empty_there() -> None:
    scene = Scene((1000, 0, 0), (1000, 0, 0))
    scene.ask(",y")
    assert scene.ask("x,y") == "REJECTED"
    assert scene.ask("x,z") == "PASSED"


# dry runs


def test_a_dry_run_counts_and_tells() -> None:
    scene = Scene((10_000, 1000, 0), dry_run=True)
    assert [scene.ask("x") for _ in range(3)] == ["PASSED", "DELAYED_DRY_RUN", "REJECTED_DRY_RUN"]
    assert scene.messages == [
        'delaying request, dry run, excess: 1.000, by zone "z0"',
        'limiting requests, dry run, excess: 2.000 by zone "z0"',
    ]


# the zone


def test_a_full_zone_forgets_whom_it_has_not_seen_for_longest() -> None:
    scene = Scene((16, 0, 0), size=32 << 10)
    room = 191  # as many as nginx has
    for number in range(room):
        scene.ask(str(number))
    scene.ask("0")
    scene.ask("new")
    assert len(scene.zones[0].buckets) == room
    assert [scene.ask("0"), scene.ask("1")] == ["REJECTED", "PASSED"]


def test_empty_buckets_make_room() -> None:
    scene = Scene((1000, 0, 0))
    for key in "abcd":
        scene.ask(key)
    scene.ask("e", after=59_999)
    assert list(scene.zones[0].buckets) == [b"a", b"b", b"c", b"d", b"e"]
    scene.ask("f", after=1)
    assert list(scene.zones[0].buckets) == [b"c", b"d", b"e", b"f"]


def test_a_key_that_fits_nowhere_is_refused() -> None:
    scene = Scene((1000, 0, 0), size=32 << 10)
    scene.ask("x")
    assert scene.ask("y" * 30_000) == "REJECTED"
    assert scene.messages == ['could not allocate node in limit_req zone "z0"']
    assert scene.ask("x") == "PASSED"


def test_a_key_that_is_too_long_is_not_counted() -> None:
    scene = Scene((1000, 0, 0))
    assert scene.ask("y" * 65_536) == "UNCOUNTED"
    assert "more than 65535 bytes" in scene.messages[0]


# in a location


async def test_a_refused_request_has_its_status_and_level() -> None:
    generation = built(
        "location / { limit_req zone=one; limit_req_status 429; limit_req_log_level info;"
        " error_page 429 /page; reply 204; } location /page { return 200 $limit_req_status; }"
    )
    assert (await ask(generation, "GET /?a=1 HTTP/1.1")).status == 204
    refused = await ask(generation, "GET /?a=1 HTTP/1.1")
    assert (refused.status, refused.body) == (429, b"REJECTED")
    [event] = log_of(generation).named("request_limited")
    assert event.level == "info"


async def test_a_redirect_is_not_counted_again() -> None:
    generation = built("limit_req zone=one; location / { error_page 404 /x; reply 404; } location /x { reply 200 x; }")
    assert (await ask(generation, "GET /?a=1 HTTP/1.1")).body == b"x"


@pytest.mark.parametrize(("level", "milder"), [("error", "warn"), ("warn", "notice"), ("notice", "info")])
async def test_a_request_waits_and_then_goes_on(level: str, milder: str) -> None:
    generation = built(f"location / {{ limit_req zone=one burst=1; limit_req_log_level {level}; reply 204; }}")
    begun = time.monotonic()
    answers = await asyncio.gather(*(ask(generation, "GET /x?a=1 HTTP/1.1") for _ in range(2)))
    assert time.monotonic() - begun >= 0.09
    assert [answer.status for answer in answers] == [204, 204]
    assert [event.level for event in log_of(generation).named("request_delayed")] == [milder]


async def test_who_leaves_while_waiting_waits_no_more() -> None:
    generation = built("location / { limit_req zone=two burst=5; reply 204; }")
    await ask(generation, "GET /?b=1 HTTP/1.1")
    exchange = open_exchange(generation, "GET /?b=1 HTTP/1.1", client=LiveClient())
    exchange.spawn(run(exchange), "exchange")
    await asyncio.sleep(0.01)
    assert exchange.on_gone is not None
    exchange.client_gone()
    assert exchange.closed
    assert exchange.task is not None
    with pytest.raises(asyncio.CancelledError):
        await exchange.task
    assert (exchange.status, exchange.on_gone, generation.exchanges) == (499, None, 0)


async def test_a_location_without_limits_asks_nothing() -> None:
    generation = built("location / { return 200 [$limit_req_status]; } location /one { limit_req zone=one; }")
    assert (await ask(generation, "GET /?a=1 HTTP/1.1")).body == b"[]"
    server = next(iter(generation.addresses.values())).default
    assert server.location.preaccess == ()


async def test_an_inner_limit_replaces_the_outer_ones() -> None:
    generation = built("limit_req zone=one; location / { reply 204; } location /two { limit_req zone=two; reply 204; }")

    async def statuses(*targets: str) -> list[int]:
        return [(await ask(generation, f"GET {target} HTTP/1.1")).status for target in targets]

    assert await statuses("/two?a=1&b=1", "/two?a=1&b=2", "/two?a=2&b=1") == [204, 204, 503]
    assert await statuses("/?a=1", "/?a=1") == [204, 503]


# reloads


async def test_buckets_outlive_a_reload_unless_the_key_or_the_size_changes() -> None:
    runtime = make_runtime()

    async def status(zones: str) -> int:
        text = configuration("location / { limit_req zone=one; reply 204; }", zones)
        generation = build_text(text, MODULES, runtime)
        runtime.commit(generation)
        return (await ask(generation, "GET /?a=1 HTTP/1.1")).status

    assert await status("limit_req_zone $arg_a zone=one:1m rate=1r/m;") == 204
    assert await status("limit_req_zone $arg_a zone=one:1m rate=2r/m;") == 503
    assert await status("limit_req_zone a$arg_a zone=one:1m rate=1r/m;") == 204
    assert await status("limit_req_zone a$arg_a zone=one:2m rate=1r/m;") == 204
    assert await status("limit_req_zone a$arg_a zone=one:2m rate=1r/s;") == 503


# configurations that are wrong


@pytest.mark.parametrize(
    ("zones", "text", "message"),
    [
        ("", "limit_req zone=none;", 'zero size shared memory zone "none"'),
        (ZONES, "limit_req zone=one; limit_req zone=one burst=2;", '"limit_req" directive is duplicate'),
        (ZONES, "limit_req burst=2;", '"limit_req" must have "zone" parameter'),
        (ZONES, "limit_req zone=one burst=0;", 'invalid burst value "burst=0"'),
        (ZONES, "limit_req zone=one delay=x;", 'invalid delay value "delay=x"'),
        (ZONES, "limit_req zone=one brust=2;", 'invalid parameter "brust=2"'),
        (ZONES, "limit_req_status 200;", "value must be between 400 and 599"),
        (ZONES, "limit_req_log_level debug;", 'invalid value "debug"'),
        ("limit_req_zone $arg_a zone=one rate=1r/s;", "", 'invalid zone size "zone=one"'),
        ("limit_req_zone $arg_a zone=:1m rate=1r/s;", "", 'invalid zone size "zone=:1m"'),
        ("limit_req_zone $arg_a zone=one:x rate=1r/s;", "", 'invalid zone size "zone=one:x"'),
        ("limit_req_zone $arg_a zone=one:31k rate=1r/s;", "", 'zone "zone=one:31k" is too small'),
        ("limit_req_zone $arg_a zone=one:1m rate=0r/s;", "", 'invalid rate "rate=0r/s"'),
        ("limit_req_zone $arg_a zone=one:1m rate=1r/h;", "", 'invalid rate "rate=1r/h"'),
        ("limit_req_zone $arg_a rate=1r/s rate=2r/s;", "", '"limit_req_zone" must have "zone" parameter'),
        ("limit_req_zone $arg_a size=1m rate=2r/s;", "", 'invalid parameter "size=1m"'),
        ("limit_req_zone $arg_a zone=one:1m;", "", 'invalid number of arguments in "limit_req_zone" directive'),
        (
            ZONES + "limit_req_zone $arg_c zone=one:1m rate=1r/s;",
            "",
            'limit_req_zone "one" is already bound to key "$arg_a"',
        ),
        (
            ZONES + "upstream u { zone one 1m; server 127.0.0.1; }",
            "",
            'the shared memory zone "one" is already declared for a different use',
        ),
    ],
)
def test_what_is_wrong_is_told(zones: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_text(configuration(text, zones), MODULES)
    assert message in caught.value.diagnostics[0].message
    if "already declared" in message:
        assert [label for label, _ in caught.value.diagnostics[0].related] == ["first here"]
    assert caught.value.diagnostics[0].span is not None


def test_all_wrong_zones_are_told() -> None:
    zones = ZONES + "limit_req_zone $arg_c zone=one:1m rate=1r/s; limit_req_zone $arg_c zone=two:1m rate=1r/s;"
    with pytest.raises(ConfigError) as caught:
        build_text(configuration("", zones), MODULES)
    assert len(caught.value.diagnostics) == 2
