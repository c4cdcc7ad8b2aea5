"""What a proxy adds to the delays of a stream of server-sent events."""

from __future__ import annotations

import re
import socket
import statistics
import time
from dataclasses import dataclass

from benchmarks.failure import Failure
from benchmarks.loads.http import ask, connect
from benchmarks.work import Figures, Subject

STAMP = re.compile(rb"data: (\d+)\n\n")
END = b"\r\n0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Delays:
    """Of one stream, in microseconds."""

    first: float  # from the request to the first bytes of the response
    later: tuple[float, ...]  # from the sending of each further event to its arrival


def events_added(subject: Subject, seconds: float) -> Figures:
    """Streams through the proxy and past it take turns, so that both meet the same machine."""
    through: list[Delays] = []
    past: list[Delays] = []
    until = time.monotonic() + seconds
    with connect(subject.port) as proxied, connect(subject.upstreams.events) as direct:
        _stream(proxied)  # opens the upstream connection that the others find open
        while not past or time.monotonic() < until:
            through.append(_stream(proxied))
            past.append(_stream(direct))
    return {
        "first byte added us": _median_first(through) - _median_first(past),
        "chunk delay added us": _median_later(through) - _median_later(past),
    }


def _stream(client: socket.socket) -> Delays:
    began = time.monotonic_ns()
    data = ask(client, "/events").rest
    first = time.monotonic_ns() - began
    data, later = STAMP.sub(b"", data), []
    while not data.endswith(END):
        got = client.recv(65536)
        now = time.monotonic_ns()
        if not got:
            raise Failure("the stream of events ended early")
        data += got
        later += [(now - int(stamp)) / 1e3 for stamp in STAMP.findall(data)]
        data = STAMP.sub(b"", data)
    return Delays(first / 1e3, tuple(later))


def _median_first(streams: list[Delays]) -> float:
    return statistics.median(stream.first for stream in streams)


def _median_later(streams: list[Delays]) -> float:
    return statistics.median(delay for stream in streams for delay in stream.later)
