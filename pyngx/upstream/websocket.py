"""A WebSocket of a client and one of an upstream become one, message by message."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyngx.core.ports import Closed

if TYPE_CHECKING:
    from pyngx.core.ports import WebSocketClient, WebSocketPeer

GOING_AWAY = 1001
NO_CODE = 1005
ABNORMAL = 1006
INTERNAL_ERROR = 1011

FAREWELL_TIMEOUT = 1.0  # seconds a client is given when its bridge breaks down
REASON_LIMIT = 123  # bytes (RFC 6455 5.5)

_PROTOCOL_CODES = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})


@dataclass(slots=True)
class Traffic:
    """What went one way: text is counted in UTF-8."""

    messages: int = 0
    size: int = 0


@dataclass(slots=True)
class Bridged:
    """What a bridge has carried, and who ended it how; `closed` is as that side said it."""

    from_client: Traffic = field(default_factory=Traffic)
    from_upstream: Traffic = field(default_factory=Traffic)
    closed: Closed = field(default_factory=Closed)
    closed_by_upstream: bool = False


async def bridge(client: WebSocketClient, peer: WebSocketPeer) -> Bridged:
    """Carry messages both ways until one side closes, then close the other in the same way.

    Each way takes a message only when the last one is sent, so neither side outruns the other. When it is cancelled, or
    one side raises, both are closed: the client politely, the upstream at once.
    """
    bridged = Bridged()
    try:
        await _carry_both(client, peer, bridged)
        await (client if bridged.closed_by_upstream else peer).close(sendable(bridged.closed))
    except BaseException as error:
        await peer.close(Closed(ABNORMAL))
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(FAREWELL_TIMEOUT):
                await client.close(Closed(GOING_AWAY if isinstance(error, asyncio.CancelledError) else INTERNAL_ERROR))
        raise
    return bridged


def sendable(closed: Closed) -> Closed:
    """The same, as far as it can be said (RFC 6455 7.4): 1005 by a Close without a code, 1006 by no Close at all."""
    code = closed.code
    if code in (NO_CODE, ABNORMAL):
        return closed
    if code not in _PROTOCOL_CODES and not 3000 <= code < 5000:
        return Closed(INTERNAL_ERROR)
    return Closed(code, closed.reason.encode()[:REASON_LIMIT].decode(errors="ignore"))


async def _carry_both(client: WebSocketClient, peer: WebSocketPeer, bridged: Bridged) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            up = group.create_task(_carry(client.receive, peer.send, bridged.from_client), name="websocket up")
            down = group.create_task(_carry(peer.receive, client.send, bridged.from_upstream), name="websocket down")
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            up.cancel()
            down.cancel()
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    bridged.closed_by_upstream = down.done() and not down.cancelled()
    bridged.closed = (down if bridged.closed_by_upstream else up).result()


async def _carry(
    receive: Callable[[], Awaitable[str | bytes | Closed]],
    send: Callable[[str | bytes], Awaitable[None]],
    traffic: Traffic,
) -> Closed:
    while not isinstance(message := await receive(), Closed):
        traffic.messages += 1
        traffic.size += len(message) if isinstance(message, bytes) or message.isascii() else len(message.encode())
        await send(message)
        del message  # or a large one would be kept for as long as nothing comes after it
    return message
