"""HTTP/1.0 knows no chunks: a response of unknown length ends with its connection (RFC 9112 6.1, 6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyngx.server.asgi_types import Send, Sent


class Framing(Protocol):
    """What uvicorn knows of a response's length."""

    chunked_encoding: bool | None
    expected_content_length: int
    keep_alive: bool


def end_by_closing(send: Send) -> Send:
    """The same `send`, for a client of HTTP/1.0.

    uvicorn sends chunks to every client. Its `send` is a method of who frames the response, and that can be told to
    count each part against a Content-Length of just this part instead.
    """
    owner = getattr(send, "__self__", None)
    if not hasattr(owner, "expected_content_length"):
        return send
    framing = cast("Framing", owner)
    unframed = False

    async def send_unframed(message: Sent) -> None:
        nonlocal unframed
        if message["type"] == "http.response.start":
            fields = cast("Iterable[tuple[bytes, bytes]]", message["headers"])
            unframed = all(name.lower() != b"content-length" for name, _ in fields)
            if unframed:
                framing.chunked_encoding = False
                framing.keep_alive = False
        elif unframed:
            framing.expected_content_length = len(cast("bytes", message.get("body", b"")))
        await send(message)

    return send_unframed
