"""An upstream of a test's own: it writes down what it is sent, byte for byte, and answers as it is told.

A request says by `X-Reply` which reply it wants; else the door that it came through has one of its own. Without either
the answer shows the request.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 10.0  # seconds


@dataclass(frozen=True)
class Reply:
    """What is sent: bytes, and seconds to wait between them."""

    parts: Sequence[bytes | float]
    close: bool = False
    reads_body: bool = True
    dies_later: bool = False  # the next request on the same connection is closed on, unanswered

    @classmethod
    def of(cls, text: str, *fields: str, body: bytes = b"", close: bool = False) -> Reply:
        """A response with Content-Length."""
        lines = [f"HTTP/1.1 {text}", *fields, f"Content-Length: {len(body)}"]
        return cls(["\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body], close=close)

    @classmethod
    def raw(cls, *parts: bytes | float, close: bool = False) -> Reply:
        """Bytes as they are."""
        return cls(parts, close=close)


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    door: str
    head: bytes
    body: bytes  # without its framing

    @property
    def line(self) -> str:
        return self.head.split(b"\r\n")[0].decode("latin-1")

    @property
    def fields(self) -> list[tuple[str, str]]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines if line)]


@dataclass
class Backend:
    """A server with several doors: TCP ports, and unix sockets where the name begins with a slash."""

    replies: Mapping[str, Reply]
    received: list[Received] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)
    _sockets: list[socket.socket] = field(default_factory=list)

    def open(self, door: str) -> None:
        """Listen."""
        if door.startswith("/"):
            listener = socket.socket(socket.AF_UNIX)
            Path(door).unlink(missing_ok=True)
            listener.bind(door)
            listener.listen(64)
        else:
            listener = socket.create_server(("127.0.0.1", 0), backlog=64)
            self.ports[door] = listener.getsockname()[1]
        self._sockets.append(listener)
        threading.Thread(target=self._accept, args=(listener, door), daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        for listener in self._sockets:
            try:
                listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            listener.close()

    def take(self) -> list[Received]:
        """What came since the last time."""
        received, self.received = self.received, []
        return received

    def _accept(self, listener: socket.socket, door: str) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer, door), daemon=True).start()

    def _serve(self, peer: socket.socket, door: str) -> None:
        peer.settimeout(PATIENCE)
        try:
            with peer:
                while self._answer(peer, door):
                    pass
        except OSError:
            pass

    def _answer(self, peer: socket.socket, door: str) -> bool:
        reader = _Reader(peer)
        head = reader.until(b"\r\n\r\n")
        if not head:
            return False
        request = Received(door, head[:-4], b"")
        wanted = dict(request.fields).get("x-reply", door)
        reply = self.replies.get(wanted)
        body = reader.body(request) if reply is None or reply.reads_body else b""
        self.received.append(Received(door, request.head, body))
        if reply is None:
            reply = Reply.of("200 OK", "Content-Type: text/plain", body=_shown(self.received[-1]))
        for part in reply.parts:
            if isinstance(part, float):
                time.sleep(part)
            else:
                peer.sendall(part)
        if reply.dies_later:
            if not reader.until(b"\r\n\r\n"):
                return False
            self.received.append(Received(door, b"died", b""))
            return False
        options = dict(request.fields).get("connection", "")
        return not (reply.close or options == "close" or (" HTTP/1.0" in request.line and options != "keep-alive"))


def _shown(request: Received) -> bytes:
    names = ("connection", "content-length", "transfer-encoding")
    lines = [request.line.rpartition(" ")[0], *(f"{n}: {v}" for n, v in request.fields if n not in names)]
    return "\n".join(lines).encode("latin-1") + b"\n\n" + request.body


class _Reader:
    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer
        self._data = b""

    def until(self, mark: bytes) -> bytes:
        """Bytes up to a mark and with it; nothing if the peer closes before."""
        while mark not in self._data:
            data = self._peer.recv(65536)
            if not data:
                return b""
            self._data += data
        found, _, self._data = self._data.partition(mark)
        return found + mark

    def exactly(self, size: int) -> bytes:
        while len(self._data) < size:
            data = self._peer.recv(65536)
            if not data:
                break
            self._data += data
        found, self._data = self._data[:size], self._data[size:]
        return found

    def body(self, request: Received) -> bytes:
        fields = dict(request.fields)
        if "chunked" in fields.get("transfer-encoding", ""):
            body = b""
            while size := int(self.until(b"\r\n") or b"0", 16):
                body += self.exactly(size)
                self.exactly(2)
            self.until(b"\r\n")
            return body
        return self.exactly(int(fields.get("content-length", "0")))
