"""The life of an application: started before its configuration is in force, shut down when nothing uses it any more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from pyngx.modules.asgi_messages import Message, Scope, read_text, unexpected

if TYPE_CHECKING:
    from pyngx.core.logs import Log
    from pyngx.core.runtime import Runtime
    from pyngx.modules.asgi_messages import App

CALL_SECONDS = 30.0  # how long requests may go on when their application is to end
SHUTDOWN_SECONDS = 30.0  # how long it may take to shut down


class Call(Protocol):
    """One request on its way through an application."""

    async def answer(self, app: App, scope: Scope) -> None:
        """Run the application, and see to it that the exchange ends."""


class StartupFailed(Exception):
    """The application says that it can't start; the message is its own."""


class Lifespan:
    """The lifespan protocol with one application; one that doesn't know it is fine, too."""

    def __init__(self, app: App, name: str, log: Log) -> None:
        self.state: dict[str, object] = {}
        self._app = app
        self._name = name
        self._log = log
        self._asked = False  # to start
        self._told = False  # to end
        self._failure: str | None = None
        self._started = asyncio.Event()
        self._ending = asyncio.Event()

    async def run(self) -> None:
        """Run the application for its whole life."""
        scope: Scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self._app(scope, self._receive, self._send)
        except Exception as error:  # the border to foreign code
            self._raised(error)
        finally:
            self._started.set()

    async def started(self) -> None:
        """Wait until the application runs; raises StartupFailed. Unbounded: some load for minutes before they do."""
        await self._started.wait()
        if self._failure is not None:
            raise StartupFailed(self._failure)

    def end(self) -> None:
        """Tell the application to shut down."""
        self._ending.set()

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "lifespan.startup"}
        if self._told:
            raise RuntimeError("there is no lifespan message after lifespan.shutdown")
        await self._ending.wait()
        self._told = True
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Message) -> None:
        match message.get("type"):
            case "lifespan.startup.complete":
                self._started.set()
            case "lifespan.startup.failed":
                self._failure = read_text(message, "message") or "no reason given"
                self._started.set()
            case "lifespan.shutdown.complete":
                pass
            case "lifespan.shutdown.failed":
                reason = read_text(message, "message") or "no reason given"
                self._log.write("error", "application_shutdown_failed", f'application "{self._name}": {reason}')
            case _:
                raise unexpected(message, "expected one of the lifespan")

    def _raised(self, error: Exception) -> None:
        if self._failure is not None or self._told:  # it has said all that it had to say
            return
        said = f'application "{self._name}": {type(error).__name__}: {error}'
        if self._started.is_set():
            self._log.write("error", "application_lifespan_failed", said, exception=error)
        elif self._asked:  # it knows the protocol, and something is wrong; the specification wants us to go on
            self._log.write("warn", "application_startup_raised", said, exception=error)
        else:
            self._log.write("info", "application_without_lifespan", said)


class Application:
    """An application object, its state, and the calls that are under way; one for all generations that use it."""

    def __init__(self, app: App, name: str, runtime: Runtime) -> None:
        self.name = name
        self._app = app
        self._runtime = runtime
        self._lifespan = Lifespan(app, name, runtime.log)
        self._life: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        life = "waiting" if self._life is None else "over" if self._life.done() else "alive"
        return f"<Application {self.name} {life} {len(self._calls)} calls>"

    @property
    def state(self) -> dict[str, object]:
        """What the application put into its state when it started."""
        return self._lifespan.state

    async def start(self) -> None:
        """Start it, unless it runs already; raises StartupFailed."""
        if self._life is None:
            self._life = self._runtime.spawn(self._lifespan.run(), f"lifespan of {self.name}")
        await self._lifespan.started()

    def call(self, run: Call, scope: Scope) -> None:
        """Have the application answer, in a task: frameworks ask which task they are in, and time out and cancel."""
        task = self._runtime.spawn(run.answer(self._app, scope), f"{scope['type']} request to {self.name}")
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def close(self) -> None:
        """Wait for the calls, then shut it down; neither may take for ever."""
        await _ended(self._calls, CALL_SECONDS)
        if self._life is None:
            return
        self._lifespan.end()
        if not await _ended({self._life}, SHUTDOWN_SECONDS):
            self._runtime.log.write(
                "warn",
                "application_shutdown_timed_out",
                f'application "{self.name}" did not shut down within {SHUTDOWN_SECONDS:.0f} seconds',
            )


async def _ended(tasks: set[asyncio.Task[None]], seconds: float) -> bool:
    """Wait for tasks, and cancel those that take longer; whether none did."""
    if not tasks:
        return True
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late)
    return not late
