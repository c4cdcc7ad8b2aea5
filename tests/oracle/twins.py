"""Real nginx and pyngx's core in this process, started with one configuration after the other; both behind sockets.

pyngx is served as the command serves it, by the same installer on the same protocol, without a process of its own: so
that a configuration costs milliseconds.
"""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pyngx.config.diagnostics import ConfigError, render
from pyngx.config.include import from_memory, load
from pyngx.core.load import check_snapshot
from pyngx.core.runtime import Runtime
from pyngx.core.tasks import Tasks
from pyngx.modules import MODULES
from pyngx.process.install import Installer
from pyngx.process.load import Loaded
from pyngx.process.runtime import TRANSPORTS
from tests.oracle.backend import Backend, Received
from tests.oracle.pair import NGINX, Side, free_ports
from tests.oracle.wire import Answer, Ask, send
from tests.support.daemon import until
from tests.support.memory_logs import MemoryLog, MemoryLogs

T = TypeVar("T")
CONF = "/pyngx.conf"
PATIENCE = 2.0  # seconds


@dataclass
class Exchanged:
    """What a client got, and what the upstream did."""

    answer: Answer | None
    received: list[Received]


class Refused(Exception):
    """A server doesn't take the configuration."""


class Twins:
    """Both servers, at fixed ports, one configuration at a time."""

    def __init__(self, folder: Path, backend: Backend) -> None:
        self.backend = backend
        self.root = folder / "root"
        self.doors: Mapping[str, int] = backend.ports
        self.faults: list[str] = []
        self.nginx, self.pyngx = (Side(name, folder / name, free_ports()) for name in ("nginx", "pyngx"))
        for side in (self.nginx, self.pyngx):
            for inner in ("conf", "logs"):
                (side.own / inner).mkdir(parents=True)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def nginx_serving(self, text: str) -> Iterator[None]:
        """nginx at work until the block is left; raises Refused."""
        assert NGINX is not None
        conf = self.nginx.own / "conf" / "nginx.conf"
        whole = self.nginx.configuration(text, self.root, self.doors)
        conf.write_text(whole, "utf-8", "surrogateescape")
        command = [NGINX, "-p", str(self.nginx.own), "-c", str(conf), "-e", str(self.nginx.own / "error.log")]
        pid = self.nginx.own / "nginx.pid"  # written once it listens
        pid.unlink(missing_ok=True)
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        try:
            until(lambda: process.poll() is not None or pid.exists(), "nginx")
            if process.poll() is not None:
                assert process.stderr is not None
                raise Refused(process.stderr.read().decode())
            yield
        finally:
            process.kill()
            process.wait(10)
            if process.stderr is not None:
                process.stderr.close()

    @contextmanager
    def pyngx_serving(self, text: str) -> Iterator[None]:
        """pyngx at work until the block is left; raises Refused."""
        served = self._run(self._serve(self.pyngx.configuration(text, self.root, self.doors)))
        try:
            yield
        finally:
            self._run(served.close())
            self.faults += [
                f"{event}: {message}"
                for level, event, message, _ in served.log.records
                if event.endswith("_failed") and level == "alert"
            ]

    def exchange(self, side: Side, request: Ask) -> Exchanged:
        """Send a request to one of the two."""
        self.backend.take()
        raw = request.raw
        for at, port in enumerate(side.ports):
            raw = raw.replace(b"PORT%d" % at, b"%d" % port)
        try:
            answer = send(side.ports[request.port], raw, request.line.split()[0], side.names, PATIENCE)
        except ConnectionRefusedError:  # a configuration that was cut down needn't listen everywhere
            answer = None
        return Exchanged(answer, [_named(received, side.names) for received in self.backend.take()])

    # private

    def _run(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _serve(self, text: str) -> _Served:
        prefix = str(self.pyngx.own)
        tasks = Tasks(lambda name, error: self.faults.append(f"{name}: {error!r}"))
        transport = TRANSPORTS["fast"](tasks.spawn)
        log = MemoryLog()
        runtime = Runtime(prefix, prefix, MemoryLogs(), log, transport, tasks.spawn)
        installer = Installer(runtime)
        try:
            read, find = from_memory({CONF: text})
            snapshot = load(CONF, read=read, find=find)
            await installer.install(installer.prepare(Loaded(snapshot, check_snapshot(snapshot, MODULES))))
        except ConfigError as error:
            await tasks.close()
            raise Refused("\n".join(map(render, error.diagnostics))) from None
        return _Served(installer, runtime, tasks, log)


def _named(received: Received, names: Mapping[str, str]) -> Received:
    """With words for what the two have each of its own."""
    head, body = received.head, received.body
    for value, name in names.items():
        head, body = head.replace(value.encode(), name.encode()), body.replace(value.encode(), name.encode())
    return Received(received.door, head, body)


@dataclass
class _Served:
    installer: Installer
    runtime: Runtime
    tasks: Tasks
    log: MemoryLog

    async def close(self) -> None:
        await self.installer.listeners.shutdown(0)
        await self.runtime.transport.close()
        await self.tasks.close()
