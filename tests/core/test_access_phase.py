"""The access phase: satisfy, and the delay of refusals."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from pyngx.config.arguments import word
from pyngx.config.declare import directive
from pyngx.core.answers import Answer, Flow, Handler, Redirected, Status
from pyngx.core.build import Build
from pyngx.core.eager import start_eagerly
from pyngx.core.exchange import Exchange
from pyngx.core.phases import Module, Phase
from pyngx.core.pipeline import handle
from pyngx.modules import MODULES
from tests.support.configure import ask, configure, exchange, in_server, messages
from tests.support.fake_client import FakeClient


@dataclass(frozen=True, slots=True)
class GuardSettings:
    first: str = directive(word, "http server location", default="", doc="what the first guard answers")
    second: str = directive(word, "http server location", default="", doc="what the second one answers, later")


ANSWERS: Mapping[str, Answer | None] = {
    "allow": None,
    "nothing": Flow.DECLINED,
    "elsewhere": Redirected("/open"),
    **{str(code): Status(code, headers=((b"X-Asked", b"%d" % code),)) for code in (401, 403, 407, 500)},
}


def first_guard(build: Build) -> Handler | None:
    if not (said := build.settings(GuardSettings).first):
        return None
    return lambda _: ANSWERS[said]


def second_guard(build: Build) -> Handler | None:
    if not (said := build.settings(GuardSettings).second):
        return None

    async def guard(_: Exchange) -> Answer | None:
        await asyncio.sleep(0)
        return ANSWERS[said]

    return guard


GUARDS = (
    Module("first", settings=(GuardSettings,), handlers={Phase.ACCESS: first_guard}),
    Module("second", handlers={Phase.ACCESS: second_guard}),
)


def get(text: str) -> FakeClient:
    everything = f"access_log off; location / {{ {text} }} location /open {{ }}"
    return ask(configure(in_server(everything), (*GUARDS, *MODULES)), "GET /x HTTP/1.1")


@pytest.mark.parametrize(
    ("satisfy", "first", "second", "status"),
    [
        ("all", "allow", "allow", 404),
        ("all", "allow", "401", 401),
        ("all", "403", "401", 403),
        ("all", "401", "403", 401),
        ("any", "allow", "401", 404),
        ("any", "401", "allow", 404),
        ("any", "403", "allow", 404),
        ("any", "nothing", "nothing", 404),
        ("any", "nothing", "403", 403),
        ("any", "403", "nothing", 403),
        ("any", "401", "403", 401),
        ("any", "403", "401", 401),
        ("any", "407", "403", 407),
        ("any", "500", "allow", 500),
        ("any", "401", "500", 500),
    ],
)
def test_satisfy(satisfy: str, first: str, second: str, status: int) -> None:
    assert get(f"satisfy {satisfy}; first {first}; second {second};").status == status


def test_what_either_asks_for_is_sent() -> None:
    client = get("satisfy any; first 401; second 401;")
    assert [value for name, value in client.fields if name == "X-Asked"] == ["401", "401"]


def test_nothing_of_a_refusal_stays_where_another_allows() -> None:
    assert get("satisfy any; first 401; second allow;").header("X-Asked") is None


def test_any_other_answer_is_one() -> None:
    assert get("satisfy any; first elsewhere; second allow;").status == 404


def test_a_refusal_by_all_is_logged_once() -> None:
    generation = configure(
        in_server("access_log off; location / { satisfy any; first 403; deny all; }"), (*GUARDS, *MODULES)
    )
    ask(generation, "GET / HTTP/1.1")
    assert messages(generation).count("access forbidden by rule") == 1


@pytest.mark.parametrize("satisfy", ["all", "any"])
def test_a_401_is_delayed_and_nothing_else(satisfy: str) -> None:
    for first, delayed in (("401", True), ("407", True), ("403", False), ("allow", False)):
        began = time.monotonic()
        get(f"satisfy {satisfy}; auth_delay 100ms; first {first};")
        assert (time.monotonic() - began >= 0.1) is delayed


async def test_a_client_that_leaves_meanwhile_is_logged_as_such() -> None:
    generation = configure(in_server("access_log off; location / { auth_delay 1h; first 401; }"), (*GUARDS, *MODULES))
    asked = exchange(generation, "GET / HTTP/1.1")
    start_eagerly(handle(asked, next(iter(generation.addresses.values()))), asked.spawn, "exchange")
    assert asked.task is not None
    await asyncio.sleep(0)
    asked.client_gone()
    with pytest.raises(asyncio.CancelledError):
        await asked.task
    assert (asked.status, asked.closed, asked.on_gone) == (499, True, None)
