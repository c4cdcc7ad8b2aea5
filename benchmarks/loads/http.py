"""A client for one request, by blocking sockets: what wrk can't do."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.failure import Failure
from benchmarks.servers import HOST

PATIENCE = 10.0  # seconds
REQUEST = "{method} {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: benchmark\r\n{fields}\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of a response, and what came of the body with it."""

    socket: socket.socket
    head: bytes
    rest: bytes

    @property
    def length(self) -> int:
        """Bytes that the body has."""
        found = LENGTH.search(self.head)
        if found is None:
            raise Failure(f"no length: {self.head!r}")
        return int(found[1])


@contextmanager
def begin(port: int, path: str) -> Iterator[Answer]:
    """Send a GET on a connection of its own and read the head."""
    with connect(port) as client:
        yield ask(client, path)


def connect(port: int, receive_buffer: int = 0, patience: float = PATIENCE) -> socket.socket:
    """A connection that sends small pieces at once; the kernel's own choice of buffer if it is 0."""
    client = socket.socket()
    client.settimeout(patience)
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.connect((HOST, port))
    return client


def write_head(method: str, path: str, fields: str = "") -> bytes:
    """A request's head; fields end with CRLF."""
    return REQUEST.format(method=method, path=path, fields=fields).encode()


def ask(client: socket.socket, path: str, fields: str = "", wanted: int = 200) -> Answer:
    """Send a GET and read the head; raises Failure where the status is another."""
    client.sendall(write_head("GET", path, fields))
    data = b""
    while b"\r\n\r\n" not in data:
        got = client.recv(65536)
        if not got:
            raise Failure(f"no answer for {path}: {data!r}")
        data += got
    head, _, rest = data.partition(b"\r\n\r\n")
    if head.split(b" ")[1] != b"%d" % wanted:
        raise Failure(f"{path} answered {head.splitlines()[0].decode()}")
    return Answer(client, head, rest)


def ask_whole(client: socket.socket, path: str) -> None:
    """Send a GET and read the response to its end."""
    answer = ask(client, path)
    left = answer.length - len(answer.rest)
    while left:
        got = client.recv(left)
        if not got:
            raise Failure(f"{path} ended early")
        left -= len(got)
