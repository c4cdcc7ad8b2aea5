"""Requests as tests write them, and answers as they are compared."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

PATIENCE = 5.0  # seconds
MULTIPART = re.compile(rb"--\d{20}")
BOUNDARY = re.compile(r"\b\d{20}\b")
# What differs for good reasons: the time, and how the connection goes on.
IGNORED = frozenset({"date", "connection", "keep-alive", "transfer-encoding"})


@dataclass(frozen=True)
class Ask:
    """A request; `fields` are whole lines, and a Host of `localhost` is added to those that have none."""

    line: str
    fields: tuple[str, ...] = ()
    body: bytes = b""
    port: int = 0

    def __str__(self) -> str:
        return " | ".join([self.line, *self.fields, *([f"{len(self.body)} bytes"] if self.body else [])])

    @property
    def raw(self) -> bytes:
        line = self.line if self.line.endswith(("HTTP/1.0", "HTTP/1.1")) else f"{self.line} HTTP/1.1"
        lines = [line, *self.fields]
        names = {field.partition(":")[0].lower() for field in self.fields}
        if "host" not in names:
            lines.append("Host: localhost")
        if "connection" not in names:
            lines.append("Connection: close")
        if self.body and not names & {"content-length", "transfer-encoding"}:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self.body


def ask(line: str, *fields: str, body: bytes = b"", port: int = 0) -> Ask:
    """A request, short to write."""
    return Ask(line, fields, body, port)


def words(text: str) -> list[str]:
    """Short texts of a table."""
    return text.split()


def chunked(*parts: bytes) -> bytes:
    """A body in the chunked coding."""
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b"")) if parts else b"0\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    """A response: `whole` says whether it ended as its head promised."""

    status: str
    fields: list[tuple[str, str]]
    body: bytes
    whole: bool

    def get(self, name: str) -> list[str]:
        return [value for field, value in self.fields if field == name]


def send(port: int, raw: bytes, method: str, names: Mapping[str, str], patience: float = PATIENCE) -> Answer | None:
    """Ask, and read until the server closes; None if it sends nothing. `names` are put for what they stand for."""
    with socket.create_connection(("127.0.0.1", port), patience) as client:
        try:
            client.sendall(raw)
        except OSError:  # answered and closed before all was read
            pass
        data = b""
        try:
            while part := client.recv(65536):
                data += part
        except ConnectionResetError:
            pass
        except TimeoutError:
            data = b"HTTP/1.1 000 never ended\r\n\r\n" + data
    while data.startswith(b"HTTP/1.1 1") and not data.startswith(b"HTTP/1.1 101"):
        data = data.partition(b"\r\n\r\n")[2]
    return parse(data, method, names) if data else None


def parse(data: bytes, method: str, names: Mapping[str, str]) -> Answer:
    """A response taken apart."""
    head, _, body = data.partition(b"\r\n\r\n")
    text = head.decode("utf-8", "surrogateescape")
    for value, name in names.items():
        text = text.replace(value, name)
        body = body.replace(value.encode(), name.encode())
    line, *rest = text.split("\r\n")
    fields = [(name.lower(), BOUNDARY.sub("B", value)) for name, _, value in (entry.partition(": ") for entry in rest)]
    found = dict(fields)
    status = line.partition(" ")[2]
    body, whole = _unframed(body, status, found, method)
    if found.get("content-type", "").startswith("multipart/byteranges"):
        body = MULTIPART.sub(b"--B", body)
    return Answer(status, [field for field in fields if field[0] not in IGNORED], body, whole)


def _unframed(body: bytes, status: str, fields: Mapping[str, str], method: str) -> tuple[bytes, bool]:
    if method == "HEAD" or status[:3] in {"204", "304"}:
        return body, True
    if "transfer-encoding" in fields:
        plain = b""
        while body:
            size, _, body = body.partition(b"\r\n")
            if not int(size or b"0", 16):
                return plain, body == b"\r\n"
            plain += body[: int(size, 16)]
            body = body[int(size, 16) + 2 :]
        return plain, False
    length = fields.get("content-length")
    return body, length is None or int(length) == len(body)


def shown(answer: Answer | None) -> list[str]:
    """An answer as it is compared: without the reason, which uvicorn writes itself, and fields in any order."""
    if answer is None:
        return ["nothing"]
    fields = sorted(f"{name}: {value}" for name, value in answer.fields)
    return [answer.status[:3], *fields, repr(answer.body), "whole" if answer.whole else "broken off"]
