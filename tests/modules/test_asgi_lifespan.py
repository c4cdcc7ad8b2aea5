"""Applications start before their configuration comes, and end when nothing uses them any more."""

from __future__ import annotations

import asyncio

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.generation import Generation
from pyngx.modules import asgi_lifespan
from pyngx.modules.asgi_messages import Receive, Scope, Send
from tests.modules.asgi_apps import MODULES, Serve
from tests.support.live import ask, build_text, log_of, make_runtime, open_exchange, run

GET = "GET / HTTP/1.1"


class Living:
    """An application that writes down its life; each answer shows the state it was given."""

    def __init__(self, startup: str = "complete", shutdown: str = "complete") -> None:
        self.life: list[str] = []
        self.hold = asyncio.Event()
        self._startup = startup
        self._shutdown = shutdown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        if scope["path"] == "/hold":
            await self.hold.wait()
        self.life.append("request")
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": repr(scope["state"]).encode()})
        scope["state"]["own"] = True  # type: ignore[index]

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "lifespan.startup"
        scope["state"]["pool"] = 1  # type: ignore[index]
        self.life.append("startup")
        await send({"type": f"lifespan.startup.{self._startup}", "message": "Traceback:\n  no database"})
        if self._startup == "failed":
            return
        assert (await receive())["type"] == "lifespan.shutdown"
        self.life.append("shutdown")
        await send({"type": f"lifespan.shutdown.{self._shutdown}", "message": "sorry"})


async def enforce(generation: Generation) -> None:
    """Put a generation in force as the process does."""
    await generation.prepare()
    generation.runtime.commit(generation)


def without_apps(after: Generation) -> Generation:
    return build_text("events {} http { server { listen 127.0.0.1:80; } }", MODULES, after.runtime, 2)


async def test_an_application_starts_before_its_first_request_and_hands_its_state_to_each(serve: Serve) -> None:
    app = Living()
    generation = serve(app)
    await enforce(generation)
    assert app.life == ["startup"]
    for _ in range(2):
        assert (await ask(generation, GET)).body == b"{'pool': 1}"
    await generation.runtime.close()
    assert app.life == ["startup", "request", "request", "shutdown"]


async def test_one_object_in_several_locations_lives_once(serve: Serve) -> None:
    app = Living()
    generation = serve(app, around="location /too { asgi_pass app_under_test:app; }")
    await enforce(generation)
    await generation.runtime.close()
    assert app.life == ["startup", "shutdown"]


async def test_an_application_lives_on_over_a_reload(serve: Serve) -> None:
    app = Living()
    first = serve(app)
    await enforce(first)
    await enforce(serve(app, runtime=first.runtime))
    assert app.life == ["startup"]
    await first.runtime.close()
    assert app.life == ["startup", "shutdown"]


async def test_an_application_ends_when_a_reload_drops_it_and_its_last_request_is_answered(serve: Serve) -> None:
    app = Living()
    first = serve(app)
    await enforce(first)
    exchange = open_exchange(first, "GET /hold HTTP/1.1")
    await run(exchange)
    await enforce(without_apps(first))
    await asyncio.sleep(0)
    assert app.life == ["startup"]
    app.hold.set()
    await first.runtime.close()
    assert app.life == ["startup", "request", "shutdown"]
    assert exchange.complete


async def test_requests_and_shutdowns_that_never_end_are_cancelled(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asgi_lifespan, "CALL_SECONDS", 0.01)
    monkeypatch.setattr(asgi_lifespan, "SHUTDOWN_SECONDS", 0.01)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await asyncio.sleep(60)

    generation = serve(app)
    await enforce(generation)
    exchange = open_exchange(generation, GET)
    await run(exchange)
    await generation.runtime.close()
    assert exchange.broken
    assert len(log_of(generation).named("application_shutdown_timed_out")) == 1


async def test_a_failed_startup_fails_the_configuration_with_the_applications_words(serve: Serve) -> None:
    app = Living(startup="failed")
    generation = serve(app)
    with pytest.raises(ConfigError) as raised:
        await generation.prepare()
    (found,) = raised.value.diagnostics
    assert found.message == 'application "app_under_test:app" failed to start: no database'
    assert found.span is not None
    assert found.span.text == "app_under_test:app"
    assert found.help == "Traceback:"


async def test_after_a_failed_startup_the_next_reload_tries_again(serve: Serve) -> None:
    app = Living(startup="failed")
    first = serve(app)
    for _ in range(2):
        with pytest.raises(ConfigError):
            await serve(app, runtime=first.runtime).prepare()
    assert app.life == ["startup", "startup"]


async def test_an_application_that_knows_no_lifespan_is_fine(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "only http here"
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"ok"})

    generation = serve(app)
    await enforce(generation)
    assert (await ask(generation, GET)).body == b"ok"
    await generation.runtime.close()
    assert [event.level for event in log_of(generation).events] == ["info"]


async def test_an_application_that_raises_while_it_starts_is_logged_and_goes_on(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        raise ValueError("broken")

    generation = serve(app)
    await enforce(generation)
    (event,) = log_of(generation).named("application_startup_raised")
    assert (event.level, event.message) == ("warn", 'application "app_under_test:app": ValueError: broken')


async def test_a_life_that_breaks_off_is_logged(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        raise ValueError("broken")

    generation = serve(app)
    await enforce(generation)
    await asyncio.sleep(0)
    assert log_of(generation).named("application_lifespan_failed")[0].level == "error"
    await generation.runtime.close()


async def test_a_failed_shutdown_is_logged(serve: Serve) -> None:
    generation = serve(Living(shutdown="failed"))
    await enforce(generation)
    await generation.runtime.close()
    (event,) = log_of(generation).named("application_shutdown_failed")
    assert event.message == 'application "app_under_test:app": sorry'


async def test_nothing_is_run_by_a_test_of_the_configuration(serve: Serve) -> None:
    app = Living()
    runtime = make_runtime()
    runtime.testing = True
    serve(app, runtime=runtime)
    await asyncio.sleep(0)
    assert app.life == []
