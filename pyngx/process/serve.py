"""One process that serves: from a checked configuration to the exit code."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import uvloop

from pyngx.config.diagnostics import ConfigError, Diagnostic
from pyngx.core.tasks import Tasks
from pyngx.modules.main import DEFAULT_PID
from pyngx.process.garbage import collected_afterwards
from pyngx.process.inherited import InheritedSocket, take_inherited_sockets
from pyngx.process.install import Installer
from pyngx.process.log_bridge import bridge_stdlib
from pyngx.process.log_files import LogFiles, LogLoss, report_to_stderr
from pyngx.process.main_log import MainLog
from pyngx.process.notify import Notifier, open_notifier, take_watchdog_interval
from pyngx.process.pidfile import PidFile
from pyngx.process.privileges import become, find_identity, hand_over, is_root
from pyngx.process.reload import Reloader, follow_main, tell_findings
from pyngx.process.runtime import make_runtime
from pyngx.process.shutdown import Shutdown
from pyngx.process.telling import open_failure, tell_all
from pyngx.process.watch import Watcher
from pyngx.server.sockets import address_of
from pyngx.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyngx.process.load import Loaded, Reading
    from pyngx.process.options import Options


@dataclass(frozen=True, slots=True)
class Given:
    """What the environment says to this very process; taken out, for nobody else is meant."""

    notifier: Notifier
    watchdog: float | None
    inherited: tuple[InheritedSocket, ...]


def take_environment() -> Given:
    """To be called before `daemon on` makes another process of this one."""
    return Given(open_notifier(os.environ), take_watchdog_interval(os.environ), take_inherited_sockets(os.environ))


@dataclass(frozen=True, slots=True)
class Start:
    """What a process starts from; `serves` is called once all listeners accept."""

    options: Options
    loaded: Loaded
    reading: Reading
    given: Given
    serves: Callable[[], None]
    began: float  # by time.perf_counter()


def serve(start: Start) -> int:
    """Serve until told to stop; gives the exit code."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(start))


async def _run(start: Start) -> int:
    return await Daemon(start).run()


