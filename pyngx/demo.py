"""The demo application that the default configuration proxies to: plain ASGI, no framework, no state.

/http...  the request as JSON
/sse      a clock of server-sent events; ?interval= sets the seconds between two, ?count= ends it
/ws       a WebSocket echo
/         a page that explains
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import cast
from urllib.parse import parse_qs

Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Handler = Callable[[Message, Receive, Send], Awaitable[None]]

SHOWN = 64 * 1024  # bytes of a request's body that are shown; the rest is counted
SHORTEST = 0.01  # seconds between two events

PAGE = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>pyngx demo application</title>
<h1>pyngx demo application</h1>
<p>Python, called by <code>asgi_pass pyngx.demo:app;</code>. It answers at:
<ul>
<li><a href="/http/any/path?x=1"><code>/http...</code></a>: your request as JSON, whatever its method and body
<li><a href="/sse"><code>/sse</code></a>: a clock of server-sent events (<code>?interval=0.2&amp;count=10</code>)
<li><code>/ws</code>: a WebSocket that sends back what it gets
</ul>
"""


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Answer a request."""
    match scope["type"]:
        case "http":
            await _handler(str(scope["path"]))(scope, receive, send)
        case "websocket":
            await _websocket(scope, receive, send)
        case _:
            raise RuntimeError(f"no {scope['type']} here")


def _handler(path: str) -> Handler:
    if path == "/":
        return _index
    if path == "/http" or path.startswith("/http/"):
        return _show
    if path == "/sse":
        return _clock
    return _not_found


async def _index(_scope: Message, _receive: Receive, send: Send) -> None:
    await _respond(send, 200, b"text/html; charset=utf-8", PAGE)


async def _not_found(scope: Message, _receive: Receive, send: Send) -> None:
    await _respond(send, 404, b"application/json", _json({"error": "nothing here", "path": scope["path"]}))


async def _show(scope: Message, receive: Receive, send: Send) -> None:
    size, start, whole = await _read(receive)
    if not whole:  # the client has left
        return
    shown = {
        "method": scope["method"],
        "path": scope["path"],
        "query": cast("bytes", scope["query_string"]).decode("latin-1"),
        "http_version": scope["http_version"],
        "client": scope["client"],
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in _headers(scope)],
        "body": {"size": size, "text": start.decode("utf-8", "replace")},
    }
    await _respond(send, 200, b"application/json", _json(shown))


async def _read(receive: Receive) -> tuple[int, bytes, bool]:
    """The size of the request's body, its beginning, and whether it came whole; the rest is not kept."""
    size, start = 0, b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return size, start, False
        data = cast("bytes", message.get("body", b""))
        size += len(data)
        start += data[: SHOWN - len(start)]
        if not message.get("more_body"):
            return size, start, True


async def _clock(scope: Message, receive: Receive, send: Send) -> None:
    query = parse_qs(cast("bytes", scope["query_string"]).decode("latin-1"))
    try:
        interval = max(SHORTEST, float(query.get("interval", ["1"])[0]))
        ticks: Iterator[int] = (
            itertools.count(1) if "count" not in query else iter(range(1, int(query["count"][0]) + 1))
        )
    except ValueError:
        await _respond(send, 400, b"application/json", _json({"error": "interval and count are numbers"}))
        return
    ticking = asyncio.ensure_future(_tick(send, ticks, interval))
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({ticking, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ticking.cancel()
        leaving.cancel()
        await asyncio.gather(ticking, leaving, return_exceptions=True)


async def _tick(send: Send, ticks: Iterator[int], interval: float) -> None:
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for tick in ticks:
        data = _json({"tick": tick, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}).rstrip()
        await send({"type": "http.response.body", "body": b"id: %d\ndata: %s\n\n" % (tick, data), "more_body": True})
        await asyncio.sleep(interval)
    await send({"type": "http.response.body"})


async def _left(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _websocket(scope: Message, receive: Receive, send: Send) -> None:
    await receive()
    if scope["path"] != "/ws":
        await send({"type": "websocket.close"})
        return
    offered = cast("list[str]", scope["subprotocols"])
    await send({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


async def _respond(send: Send, status: int, media_type: bytes, body: bytes) -> None:
    headers = [(b"content-type", media_type), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _headers(scope: Message) -> list[tuple[bytes, bytes]]:
    return cast("list[tuple[bytes, bytes]]", scope["headers"])


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
