"""A server that reads bodies slowly, and never answers: who measures leaves before the end.

`python -m benchmarks.upstreams.sink PORT`
"""

from __future__ import annotations

import asyncio
import sys

import uvloop

from benchmarks.servers import HOST

PIECE = 128 << 10  # bytes at a time
PAUSE = 0.01  # seconds between


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.read(PIECE):  # noqa: ASYNC110 -- it waits for time, not for an event
            await asyncio.sleep(PAUSE)
    except ConnectionError:
        pass
    finally:
        writer.close()


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_read, HOST, port, limit=PIECE)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
