"""What connections and slow transfers take of a proxy's memory."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.failure import Failure
from benchmarks.loads.http import ask, ask_whole, connect, write_head
from benchmarks.loads.websocket import MESSAGE, REPLY_SIZE, open_websocket
from benchmarks.measure import resident
from benchmarks.work import Figures, Load, Subject

IDLE = 2000  # connections
WARM = 50  # connections before, so that what is taken once does not count
SETTLE = 0.3  # seconds

PIECE = 128 << 10  # bytes that a slow reader takes at a time
PAUSE = 0.01  # seconds between
SLOW_BUFFER = 256 << 10  # bytes in the kernel of a slow reader
UPLOAD = 512 << 20  # bytes

Open = Callable[[int], socket.socket]
"""Opens a connection to a port and leaves it idle."""


def keep_alive(port: int) -> socket.socket:
    """A client that has had an answer and stays."""
    client = connect(port)
    ask_whole(client, "/small")
    return client


def websocket(port: int) -> socket.socket:
    """A client that has had a message and stays."""
    client = open_websocket(port)
    client.sendall(MESSAGE)
    client.recv(REPLY_SIZE, socket.MSG_WAITALL)
    return client


def idle(opened: Open) -> Load:
    """Bytes for each of many idle connections."""

    def load(subject: Subject, _seconds: float) -> Figures:
        _check_file_limit()
        for _ in range(WARM):
            opened(subject.port).close()
        time.sleep(SETTLE)
        before = resident(subject.pid)
        with ExitStack() as stack:
            for _ in range(IDLE):
                stack.enter_context(opened(subject.port))
            time.sleep(SETTLE)
            return {"KiB/connection": (resident(subject.pid) - before) / IDLE / 1024}

    return load


def slow_download(subject: Subject, seconds: float) -> Figures:
    """A client that reads far less than the upstream could send."""
    _warm(subject)
    before = peak = resident(subject.pid)
    with connect(subject.port, SLOW_BUFFER) as client:
        ask(client, f"/bulk/{512 << 20}")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            client.recv(PIECE)
            time.sleep(PAUSE)
            peak = max(peak, resident(subject.pid))
    return _grown(before, peak)


def slow_upload(subject: Subject, seconds: float) -> Figures:
    """A client that sends as fast as it can to an upstream that reads slowly."""
    _warm(subject)
    before = peak = resident(subject.pid)
    piece = bytes(PIECE)
    with connect(subject.port) as client:
        client.sendall(write_head("PUT", "/sink", f"Content-Length: {UPLOAD}\r\n"))
        client.setblocking(False)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                client.send(piece)
            except BlockingIOError:
                time.sleep(PAUSE)
                peak = max(peak, resident(subject.pid))
    return _grown(before, peak)


def _check_file_limit() -> None:
    """A proxy has two files open for a WebSocket, and some more."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit < (needed := 2 * IDLE + 200):
        raise Failure(f"{needed} open files are needed, and {limit} are allowed: see ulimit -n")


def _warm(subject: Subject) -> None:
    for _ in range(WARM):
        keep_alive(subject.port).close()
    time.sleep(SETTLE)


def _grown(before: int, peak: int) -> Figures:
    return {"peak MiB more": (peak - before) / (1 << 20)}
