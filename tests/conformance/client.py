"""A client that speaks bytes, and reads responses without mercy."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

PATIENCE = 5.0


@dataclass
class Answer:
    """One response."""

    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes = b""
    trailers: list[tuple[str, str]] | None = None

    def get(self, name: str) -> str | None:
        """A field's value, several joined; None if there is none."""
        values = [value for field, value in self.fields if field.lower() == name.lower()]
        return ", ".join(values) if values else None


class Broken(Exception):
    """A response that ended before its end."""


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def ask(self, request: bytes, *, method: str = "") -> Answer:
        """Send a request, and read its answer."""
        self.send(request)
        return await self.answer(method or request.partition(b" ")[0].decode())

    async def get(self, target: str = "/", *fields: str, method: str = "GET", version: str = "1.1") -> Answer:
        return await self.ask(request(target, *fields, method=method, version=version))

    async def head(self) -> Answer:
        """The next head, be it informational."""
        async with asyncio.timeout(PATIENCE):
            try:
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            except asyncio.IncompleteReadError as error:
                raise Broken(f"no head: {error.partial!r}") from None
        line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        version, status, reason = line.split(" ", 2)
        assert version == "HTTP/1.1"
        fields = [(name, value) for name, _, value in (each.partition(": ") for each in lines)]
        return Answer(int(status), reason, fields)

    async def answer(self, method: str = "GET") -> Answer:
        """The next response but informational ones; raises Broken."""
        found = await self.head()
        while 100 <= found.status < 200 and found.status != 101:
            found = await self.head()
        async with asyncio.timeout(PATIENCE):
            try:
                await self._body(found, method)
            except asyncio.IncompleteReadError as error:
                raise Broken("body") from error
        return found

    async def rest(self) -> bytes:
        """All that still comes, up to the end; a reset ends it, too."""
        data = b""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                while part := await self.reader.read(2**16):
                    data += part
        return data

    async def closed(self) -> bool:
        """Whether nothing more comes."""
        return await self.rest() == b""

    async def _body(self, found: Answer, method: str) -> None:
        length, coding = found.get("content-length"), found.get("transfer-encoding")
        assert length is None or coding is None
        if method == "HEAD" or found.status in {204, 304}:
            return
        if found.status == 101:
            return
        if coding is not None:
            assert coding == "chunked"
            await self._chunks(found)
        elif length is not None:
            found.body = await self.reader.readexactly(int(length))
        else:
            assert found.get("connection") == "close"
            found.body = await self.reader.read()

    async def _chunks(self, found: Answer) -> None:
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            found.body += await self.reader.readexactly(size)
            assert await self.reader.readexactly(2) == b"\r\n"
        found.trailers = []
        while (line := await self.reader.readuntil(b"\r\n")) != b"\r\n":
            name, _, value = line.decode("latin-1").strip().partition(": ")
            found.trailers.append((name, value))


def request(target: str = "/", *fields: str, method: str = "GET", version: str = "1.1", body: bytes = b"") -> bytes:
    lines = [f"{method} {target} HTTP/{version}", "Host: test", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
