"""From a saved file to a generation in force, or to a log line that says what is wrong; one at a time.

Files are read and checked in a thread, so that the loop goes on serving meanwhile. What is built from them is built on
the loop, for it shares state with what runs.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyngx.config.diagnostics import ConfigError, Diagnostic
from pyngx.process.diff import Difference, difference
from pyngx.process.garbage import collected_afterwards
from pyngx.process.limits import apply_limits
from pyngx.process.load import Loaded, Reading, findings, load_configuration
from pyngx.process.log_styles import Level
from pyngx.process.memory import Tidying, collector_resting
from pyngx.process.telling import counted, facts_of, rendered, tell_all
from pyngx.process.watched_files import Watched, changed_files, contents

if TYPE_CHECKING:
    from pyngx.core.generation import Generation
    from pyngx.process.install import Installer
    from pyngx.process.logs import Log
    from pyngx.process.main_log import MainLog
    from pyngx.process.notify import Notifier
    from pyngx.process.options import Options
    from pyngx.process.watch import Watcher

MOST_SHOWN = 50
"""Blocks named in the lists of one event; a generated configuration may have thousands."""
MOST_TOLD = 3
"""Blocks of each list named in its sentence."""


@dataclass(slots=True)
class Reloader:
    """Loads again when asked to. `loaded` is what is in force."""

    options: Options
    installer: Installer
    main_log: MainLog
    watcher: Watcher
    notifier: Notifier
    loaded: Loaded
    _asked: asyncio.Event = field(default_factory=asyncio.Event)
    _tidying: Tidying = field(default_factory=Tidying)
    _told_to: bool = False  # by a signal: then what is outside of the files may have changed as well

    @property
    def _log(self) -> Log:
        return self.main_log.log

    def ask(self) -> None:
        """A signal came. Several while a reload is under way make one more."""
        self._told_to = True
        self._asked.set()

    async def watch(self) -> None:
        """Ask for a reload whenever something is saved."""
        async with aclosing(self.watcher.changes()) as changes:
            async for changed in changes:
                self._log.info("files_changed", paths=changed)
                self._asked.set()

    async def run(self) -> None:
        """Reload whenever asked."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            told_to, self._told_to = self._told_to, False
            self.notifier.reloading("reloading the configuration")
            await self._reload(told_to)
            self.notifier.ready(self.status())

    def status(self) -> str:
        """One line for the service manager."""
        count = len(self.installer.listeners.sockets)
        return f"generation {self.installer.number}, {counted(count, 'listener')}"

    async def _reload(self, told_to: bool) -> None:
        with collected_afterwards():
            await self._try(told_to)

    async def _try(self, told_to: bool) -> None:
        began = time.perf_counter()
        reading = Reading()
        files = self.installer.files
        try:
            seen = await asyncio.to_thread(contents, (*files, *self.installer.files_tried))
            # For the watch, if no file is tried below: what an earlier try saw would differ from what is there forever.
            self.installer.files_tried = seen
            with collector_resting():
                loaded = await asyncio.to_thread(load_configuration, self.options, reading)
            same = loaded.says_the_same(self.loaded) and all(seen[path] == files[path] for path in files)
            if not same or told_to:
                await self._install(loaded)
            changed = changed_files(files, self.installer.files)
        except ConfigError as error:
            self._reject(error.diagnostics)
        except Exception as error:  # whatever is wrong with a new one, the old one serves
            self._log.crit("reload_failed", message=f"reload failed: {error!r}", exception=error)
        else:
            self._accept(loaded, same, changed, (time.perf_counter() - began) * 1000)
        finally:
            self._tidying.plan()
            self.follow_files(reading)

    def follow_files(self, reading: Reading) -> None:
        """Watch what the last configuration that was tried was read from."""
        watched = reading.watched()
        self.watcher.follow(Watched({**self.installer.files_tried, **watched.files}, watched.masks))

    async def _install(self, loaded: Loaded) -> None:
        before = frozenset(map(str, self.installer.listeners.sockets))
        with collector_resting():
            prepared = self.installer.prepare(loaded)
        await self.installer.install(prepared)
        if (patience := self.loaded.main.worker_shutdown_timeout) is not None:
            self.installer.listeners.end_outdated(patience)
        self._tell_of_listeners(before, frozenset(map(str, self.installer.listeners.sockets)))
        follow_main(self.main_log, loaded)
        tell_findings(self._log, loaded, prepared.generation)

    def _accept(self, loaded: Loaded, same: bool, files: Sequence[str], milliseconds: float) -> None:
        change = difference(self.loaded.checked.root, loaded.checked.root, files)
        self.loaded = loaded
        number = self.installer.number
        if same:
            message = f"the configuration is what it was, generation {number} is in force"
            self._log.notice("config_unchanged", message=message, generation=number, ms=round(milliseconds, 1))
            return
        self._log.notice(
            "config_reloaded",
            message=f"configuration reloaded in {milliseconds:.0f} ms, generation {number}: {_summary(change)}",
            generation=number,
            ms=round(milliseconds, 1),
            added=_shortened(change.added),
            removed=_shortened(change.removed),
            changed=_shortened(change.changed),
            files=_shortened(change.files),
        )

    def _tell_of_listeners(self, before: frozenset[str], after: frozenset[str]) -> None:
        opened, closed = sorted(after - before), sorted(before - after)
        if opened or closed:
            parts = (f"{verb} {', '.join(names)}" for verb, names in (("opened", opened), ("closed", closed)) if names)
            self._log.notice("listeners_changed", message="; ".join(parts), opened=opened, closed=closed)

    def _reject(self, diagnostics: Sequence[Diagnostic]) -> None:
        more = f" and {counted(len(diagnostics) - 1, 'more error')}" if len(diagnostics) > 1 else ""
        self._log.error(
            "config_rejected",
            message=f"the configuration is wrong, nothing changes: {diagnostics[0].summary}{more}",
            generation=self.installer.number,
            errors=facts_of(diagnostics),
            details=rendered(diagnostics),
        )
        if sys.stderr.isatty():
            tell_all(diagnostics)


def follow_main(main_log: MainLog, loaded: Loaded) -> None:
    """Have the process as its main-level directives say; what can't be had is logged, as nginx does."""
    try:
        main_log.follow(loaded)
    except (OSError, ValueError) as error:
        main_log.log.alert("log_failed", message=f"the error log stays where it is: {error}")
    for name, failure in apply_limits(loaded.main):
        main_log.log.alert("limit_failed", message=f'"{name}" failed: {failure}', directive=name)


def tell_findings(log: Log, loaded: Loaded, generation: Generation) -> None:
    """Log what seems to be a slip, and at a lower level what has no effect."""
    for finding in (*loaded.notices, *findings(generation)):
        level = Level.WARN if finding.severity == "warning" else Level.INFO
        log.say(level, "config_finding", {"message": finding.summary, "details": finding.help})


def _summary(change: Difference) -> str:
    parts = []
    kinds = (
        ("added", change.added),
        ("removed", change.removed),
        ("changed", change.changed),
        ("read anew", change.files),
    )
    for verb, names in kinds:
        if names:
            more = f" and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else ""
            parts.append(f"{verb} {', '.join(names[:MOST_TOLD])}{more}")
    return "; ".join(parts) or "nothing that runs has changed"


def _shortened(names: Sequence[str]) -> list[str]:
    shown = list(names[:MOST_SHOWN])
    return [*shown, f"and {len(names) - MOST_SHOWN} more"] if len(names) > MOST_SHOWN else shown
