"""A WebSocket echo server for short messages, as cheap as Python can: sockets and epoll, nothing else.

`python -m benchmarks.upstreams.echo PORT`
"""

from __future__ import annotations

import base64
import hashlib
import re
import select
import socket
import sys

from benchmarks.servers import HOST

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
CLOSE = 8
NO_MASK = b"\0\0\0\0"
KEY = re.compile(rb"\r\nsec-websocket-key:[ \t]*([^\r]*)", re.IGNORECASE)
LONGEST = 125  # bytes of a message whose length fits the first length byte

SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
)


class Client:
    """One connection: what has come of it and isn't answered yet."""

    __slots__ = ("open", "rest", "socket")

    def __init__(self, client: socket.socket) -> None:
        self.socket = client
        self.rest = b""
        self.open = False  # the handshake is done

    def answer(self) -> bool:
        """Read and answer what is there; False when the connection is over."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if not data:
            return False
        self.rest += data
        if not self.open:
            self._shake_hands()
        return not self.open or self._echo()

    def _shake_hands(self) -> None:
        head, end, rest = self.rest.partition(b"\r\n\r\n")
        if end and (key := KEY.search(head)):
            accept = base64.b64encode(hashlib.sha1(key[1].strip() + GUID, usedforsecurity=False).digest())
            self.socket.send(SWITCHING % accept)
            self.rest, self.open = rest, True

    def _echo(self) -> bool:
        data, replies = self.rest, b""
        while len(data) >= 6 and len(data) >= (size := 6 + (data[1] & 127)):
            if data[0] & 15 == CLOSE or size > 6 + LONGEST:
                return False
            replies += data[:1] + bytes((size - 6,)) + unmask(data[2:6], data[6:size])
            data = data[size:]
        self.rest = data
        if replies:
            self.socket.send(replies)
        return True


def unmask(mask: bytes, payload: bytes) -> bytes:
    """RFC 6455 5.3; a mask of zeros, which our own client sends, costs nothing."""
    if mask == NO_MASK:
        return payload
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(size)


def serve(port: int) -> None:
    """Until the process is ended."""
    listener = socket.create_server((HOST, port), backlog=4096)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    clients: dict[int, Client] = {}
    while True:
        for number, _ in poll.poll():
            if number == listener.fileno():
                accepted, _ = listener.accept()
                accepted.setblocking(False)
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                poll.register(accepted, select.EPOLLIN)
                clients[accepted.fileno()] = Client(accepted)
            elif not clients[number].answer():
                poll.unregister(number)
                clients.pop(number).socket.close()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
