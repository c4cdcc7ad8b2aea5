"""A generation gets ready before it comes, and what it alone needed is closed after it is gone."""

from __future__ import annotations

import asyncio

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.generation import Generation
from pyngx.core.runtime import Runtime
from tests.support.live import build_text, make_runtime


@pytest.fixture
def runtime() -> Runtime:
    return make_runtime()


def generation_of(runtime: Runtime, *claims: str) -> Generation:
    generation = build_text("events {} http {}", [], runtime)
    generation.claims = frozenset(claims)
    return generation


async def test_all_failures_of_the_preparations_are_told_at_once(runtime: Runtime) -> None:
    async def fail(message: str) -> None:
        raise ConfigError(message)

    generation = generation_of(runtime)
    generation.preparations = (lambda: fail("a"), lambda: fail("b"))
    with pytest.raises(ConfigError) as raised:
        await generation.prepare()
    assert [found.message for found in raised.value.diagnostics] == ["a", "b"]


async def test_what_a_generation_claims_is_kept_while_it_prepares(runtime: Runtime) -> None:
    closed: list[str] = []
    older = generation_of(runtime)
    runtime.commit(older)
    newer = generation_of(runtime, "a")
    runtime.claim("a", lambda: "a", closed.append)

    async def meanwhile() -> None:
        runtime.sweep()

    newer.preparations = (meanwhile,)
    await newer.prepare()
    runtime.commit(newer)
    assert closed == []
    assert older.retired
    assert not newer.retired


async def test_a_failed_preparation_lets_go_of_what_was_claimed_for_it(runtime: Runtime) -> None:
    closed: list[str] = []
    generation = generation_of(runtime, "a")
    runtime.claim("a", lambda: "a", closed.append)

    async def fail() -> None:
        raise ConfigError("no")

    generation.preparations = (fail,)
    with pytest.raises(ConfigError):
        await generation.prepare()
    assert closed == ["a"]


async def test_the_end_of_the_process_waits_for_what_closes_slowly(runtime: Runtime) -> None:
    closed: list[str] = []

    async def close(value: str) -> None:
        await asyncio.sleep(0)
        closed.append(value)

    runtime.commit(generation_of(runtime, "a"))
    runtime.claim("a", lambda: "a", close)
    await runtime.close()
    assert closed == ["a"]