class Daemon:
    """The process: how it starts, what signals do, how it ends."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._options = start.options
        self._notifier = start.given.notifier
        self._files = LogFiles(self._log_lost)
        main_log = MainLog(self._files, start.options)
        self._log = main_log.log
        self._tasks = Tasks(self._task_failed)
        self._runtime = make_runtime(start.options, self._files, self._log, self._tasks, start.loaded.main)
        self._installer = Installer(self._runtime, start.loaded.main.http_server)
        watcher = Watcher(start.reading.watched())
        self._reloader = Reloader(start.options, self._installer, main_log, watcher, self._notifier, start.loaded)
        self._pid_file = PidFile(start.options.path(start.loaded.main.pid))
        self._shutdown = Shutdown(self._log)
        self._code = 0

    async def run(self) -> int:
        """Until it is told to stop."""
        self._take_signals()
        restore = bridge_stdlib(self._log)
        starting = self._tasks.spawn(self._begin(), "start")
        await self._shutdown.asked.wait()
        if starting.done() and not self._code:
            self._notifier.stopping("ending what is under way" if self._shutdown.graceful else "")
            self._reloader.watcher.stop()
            await self._shutdown.close(self._installer.listeners, self._reloader.loaded.main.worker_shutdown_timeout)
        starting.cancel()
        await self._shutdown.finish(self._runtime, self._tasks)
        if not self._code:
            self._log.notice("stopped", message="pyngx has stopped", pid=os.getpid())
        self._pid_file.remove()
        self._files.flush()
        restore()
        self._notifier.close()
        return self._code

    # the start

    async def _begin(self) -> None:
        with collected_afterwards():
            loaded = self._reloader.loaded
            await self._install_first(loaded)

    async def _install_first(self, loaded: Loaded) -> None:
        try:
            follow_main(self._reloader.main_log, loaded)
            inherited = {address_of(each.socket): each.socket for each in self._start.given.inherited}
            prepared = self._installer.prepare(loaded, inherited)
            self._drop_rights()
            await self._installer.install(prepared)
            self._write_pid()
        except ConfigError as error:
            self._give_up(error.diagnostics)
        except OSError as error:
            self._give_up([Diagnostic(open_failure(error))])
        else:
            self._tell_of_start()
            tell_findings(self._log, loaded, prepared.generation)
            self._go_on()

    def _drop_rights(self) -> None:
        user = self._reloader.loaded.main.user
        if not is_root():
            return
        if user is None:
            message = 'the process runs as root: "user" names whom it should become'
            self._log.warn("runs_as_root", message=message)
        elif (identity := find_identity(user)).uid:
            self._make_folder_of_pid()
            hand_over([*self._files.paths(), self._options.path(self._reloader.loaded.main.pid)], identity)
            become(identity)

    def _make_folder_of_pid(self) -> None:
        """The default lies in a folder that a fresh installation needn't have."""
        if self._reloader.loaded.main.pid == DEFAULT_PID:
            os.makedirs(os.path.dirname(self._options.path(DEFAULT_PID)), exist_ok=True)

    def _write_pid(self) -> None:
        self._make_folder_of_pid()
        self._pid_file.write()

    def _tell_of_start(self) -> None:
        listeners = [str(address) for address in self._installer.listeners.sockets]
        self._log.notice(
            "started",
            message=f"pyngx {VERSION} serves on {', '.join(listeners) or 'nothing'}",
            version=VERSION,
            pid=os.getpid(),
            config=self._options.conf_path,
            generation=self._installer.number,
            listeners=listeners,
            ms=round((time.perf_counter() - self._start.began) * 1000, 1),
        )

    def _go_on(self) -> None:
        """All is there: say so, and begin what goes on beside the requests."""
        self._start.serves()
        self._reloader.follow_files(self._start.reading)
        self._notifier.ready(self._reloader.status())
        self._tasks.spawn(self._reloader.watch(), "watch")
        self._tasks.spawn(self._reloader.run(), "reload")
        if (interval := self._start.given.watchdog) is not None:
            self._tasks.spawn(self._feed_watchdog(interval), "watchdog")

    async def _feed_watchdog(self, interval: float) -> None:
        while True:
            self._notifier.watchdog()
            await asyncio.sleep(interval)

    def _give_up(self, diagnostics: Sequence[Diagnostic]) -> None:
        """People read stderr; a log elsewhere is told as well."""
        tell_all(diagnostics)
        for diagnostic in diagnostics if self._files.paths() else ():
            self._log.emerg("start_failed", message=diagnostic.summary)
        self._code = 1
        self._shutdown.ask(graceful=False)

    # signals

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        actions: dict[signal.Signals, Callable[[], None]] = {
            signal.SIGTERM: partial(self._stop, "SIGTERM", graceful=False),
            signal.SIGINT: partial(self._stop, "SIGINT", graceful=False),
            signal.SIGQUIT: partial(self._stop, "SIGQUIT", graceful=True),
            signal.SIGHUP: self._reloader.ask,
            signal.SIGUSR1: self._reopen,
            signal.SIGUSR2: partial(self._ignore, "SIGUSR2", "there is no binary to upgrade"),
            signal.SIGWINCH: partial(self._ignore, "SIGWINCH", "there are no workers to end"),
        }
        for number, action in actions.items():
            loop.add_signal_handler(number, action)

    def _stop(self, name: str, *, graceful: bool) -> None:
        how = "gracefully" if graceful else "at once"
        self._log.notice("stopping", message=f"{name} received, stopping {how}", signal=name, graceful=graceful)
        self._shutdown.ask(graceful=graceful)

    def _reopen(self) -> None:
        self._files.reopen()
        self._log.notice("logs_reopened", message="log files reopened", files=self._files.paths())

    def _ignore(self, name: str, why: str) -> None:
        self._log.notice("signal_ignored", message=f"{name} ignored, {why}", signal=name)

    def _log_lost(self, loss: LogLoss) -> None:
        """The process's own log may be what is lost, so stderr hears it too."""
        report_to_stderr(loss)
        self._log.alert("log_failed", message=f'writing to "{loss.path}" failed ({loss.error})', path=loss.path)

    def _task_failed(self, name: str, error: BaseException) -> None:
        self._log.crit("task_failed", message=f'task "{name}" failed: {error!r}', task=name, exception=error)
        if name == "start":
            self._give_up([Diagnostic(f"the start failed: {error!r}")])
