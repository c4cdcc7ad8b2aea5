"""A server of server-sent events, each of which says when it was sent.

`python -m benchmarks.upstreams.events PORT`
"""

from __future__ import annotations

import asyncio
import sys
import time

import uvloop

from benchmarks.servers import HOST

GAP = 0.005  # seconds between two events
EVENTS = 40  # of one stream
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


async def _stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(HEAD + _event())
            for _ in range(EVENTS - 1):
                await asyncio.sleep(GAP)
                writer.write(_event())
                await writer.drain()
            writer.write(b"0\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def _event() -> bytes:
    """The clock is the same for all processes of the machine."""
    text = b"data: %d\n\n" % time.monotonic_ns()
    return b"%x\r\n%s\r\n" % (len(text), text)


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_stream, HOST, port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
