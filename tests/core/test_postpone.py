"""Subrequests in the places where a body has them: order, pauses and ends, by a module that includes on `{uri}`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from pyngx.core.answers import HeaderFilter, Refused, Response
from pyngx.core.build import Build
from pyngx.core.exchange import Exchange
from pyngx.core.generation import Generation
from pyngx.core.phases import Module
from pyngx.core.pipeline import handle
from pyngx.core.postpone import WAITING_LIMIT, Postponed
from pyngx.core.subrequest import MAX_DEPTH, subrequests_of
from pyngx.http.headers import Headers
from pyngx.modules import MODULES, postpone
from tests.support.configure import configure, exchange, in_server, make_runtime, messages
from tests.support.fake_client import FakeClient
from tests.support.fake_upstream import FakeCall, FakeTransport, Script, says

INCLUDE = re.compile(rb"\{(.*?)\}")


class Includer:
    """Puts a subrequest for each `{uri}`; parts come whole in these tests."""

    def __init__(self, exchange: Exchange, postponed: Postponed) -> None:
        self._exchange = exchange
        self._postponed = postponed

    def feed(self, data: bytes) -> bytes:
        text, *found = INCLUDE.split(data)
        self._postponed.gather()
        for uri, after in zip(found[::2], found[1::2], strict=True):
            self._postponed.write(text)
            try:
                self._postponed.include(uri.decode(), "")
            except Refused as refused:
                self._postponed.write(b"!")
                self._exchange.log("error", "refused", refused.why)
            text = after
        subrequests_of(self._exchange).begin()
        self._postponed.release()
        return text

    def flush(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        return b""


class Upper:
    """Stands behind, and sees the whole."""

    def feed(self, data: bytes) -> bytes:
        return data.upper()

    def flush(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        return b"."


def make_filter(build: Build) -> HeaderFilter:
    assert build.location is not None

    def begin(exchange: Exchange, response: Response) -> None:
        response.length = None
        exchange.postponed = Postponed(exchange)
        exchange.body_filters.append(Includer(exchange, exchange.postponed))

    return begin


def furnish(build: Build) -> None:
    assert build.location is not None
    build.location.postpones = True


def behind(_build: Build) -> HeaderFilter:
    return lambda exchange, _response: exchange.body_filters.append(Upper())


INCLUDES = Module("includes", furnish=furnish, header_filter=make_filter, filters_subrequests=True)
at = MODULES.index(postpone.MODULE)
ALL = (*MODULES[:at], INCLUDES, postpone.MODULE, Module("upper", header_filter=behind), *MODULES[at + 1 :])


def site(text: str, *scripts: Script) -> tuple[Generation, FakeTransport]:
    runtime = make_runtime()
    runtime.transport = transport = FakeTransport(*scripts)
    return configure(in_server(f"access_log off; {text}"), ALL, runtime), transport


class Asked:
    """A request under way."""

    def __init__(self, generation: Generation, target: str = "/") -> None:
        self.exchange = exchange(generation, f"GET {target} HTTP/1.1")
        assert isinstance(self.exchange.client, FakeClient)
        self.client = self.exchange.client
        self.task = asyncio.create_task(handle(self.exchange, next(iter(generation.addresses.values()))))

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)


async def get(text: str, *scripts: Script) -> Asked:
    generation, _ = site(text, *scripts)
    asked = Asked(generation)
    await asked.settle()
    assert (generation.exchanges == 0) is asked.exchange.ended
    return asked


async def test_parts_come_in_their_places_through_what_stands_behind() -> None:
    asked = await get(
        'location / { return 200 "a{/x}b{/y}c"; } location /x { return 200 x; } location /y { return 200 "y{/x}"; }'
    )
    assert (asked.client.body, asked.client.finished) == (b"AXBYXC.", True)


async def test_a_part_that_is_ready_waits_for_the_one_before_it() -> None:
    calls: list[FakeCall] = []
    generation, _ = site(
        'location / { return 200 "a{/slow}b{/x}c"; } location /x { return 200 x; }'
        "location /slow { proxy_pass http://127.0.0.1:1; }",
        calls.append,
    )
    asked = Asked(generation)
    await asked.settle()
    assert (asked.client.body, asked.client.finished) == (b"A", False)
    says(200, body=b"slow")(calls[0])
    assert (asked.client.body, asked.client.finished) == (b"ASLOWBXC.", True)


async def test_a_first_part_is_passed_on_as_it_comes() -> None:
    calls: list[FakeCall] = []
    generation, _ = site(
        'location / { return 200 "a{/slow}b"; } location /slow { proxy_pass http://127.0.0.1:1; }', calls.append
    )
    asked = Asked(generation)
    await asked.settle()
    calls[0].handler.connected()
    calls[0].handler.head_received(200, b"", Headers())
    calls[0].handler.body_received(b"one ")
    assert asked.client.body == b"AONE "
    calls[0].handler.body_received(b"two")
    calls[0].handler.response_ended([])
    assert (asked.client.body, asked.client.finished) == (b"AONE TWOB.", True)


async def test_an_error_page_is_a_part_as_well() -> None:
    asked = await get(
        'error_page 404 /404; location / { return 200 "[{/none}]"; } location /none { return 404; }'
        "location /404 { return 200 gone; }"
    )
    assert asked.client.body == b"[GONE]."
    assert asked.client.status == 200


async def test_what_includes_itself_ends() -> None:
    generation, _ = site('location / { return 200 "({/})"; }')
    asked = Asked(generation)
    await asked.settle()
    depth = MAX_DEPTH + 1
    assert asked.client.body == b"(" * depth + b"!" + b")" * depth + b"."
    assert messages(generation) == ['subrequests cycle while processing "/"']


async def test_a_part_that_breaks_off_breaks_the_whole() -> None:
    asked = await get('location / { return 200 "a{/x}b"; } location /x { return 444; }')
    assert (asked.client.aborted, asked.client.finished) == (True, False)


async def test_a_client_that_leaves_ends_all_parts() -> None:
    calls: list[FakeCall] = []
    generation, _ = site(
        'location / { return 200 "{/slow}{/in}"; } location /in { return 200 "{/slow}"; }'
        "location /slow { proxy_pass http://127.0.0.1:1; }",
        calls.append,
        calls.append,
    )
    asked = Asked(generation)
    await asked.settle()
    assert len(calls) == 2
    assert sorted(re.findall("/[a-z]+", repr(asked.exchange.subrequests))) == ["/in", "/slow", "/slow"]
    asked.exchange.client_gone()
    assert all(call.cancelled for call in calls)
    assert generation.exchanges == 0
    assert repr(asked.exchange.subrequests) == "<Subrequests under_way=[]>"


async def _two_slow() -> tuple[Asked, list[FakeCall], list[list[str]]]:
    calls: list[FakeCall] = []
    held: list[list[str]] = []

    def play(call: FakeCall) -> None:
        said: list[str] = []
        held.append(said)
        calls.append(call)
        call.pause_reading = lambda: said.append("pause")  # type: ignore[method-assign]
        call.resume_reading = lambda: said.append("resume")  # type: ignore[method-assign]
        call.handler.connected()
        call.handler.head_received(200, b"", Headers())

    generation, _ = site(
        'location / { return 200 "{/one}{/two}"; }'
        "location /one { proxy_pass http://127.0.0.1:1; proxy_buffering off; }"
        "location /two { proxy_pass http://127.0.0.1:1; proxy_buffering off; }",
        play,
        play,
    )
    asked = Asked(generation)
    await asked.settle()
    return asked, calls, held


async def test_a_slow_client_holds_the_first_part_only() -> None:
    asked, _, held = await _two_slow()
    asked.exchange.pause_writing()
    assert held == [["pause"], []]
    asked.exchange.resume_writing()
    assert held == [["pause", "resume"], []]


async def test_a_later_part_is_held_when_much_of_it_waits() -> None:
    asked, calls, held = await _two_slow()
    calls[1].handler.body_received(b"x" * (WAITING_LIMIT + 1))
    assert held == [[], ["pause"]]
    calls[0].handler.response_ended([])
    assert held == [[], ["pause", "resume"]]
    assert asked.client.body == b"X" * (WAITING_LIMIT + 1)


async def test_the_own_source_is_held_when_much_of_it_waits() -> None:
    calls: list[FakeCall] = []
    said: list[str] = []
    generation, _ = site(
        "location / { proxy_pass http://127.0.0.1:1; proxy_buffering off; }"
        "location /x { proxy_pass http://127.0.0.1:1; }",
        calls.append,
        calls.append,
    )
    asked = Asked(generation)
    await asked.settle()
    own = calls[0]
    own.pause_reading = lambda: said.append("pause")  # type: ignore[method-assign]
    own.resume_reading = lambda: said.append("resume")  # type: ignore[method-assign]
    own.handler.connected()
    own.handler.head_received(200, b"", Headers())
    own.handler.body_received(b"{/x}" + b"y" * (WAITING_LIMIT + 1))
    await asked.settle()
    own.handler.body_received(b"z")
    assert said == ["pause"]
    asked.exchange.pause_writing()
    asked.exchange.resume_writing()
    assert "resume" not in said, "what waits is still too much"
    says(200, body=b"x")(calls[1])
    assert said[-1] == "resume"
    own.handler.response_ended([])
    assert (asked.client.body, asked.client.finished) == (b"X" + b"Y" * (WAITING_LIMIT + 1) + b"Z.", True)


async def _kept(text: str) -> tuple[Generation, Asked, list[tuple[int, bytes]]]:
    got: list[tuple[int, bytes]] = []

    class Keeper(Includer):
        def feed(self, data: bytes) -> bytes:
            self._postponed.gather()
            self._postponed.keep("/x", "", lambda status, body: got.append((status, body)), lambda: None)
            subrequests_of(self._exchange).begin()
            self._postponed.release()
            return data

    def begin(exchange: Exchange, _: Response) -> None:
        if exchange.parent is None:
            exchange.postponed = Postponed(exchange)
            exchange.body_filters.append(Keeper(exchange, exchange.postponed))

    def keeps(_build: Build) -> Callable[[Exchange, Response], None]:
        return begin

    modules = (*MODULES[:at], Module("keeps", furnish=furnish, header_filter=keeps), *MODULES[at:])
    generation = configure(in_server(f"access_log off; location / {{ return 200 own; }} {text}"), modules)
    asked = Asked(generation)
    await asked.settle()
    return generation, asked, got


async def test_an_answer_can_be_kept() -> None:
    _, asked, got = await _kept("location /x { return 201 12345; }")
    assert (got, asked.client.body) == ([(201, b"12345")], b"own")


async def test_an_answer_too_big_to_be_kept_breaks_the_request() -> None:
    generation, asked, got = await _kept("location /x { subrequest_output_buffer_size 4; return 201 12345; }")
    assert (got, asked.client.aborted) == ([], True)
    assert messages(generation) == ["too big subrequest response"]
    assert generation.exchanges == 0
