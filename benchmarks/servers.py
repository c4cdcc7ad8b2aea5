"""Processes that serve on loopback for as long as a block lasts."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.failure import Failure

HOST = "127.0.0.1"
ROOT = Path(__file__).parent.parent
START_PATIENCE = 60.0  # seconds; ten thousand locations are read
END_PATIENCE = 10.0
NO_VARIABLES: Mapping[str, str] = {}


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server((HOST, 0)) as free:
        number = free.getsockname()[1]
        assert isinstance(number, int)
        return number


@contextmanager
def serving(
    command: Sequence[str], port: int, folder: Path, environment: Mapping[str, str] = NO_VARIABLES
) -> Iterator[int]:
    """Start a server and wait until it listens; gives its process's number. What it says is in `folder`/output."""
    output = folder / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env={**os.environ, **environment}
        )
    try:
        _wait(process, port, output)
        yield process.pid
    finally:
        _end(process)


def _wait(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    deadline = time.monotonic() + START_PATIENCE
    while not _listens(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failure(f"{process.args!r} doesn't listen: {output.read_text(errors='replace')[-2000:]}")
        time.sleep(0.01)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(END_PATIENCE)
