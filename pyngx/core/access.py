"""The access phase: who has to agree before a request goes on, and what a refusal costs (ngx_http_core_module).

What a handler of this phase answers means: None, it allows the request; 401 or 403, it refuses; `Flow.DECLINED`, it has
no opinion. Only under `satisfy any` does the last differ from the first, and only there may a handler answer so: the
chain of a location under `satisfy all` is its handlers as they are.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyngx.config.arguments import choice, seconds
from pyngx.config.declare import directive
from pyngx.core.answers import ANSWERS, Answer, Flow, Handler, Status
from pyngx.core.blocks import EVERYWHERE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

CHALLENGES = frozenset({401, 407})
REFUSALS = CHALLENGES | {403}


@dataclass(frozen=True, slots=True)
class AccessPhaseSettings:
    """How the modules that guard a location work together."""

    satisfy: str = directive(
        choice("all", "any"), EVERYWHERE, default="all", doc="whether all modules that guard access must agree, or one"
    )
    auth_delay: float = directive(
        seconds, EVERYWHERE, default=0.0, shown="0s", doc="seconds that a refusal with 401 takes, against guessing"
    )


def one_suffices(build: Build) -> bool:
    """Whether `satisfy any` is in force: a handler without an opinion has to say so then."""
    return build.settings(AccessPhaseSettings).satisfy == "any"


def access_chain(build: Build, handlers: Sequence[Handler]) -> tuple[Handler, ...]:
    """The access phase of a location, made of its modules' handlers."""
    own = build.settings(AccessPhaseSettings)
    if handlers and own.satisfy == "any":
        handlers = (_any_of(tuple(handlers)),)
    if handlers and own.auth_delay:
        handlers = (_delayed(tuple(handlers), own.auth_delay),)
    return tuple(handlers)


def _any_of(handlers: tuple[Handler, ...]) -> Handler:
    """The first handler that allows the request decides; else the first refusal stands, and a 401 before a 403."""

    async def handle(exchange: Exchange) -> Answer | None:
        refused: Status | None = None
        for handler in handlers:
            answer = await _asked(handler, exchange)
            if answer is None:
                return None
            if isinstance(answer, Status):
                refused = _worse(refused, answer)
                if answer.code not in REFUSALS:
                    return refused
            elif answer is not Flow.DECLINED:
                return answer
        if refused is not None and refused.code == 403:
            exchange.log("error", "access_forbidden", "access forbidden by rule")
        return refused

    return handle


def _worse(before: Status | None, now: Status) -> Status:
    """Two refusals as one; what either asks for stays."""
    if before is None:
        return now
    code = before.code if before.code in CHALLENGES and now.code in REFUSALS else now.code
    return replace(now, code=code, headers=before.headers + now.headers)


def _delayed(handlers: tuple[Handler, ...], delay: float) -> Handler:
    """A 401 comes `delay` seconds after the request: how long a password was looked at doesn't show."""

    async def handle(exchange: Exchange) -> Answer | None:
        began = time.monotonic()
        for handler in handlers:
            answer = await _asked(handler, exchange)
            if isinstance(answer, Status) and answer.code in CHALLENGES:
                exchange.log("info", "unauthorized_delayed", "delaying unauthorized request")
                await _wait(exchange, began + delay - time.monotonic())
            if answer is not None:
                return answer
        return None

    return handle


async def _wait(exchange: Exchange, left: float) -> None:
    """Wait, and no longer than the client does."""
    exchange.on_gone = exchange.leave
    try:
        await asyncio.sleep(max(left, 0))
    finally:
        exchange.on_gone = None


async def _asked(handler: Handler, exchange: Exchange) -> Answer | None:
    answer = handler(exchange)
    return answer if answer is None or isinstance(answer, ANSWERS) else await answer
