"""A running pyngx: started as a program, asked over its sockets, read by its log, ended by its number."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 15.0  # seconds; a machine that runs many tests at once is slow


def until(claim: Callable[[], object], what: str = "it") -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not claim():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, below those that the system gives to connections."""
    while True:
        port = random.randrange(10_000, 32_000)
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


def pyngx(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "pyngx", *words]
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False, **options
    )


@dataclass
class Daemon:
    """One process, whose prefix is a folder of its own."""

    prefix: Path
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def conf(self) -> Path:
        return self.prefix / "conf" / "pyngx.conf"

    @property
    def stderr(self) -> Path:
        return self.prefix / "stderr"

    @property
    def pid_file(self) -> Path:
        return self.prefix / "logs" / "pyngx.pid"

    def write(self, text: str) -> None:
        """Save the configuration, as an editor that writes in place does."""
        self.conf.parent.mkdir(exist_ok=True)
        self.conf.write_text(text)

    def start(self, *words: str, environment: dict[str, str] | None = None) -> None:
        """Start, and wait for the pid file."""
        command = [sys.executable, "-m", "pyngx", "-p", str(self.prefix), *words]
        with self.stderr.open("wb") as stderr, (self.prefix / "stdout").open("wb") as stdout:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **(environment or {})}, stdout=stdout, stderr=stderr
            )
        until(lambda: self.pid_file.exists() or self.process.poll() is not None, "the pid file")
        assert self.process.poll() is None, self.stderr.read_text()

    def events(self, name: str = "") -> list[dict[str, object]]:
        """What it has logged to stderr."""
        lines = [json.loads(line) for line in self.stderr.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if not name or line["event"] == name]

    def wait_for(self, name: str, count: int = 1) -> dict[str, object]:
        """The event of a name, once it is there as often as that."""
        until(lambda: len(self.events(name)) >= count, f"{name} in {self.stderr.read_text()}")
        return self.events(name)[count - 1]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """The exit code."""
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)


@contextmanager
def running(prefix: Path, text: str, *words: str, **options: dict[str, str]) -> Iterator[Daemon]:
    """A daemon that serves a configuration, until the block is left."""
    daemon = Daemon(prefix)
    daemon.write(text)
    try:
        daemon.start(*words, **options)
        yield daemon
    finally:
        daemon.end()


def get(port: int, target: str = "/") -> tuple[int, str]:
    """Status and body of a request on a connection of its own."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request("GET", target, headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def accepts(port: int) -> bool:
    """Whether somebody listens."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
