"""WebSocket echoes: each connection sends its next message when the last one is back."""

from __future__ import annotations

import base64
import os
import select
import socket
import statistics
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.failure import Failure
from benchmarks.loads.http import ask, connect
from benchmarks.measure import cpu_seconds
from benchmarks.work import Figures, Load, Subject

SIZE = 64  # bytes of a message
MESSAGE = bytes((0x82, 0x80 | SIZE)) + bytes(4) + b"m" * SIZE
"""A binary message, masked with zeros: RFC 6455 wants a mask, and this one costs the load nothing."""

REPLY_SIZE = 2 + SIZE
UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
PATIENCE = 5.0  # seconds without any message


@dataclass(slots=True)
class Talk:
    """A connection: when its message was sent, how much of the reply is missing, and all round trips so far."""

    socket: socket.socket
    sent: float = 0.0
    missing: int = 0
    trips: list[float] = field(default_factory=list)

    def send(self) -> None:
        """The next message."""
        self.sent, self.missing = time.perf_counter(), REPLY_SIZE
        self.socket.send(MESSAGE)

    def read(self) -> None:
        """What came of the reply; when it is whole, the next message."""
        got = len(self.socket.recv(self.missing))
        if not got:
            raise Failure("a WebSocket was closed")
        self.missing -= got
        if not self.missing:
            self.trips.append(time.perf_counter() - self.sent)
            self.send()


def open_websocket(port: int) -> socket.socket:
    """Connect and shake hands."""
    client = connect(port)
    key = base64.b64encode(os.urandom(16)).decode()
    answer = ask(client, "/ws", UPGRADE.format(key=key), 101)
    if answer.rest:
        raise Failure("a message came before one was sent")
    return client


def echo(connections: int) -> Load:
    """Messages on some connections at once."""

    def load(subject: Subject, seconds: float) -> Figures:
        with ExitStack() as stack:
            opened = [stack.enter_context(open_websocket(subject.port)) for _ in range(connections)]
            before, began = cpu_seconds(subject.pid), time.monotonic()
            trips = sorted(_talk({one.fileno(): Talk(one) for one in opened}, seconds))
            cpu, took = cpu_seconds(subject.pid) - before, time.monotonic() - began
        if not trips:
            raise Failure("no message came back")
        return {
            "messages/s": len(trips) / took,
            "CPU us/message": cpu / len(trips) * 1e6,
            "round trip us": statistics.median(trips) * 1e6,
            "round trip us, 99 %": trips[len(trips) * 99 // 100] * 1e6,
        }

    return load


def _talk(talks: Mapping[int, Talk], seconds: float) -> list[float]:
    with select.epoll() as poll:
        for number, talk in talks.items():
            talk.socket.setblocking(False)
            poll.register(number, select.EPOLLIN)
            talk.send()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            ready = poll.poll(PATIENCE)
            if not ready:
                raise Failure("no WebSocket answers")
            for number, _ in ready:
                talks[number].read()
    return [trip for talk in talks.values() for trip in talk.trips]
