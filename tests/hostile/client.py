"""A client that says bytes, and reads all that comes back as strictly as it can be read."""

from __future__ import annotations

import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field

PATIENCE = 8.0  # seconds; a machine that runs many tests at once is slow
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-9]\d\d) [^\r\n\0]*")
FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([^\r\n\0]*)")


class Nonsense(Exception):
    """Bytes that are no response, or one whose end could be told in two ways."""


@dataclass
class Answer:
    """One response."""

    status: int
    fields: list[tuple[str, bytes]]
    body: bytes = b""
    whole: bool = True

    def all(self, name: str) -> list[bytes]:
        return [value for field, value in self.fields if field == name.lower()]


@dataclass
class Heard:
    """What came on one connection: `end` is "closed", "reset" or, if nothing came for too long, "open"."""

    answers: list[Answer] = field(default_factory=list)
    end: str = "open"
    raw: bytes = b""

    @property
    def statuses(self) -> list[int]:
        return [answer.status for answer in self.answers]

    @property
    def last(self) -> Answer:
        return self.answers[-1]


def talk(port: int, *parts: bytes | float, method: str = "GET", patience: float = PATIENCE) -> Heard:
    """Say the parts, with pauses in seconds between them, and listen up to the end of the connection."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        with suppress(OSError):  # answered and closed before all was said
            for part in parts:
                if isinstance(part, float):
                    time.sleep(part)
                else:
                    client.sendall(part)
        return listen(client, method, patience)


def listen(client: socket.socket, method: str = "GET", patience: float = PATIENCE) -> Heard:
    """All answers up to the end; `method` is that of the first request."""
    heard = Heard()
    client.settimeout(patience)
    deadline = time.monotonic() + patience
    try:
        while part := client.recv(65536):
            heard.raw += part
            if time.monotonic() > deadline:
                break
        else:
            heard.end = "closed"
    except ConnectionResetError:
        heard.end = "reset"
    except TimeoutError:
        pass
    heard.answers = read_answers(heard.raw, method) if method != "0.9" else []
    return heard


def read_answers(data: bytes, method: str = "GET") -> list[Answer]:
    """Responses one after the other; raises Nonsense."""
    answers = []
    while data:
        answer, data = _read_answer(data, method)
        answers.append(answer)
        if answer.status >= 200:
            method = "GET"
        if answer.status == 101:
            answer.body = data
            break
    return answers


def _read_answer(data: bytes, method: str) -> tuple[Answer, bytes]:
    head, end, rest = data.partition(b"\r\n\r\n")
    line, *lines = head.split(b"\r\n")
    status = STATUS_LINE.fullmatch(line)
    if status is None or not end:
        raise Nonsense(f"no head: {data[:80]!r}")
    answer = Answer(int(status[1]), [])
    for each in lines:
        match = FIELD.fullmatch(each)
        if match is None:
            raise Nonsense(f"no field: {each!r}")
        answer.fields.append((match[1].decode().lower(), match[2]))
    lengths, codings = answer.all("content-length"), answer.all("transfer-encoding")
    if len(lengths) + len(codings) > 1:
        raise Nonsense(f"two lengths: {head!r}")
    if answer.status < 200 and (lengths or codings):
        raise Nonsense(f"a body, where none can be: {head!r}")
    if method == "HEAD" or answer.status < 200 or answer.status in {204, 304}:
        return answer, rest
    if codings:
        if codings != [b"chunked"]:
            raise Nonsense(f"unknown coding: {codings}")
        return answer, _read_chunks(answer, rest)
    if lengths:
        length = int(lengths[0])
        answer.body, answer.whole = rest[:length], len(rest) >= length
        return answer, rest[length:]
    if answer.all("connection") != [b"close"]:
        raise Nonsense(f"no length: {head!r}")
    answer.body = rest
    return answer, b""


def _read_chunks(answer: Answer, data: bytes) -> bytes:
    while True:
        match = re.match(rb"([0-9a-f]+)\r\n", data)
        if match is None:
            if data and not re.fullmatch(rb"[0-9a-f]*\r?", data):
                raise Nonsense(f"no chunk: {data[:40]!r}")
            answer.whole = False
            return b""
        size, start = int(match[1], 16), match.end()
        if not size:
            trailers, end, rest = data[start - 2 :].partition(b"\r\n\r\n")
            if any(FIELD.fullmatch(line) is None for line in trailers[2:].split(b"\r\n") if line):
                raise Nonsense(f"no trailers: {trailers!r}")
            answer.whole = bool(end)
            return rest
        answer.body += data[start : start + size]
        data = data[start + size :]
        if data[:2] not in {b"\r\n", b"\r", b""}:
            raise Nonsense(f"no end of a chunk: {data[:40]!r}")
        data = data[2:]
