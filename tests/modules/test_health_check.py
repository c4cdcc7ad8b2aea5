"""health_check and match: who is asked, what passes, and who is left out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.ports import CallHandler, Failure, Request, UpstreamError
from pyngx.core.runtime import Runtime
from pyngx.http.headers import Headers
from pyngx.modules import MODULES
from tests.support.event_log import EventLog
from tests.support.fake_upstream import FakeCall, FakeTransport, Script, fails, says
from tests.support.live import ask, build_text, make_runtime

GROUP = "upstream app { server 127.0.0.1:1; server 127.0.0.1:2; }"
QUICK = "interval=10ms"


class Site(FakeTransport):
    """Upstreams whose answers a test changes by port; requests are told from checks by their target."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[int, Script] = {}
        self.runtime: Runtime = make_runtime()
        self.runtime.transport = self

    def start(self, request: Request, handler: CallHandler) -> FakeCall:
        if request.target == b"/asked":
            self.scripts = [says(200, body=b"%d" % request.address.port)]
        else:
            self.scripts = [self.answers.get(request.address.port, says(200, body=b"fine"))]
        return super().start(request, handler)

    def load(self, location: str, more: str = GROUP) -> None:
        text = f"events {{ }} http {{ {more} server {{ listen 80; access_log off; location / {{ {location} }} }} }}"
        generation = build_text(text, MODULES, self.runtime)
        for start in generation.starts:
            start()
        self.runtime.commit(generation)
        self.generation = generation

    async def ports(self, number: int = 4) -> set[bytes]:
        """The servers that requests get to."""
        return {(await ask(self.generation, "GET /asked HTTP/1.1")).body for _ in range(number)}

    @property
    def checks(self) -> list[FakeCall]:
        return [call for call in self.calls if call.request.target != b"/asked"]

    @property
    def events(self) -> list[tuple[str, object, object]]:
        log = self.runtime.log
        assert isinstance(log, EventLog)
        return [(each.name, each.facts["peer"], each.facts["reason"]) for each in log.events if "peer" in each.facts]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    yield made
    await made.runtime.close()
    await asyncio.sleep(0)


async def until(claim: Callable[[], object]) -> None:
    async with asyncio.timeout(3):
        while not claim():  # noqa: ASYNC110 -- what is waited for is different each time
            await asyncio.sleep(0.002)


async def test_each_server_is_asked_by_the_settings_of_the_location(site: Site) -> None:
    site.load("proxy_pass http://app; proxy_set_header X-Check yes; health_check uri=/health?deep port=9;")
    await until(lambda: len(site.checks) == 2)
    request = site.checks[0].request
    assert (request.method, request.target, request.address.port) == (b"GET", b"/health?deep", 9)
    assert request.fields == [(b"Host", b"app"), (b"X-Check", b"yes"), (b"Connection", b"close")]


async def test_checks_may_keep_their_connections(site: Site) -> None:
    site.load("proxy_pass http://app; health_check keepalive_time=1m;")
    await until(lambda: site.checks)
    request = site.checks[0].request
    assert request.fields == [(b"Host", b"app")]
    assert (request.keepalive.connections, request.keepalive.time, request.keepalive.group) == (2, 60, "check app")


async def test_a_server_is_left_out_while_its_checks_fail(site: Site) -> None:
    site.answers[1] = says(500)
    site.load(f"proxy_pass http://app; health_check {QUICK};")
    assert await site.ports() == {b"1", b"2"}
    await until(lambda: site.events)
    assert await site.ports() == {b"2"}
    del site.answers[1]
    await until(lambda: len(site.events) == 2)
    assert await site.ports() == {b"1", b"2"}
    assert site.events == [
        ("peer_unhealthy", "127.0.0.1:1", "status 500"),
        ("peer_healthy", "127.0.0.1:1", "checks pass again"),
    ]


async def test_a_server_that_can_not_be_reached_is_unhealthy(site: Site) -> None:
    site.answers[1] = fails(UpstreamError(Failure.CONNECT, "connecting failed"), connected=False)
    site.load(f"proxy_pass http://app; health_check {QUICK};")
    await until(lambda: len(site.checks) > 7)
    assert site.events == [("peer_unhealthy", "127.0.0.1:1", "connecting failed")]


