"""An upstream that believes nothing: it reads requests by the letter of RFC 9112, and writes down what is wrong.

Targets below /lie/ are answered by the bytes that stand under their name in a table; all others by what was asked.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

LINE = re.compile(rb"([A-Z][A-Z_-]*) ([!-~\x80-\xff]+) HTTP/1\.([01])")
FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ((?:[^\x00\r\n \t](?:[^\x00\r\n]*[^\x00\r\n \t])?)?)")
CHUNK = re.compile(rb"([0-9a-f]{1,15})\r\n")
# Belong to one connection, or begin something that only the proxy may begin.
NEVER = frozenset({"keep-alive", "proxy-connection", "te", "expect", "http2-settings"})
RESET = struct.pack("ii", 1, 0)

Part = bytes | float


@dataclass(frozen=True)
class Lie:
    """What is sent: bytes, and seconds to wait between them; then the connection is closed, reset or left open."""

    parts: Sequence[Part]
    end: str = "close"


@dataclass
class Seen:
    """A request as it came."""

    line: str
    fields: list[tuple[str, str]]
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        return [value for field, value in self.fields if field == name.lower()]


@dataclass
class Upstream:
    """A server in a thread of its own."""

    lies: Mapping[str, Lie] = field(repr=False)
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    connections: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _ready: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Listen."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(5)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def forget(self) -> None:
        """Begin a new page."""
        self.seen, self.problems = [], []

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**20))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._answer_one(reader, writer):
                pass
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            seen = await self._read(reader)
        except asyncio.IncompleteReadError as error:
            if error.partial:
                self.problems.append(f"broke off: {error.partial[:80]!r}")
            return False
        self.seen.append(seen)
        method, target, _ = seen.line.split(" ")
        lie = self.lies.get(target.partition("?")[0].removeprefix("/lie/"))
        if lie is None:
            body = b"" if method == "HEAD" else f"{method} {target} {len(seen.body)}".encode("latin-1")
            writer.write(b"HTTP/1.1 200 OK\r\nX-Up: yes\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            return True
        return await self._lie(lie, writer)

    async def _lie(self, lie: Lie, writer: asyncio.StreamWriter) -> bool:
        data = b""
        for part in lie.parts:
            if isinstance(part, float):
                writer.write(data)
                data = b""
                await asyncio.sleep(part)
            else:
                data += part
        writer.write(data)
        if lie.end == "reset":
            await writer.drain()
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
        return lie.end == "open"

    async def _read(self, reader: asyncio.StreamReader) -> Seen:
        head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
        line, *lines = head.split(b"\r\n")
        if LINE.fullmatch(line) is None:
            self.problems.append(f"request line: {line!r}")
        seen = Seen(line.decode("latin-1"), [])
        for each in lines:
            match = FIELD.fullmatch(each)
            if match is None:
                self.problems.append(f"field: {each!r}")
            else:
                seen.fields.append((match[1].decode().lower(), match[2].decode("latin-1")))
        await self._read_body(seen, reader)
        return seen

    async def _read_body(self, seen: Seen, reader: asyncio.StreamReader) -> None:
        lengths, codings, hosts = seen.all("content-length"), seen.all("transfer-encoding"), seen.all("host")
        if len(lengths) + len(codings) > 1:
            self.problems.append(f"lengths: {lengths + codings}")
        if len(hosts) != 1:
            self.problems.append(f"hosts: {hosts}")
        if strange := [name for name, _ in seen.fields if name in NEVER]:
            self.problems.append(f"fields of one connection: {strange}")
        for option in ",".join(seen.all("connection")).split(","):
            if option.strip().lower() not in {"", "close", "keep-alive", "upgrade"}:
                self.problems.append(f"connection: {option}")
        if any("h2c" in value.lower() for value in seen.all("upgrade")):
            self.problems.append("h2c")
        if codings:
            seen.body = await self._read_chunks(codings, reader)
        elif lengths:
            if not re.fullmatch(r"0|[1-9]\d*", lengths[0]):
                self.problems.append(f"length: {lengths[0]!r}")
            seen.body = await reader.readexactly(int(lengths[0]))

    async def _read_chunks(self, codings: list[str], reader: asyncio.StreamReader) -> bytes:
        if codings != ["chunked"]:
            self.problems.append(f"coding: {codings}")
        body = b""
        while True:
            line = await reader.readuntil(b"\r\n")
            match = CHUNK.fullmatch(line)
            if match is None:
                self.problems.append(f"chunk: {line!r}")
                return body
            size = int(match[1], 16)
            data = await reader.readexactly(size + 2)
            body += data[:size]
            if data[size:] != b"\r\n":
                self.problems.append(f"end of a chunk: {data[size:]!r}")
            if not size:
                return body
