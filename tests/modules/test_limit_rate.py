"""The rate that responses are sent at."""

from __future__ import annotations

import time

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.modules import core, limit_rate, rewrite
from tests.support.live import ask, build_text, log_of, open_exchange, run
from tests.support.live_client import LiveClient

MODULES = (core.MODULE, limit_rate.MODULE, rewrite.MODULE)
BODY = "x" * 100


def in_server(text: str) -> str:
    return f"events {{ }} http {{ server {{ {text} }} }}"


async def seconds(text: str, target: str = "/") -> float:
    """How long a response of 100 bytes takes whose request came a second ago."""
    generation = build_text(in_server(f"{text} location / {{ return 200 {BODY}; }}"), MODULES)
    client = LiveClient()
    exchange = open_exchange(generation, f"GET {target} HTTP/1.1", client=client)
    exchange.started -= 1
    begun = time.monotonic()
    await run(exchange)
    await client.until_over()
    assert client.body == BODY.encode()
    return time.monotonic() - begun


@pytest.mark.parametrize(
    ("text", "slow"),
    [
        ("", False),
        ("limit_rate 45;", True),
        ("limit_rate 45; limit_rate_after 20;", False),
        ("limit_rate 0;", False),
        ("limit_rate $arg_rate;", True),
        ("limit_rate $arg_nothing;", False),
        ("set $limit_rate 45;", True),
        ("limit_rate 45; set $limit_rate 0;", False),
        ("set $limit_rate 45; limit_rate_after 20;", False),
    ],
)
async def test_a_response_takes_its_time(text: str, slow: bool) -> None:
    assert (await seconds(text, "/?rate=45") > 0.1) is slow


async def test_the_response_is_logged_and_ended_after_its_last_byte() -> None:
    generation = build_text(in_server(f"limit_rate 45; location / {{ return 200 {BODY}; }}"), MODULES)
    exchange = open_exchange(generation, "GET / HTTP/1.1")
    exchange.started -= 1
    await run(exchange)
    assert (exchange.ended, exchange.paused) == (False, True)
    exchange.client_gone()
    assert (exchange.ended, exchange.broken, exchange.closed) == (True, True, True)


async def test_what_is_no_size_is_no_limit_and_is_logged() -> None:
    generation = build_text(in_server("set $limit_rate fast; location / { return 200 $limit_rate; }"), MODULES)
    assert (await ask(generation, "GET / HTTP/1.1")).body == b"0"
    assert log_of(generation).named("invalid_size")


def test_a_constant_must_be_a_size() -> None:
    with pytest.raises(ConfigError, match="invalid value"):
        build_text(in_server("limit_rate fast;"), MODULES)