async def test_a_group_without_a_healthy_server_answers_502(site: Site) -> None:
    site.answers[1] = says(404)
    site.load(f"proxy_pass http://127.0.0.1:1; health_check {QUICK};")
    await until(lambda: site.events)
    assert (await ask(site.generation, "GET /asked HTTP/1.1")).status == 502


async def test_fails_and_passes_count_checks_in_a_row(site: Site) -> None:
    results = iter([500, 200, 500, 500, 500, 200, 500, 200, 200])

    def play(call: FakeCall) -> None:
        says(next(results, 200))(call)

    site.answers[1] = play
    site.load(f"proxy_pass http://app; health_check {QUICK} fails=3 passes=2;", "upstream app { server 127.0.0.1:1; }")
    await until(lambda: len(site.events) == 2)
    assert len(site.checks) == 9


async def test_mandatory_leaves_a_server_out_until_its_first_check_has_passed(site: Site) -> None:
    site.answers[2] = lambda _: None
    site.load("proxy_pass http://app; health_check mandatory passes=3;")
    assert (await ask(site.generation, "GET /asked HTTP/1.1")).status == 502
    await until(lambda: site.events)
    assert await site.ports() == {b"1"}
    assert site.events == [("peer_healthy", "127.0.0.1:1", "first check")]


@pytest.mark.parametrize("after", ["interval=10ms", "interval=10ms mandatory"])
async def test_a_check_that_stays_goes_on_over_a_reload(site: Site, after: str) -> None:
    site.answers[1] = says(500)
    location = f"proxy_pass http://app; health_check {after};"
    site.load(location)
    await until(lambda: ("peer_unhealthy", "127.0.0.1:1", "status 500") in site.events)
    events = len(site.events)
    site.load(location + " expires 1h;")
    assert await site.ports() == {b"2"}
    await asyncio.sleep(0.05)
    assert len(site.events) == max(events, 1)


async def test_persistent_spares_healthy_servers_the_wait_for_a_check_that_changes(site: Site) -> None:
    site.answers[1] = says(500)
    site.load(f"proxy_pass http://app; health_check {QUICK} mandatory persistent;")
    await until(lambda: len(site.events) == 2)
    site.answers = {1: lambda _: None, 2: lambda _: None}
    site.load("proxy_pass http://app; health_check interval=11ms mandatory persistent;")
    assert await site.ports() == {b"2"}


async def test_without_its_check_a_server_is_used_again(site: Site) -> None:
    site.answers[1] = says(500)
    site.load(f"proxy_pass http://app; health_check {QUICK};")
    await until(lambda: site.events)
    site.load("proxy_pass http://app;")
    asked = len(site.checks)
    assert await site.ports() == {b"1", b"2"}
    await asyncio.sleep(0.03)
    assert len(site.checks) == asked


@pytest.mark.parametrize("method", ["", "least_conn;", "ip_hash;", "hash $uri;", "hash $uri consistent;", "random;"])
async def test_no_method_chooses_an_unhealthy_server(site: Site, method: str) -> None:
    site.answers[1] = says(500)
    servers = f"upstream app {{ {method} server 127.0.0.1:1; server 127.0.0.1:2; }}"
    site.load(f"proxy_pass http://app; health_check {QUICK};", servers)
    await until(lambda: site.events)
    assert await site.ports(8) == {b"2"}


