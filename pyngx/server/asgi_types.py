"""The part of ASGI that pyngx speaks, as types (https://asgi.readthedocs.io/en/latest/specs/)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Required, TypedDict


class Scope(TypedDict, total=False):
    """What a host says of a connection or request; a host may leave out what is not required."""

    type: Required[str]
    http_version: str
    method: str
    scheme: str
    path: str
    raw_path: bytes | None
    query_string: bytes
    headers: Iterable[tuple[bytes, bytes]]
    client: tuple[str, int] | None
    server: tuple[str, int | None] | None
    extensions: Mapping[str, object] | None
    subprotocols: list[str]
    state: dict[str, object]


class Received(TypedDict, total=False):
    """A message from the host."""

    type: Required[str]
    body: bytes
    more_body: bool
    text: str | None
    bytes: bytes | None
    code: int | None
    reason: str | None


Sent = dict[str, object]
Receive = Callable[[], Awaitable[Received]]
Send = Callable[[Sent], Awaitable[None]]
Leave = Callable[[], None]
