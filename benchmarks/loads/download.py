"""Large downloads, one after the other."""

from __future__ import annotations

import socket
import time

from benchmarks.failure import Failure
from benchmarks.loads.http import begin
from benchmarks.measure import cpu_seconds
from benchmarks.work import Figures, Load, Subject

PIECE = 1 << 20  # bytes
GIB = 1 << 30


def download(path: str) -> Load:
    """As many as fit the time, the last one cut off; what counts is the bytes."""

    def load(subject: Subject, seconds: float) -> Figures:
        before, began = cpu_seconds(subject.pid), time.monotonic()
        count = _read(subject.port, path, began + seconds)
        if not count:
            raise Failure(f"nothing of {path} came")
        cpu, took = cpu_seconds(subject.pid) - before, time.monotonic() - began
        return {"MiB/s": count / took / (1 << 20), "CPU ms/GiB": cpu / count * GIB * 1e3}

    return load


def _read(port: int, path: str, until: float) -> int:
    count = 0
    buffer = bytearray(PIECE)
    while time.monotonic() < until:
        with begin(port, path) as answer:
            count += len(answer.rest)
            left = answer.length - len(answer.rest)
            while left and time.monotonic() < until:
                # The kernel may throw the bytes away: the load shall not be what limits.
                got = answer.socket.recv_into(buffer, PIECE, socket.MSG_TRUNC)
                if not got:
                    raise Failure(f"{path} ended {left} bytes before its end")
                left -= got
                count += got
    return count