@pytest.mark.parametrize(
    ("tests", "reason"),
    [
        ("status 200;", ""),
        ("status ! 500;", ""),
        ("status 301-303 307;", "status 200, where 301-303 307 is wanted"),
        ("status ! 200-399;", "status 200, where ! 200-399 is wanted"),
        ("header Content-Type = text/html;", ""),
        ("header Content-Type != text/html;", "content-type isn't != text/html"),
        ("header content-type ~ ^text/;", ""),
        ("header content-type !~ plain$;", ""),
        ("header Refresh;", "no refresh"),
        ("header ! Refresh;", ""),
        ("header ! Content-Type;", "content-type is there"),
        ('body ~ "Welcome to";', ""),
        ('body !~ "Welcome";', "the body isn't !~ Welcome"),
        ("status 200; body ~ maintenance;", "the body isn't ~ maintenance"),
        ("require $good;", ""),
        ("require $good $bad;", '$bad is "0"'),
    ],
)
async def test_a_response_must_pass_all_tests(site: Site, tests: str, reason: str) -> None:
    site.answers[1] = says(200, (b"Content-Type", b"text/html"), body=b"Welcome to us")
    maps = "map $upstream_status $good { 200 1; } map $status $bad { default 1; 200 0; }"
    match = f"{maps} upstream app {{ server 127.0.0.1:1; }} match fine {{ {tests} }}"
    site.load("proxy_pass http://app; health_check mandatory match=fine;", match)
    await until(lambda: site.events)
    expected = ("peer_unhealthy", "127.0.0.1:1", reason) if reason else ("peer_healthy", "127.0.0.1:1", "first check")
    assert site.events == [expected]


async def test_only_the_beginning_of_a_body_is_looked_at(site: Site) -> None:
    def endless(call: FakeCall) -> None:
        call.handler.head_received(200, b"", Headers())
        while not call.cancelled and call.handler.body_received(b"x" * 65536) is None and not sent.append(1):
            if len(sent) > 4:
                return

    sent: list[int] = []
    site.answers[1] = endless
    site.load("proxy_pass http://app; health_check mandatory;", "upstream app { server 127.0.0.1:1; }")
    await until(lambda: site.events)
    assert site.events == [("peer_healthy", "127.0.0.1:1", "first check")]
    assert site.checks[0].cancelled


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("health_check;", '"health_check" has no servers to ask'),
        ("proxy_pass http://$host; health_check;", '"health_check" has no servers to ask'),
        ("proxy_pass http://app; health_check match=none;", 'match "none" not found'),
        ("proxy_pass http://app; health_check persistent;", '"persistent" goes with "mandatory"'),
        ("proxy_pass http://app; health_check interval=0;", 'invalid parameter "interval=0"'),
        ("proxy_pass http://app; health_check uri=x;", 'invalid parameter "uri=x"'),
        ("proxy_pass http://app; health_check type=grpc;", 'invalid parameter "type=grpc"'),
        ("proxy_pass http://app; health_check port=0;", 'invalid parameter "port=0"'),
    ],
)
def test_what_can_not_be_checked_is_an_error(location: str, message: str) -> None:
    text = f"events {{ }} http {{ {GROUP} server {{ listen 80; location / {{ {location} }} }} }}"
    with pytest.raises(ConfigError, match=message.replace("$", r"\$")):
        build_text(text, MODULES)


@pytest.mark.parametrize(
    "tests", ["", "status x;", "status 500-400;", "header A >= b;", "body = x;", "require x;", "status !;"]
)
def test_tests_that_make_no_sense_are_errors(tests: str) -> None:
    with pytest.raises(ConfigError):
        build_text(f"events {{ }} http {{ match a {{ {tests} }} }}", MODULES)


async def test_a_server_that_is_healthy_again_starts_slowly(site: Site) -> None:
    site.answers[1] = says(500)
    servers = "upstream app { server 127.0.0.1:1 slow_start=1h; server 127.0.0.1:2; }"
    site.load(f"proxy_pass http://app; health_check {QUICK};", servers)
    await until(lambda: site.events)
    del site.answers[1]
    await until(lambda: len(site.events) == 2)
    assert await site.ports(20) == {b"2"}


@pytest.mark.parametrize("method", ["ip_hash", "hash $uri", "random"])
def test_slow_start_goes_with_methods_that_have_weights_only(method: str) -> None:
    servers = "server 127.0.0.1:1 slow_start=1s; server 127.0.0.1:2;"
    with pytest.raises(ConfigError, match='balancing method does not support parameter "slow_start"'):
        build_text(f"events {{ }} http {{ upstream a {{ {method}; {servers} }} }}", MODULES)
