"""A WebSocket of a client and one of an upstream become one, message by message."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyngx.core.ports import Closed
from pyngx.core.websocket import ABNORMAL, INTERNAL_ERROR, sendable

if TYPE_CHECKING:
    from pyngx.core.ports import WebSocketClient, WebSocketPeer

GOING_AWAY = 1001

FAREWELL_TIMEOUT = 1.0  # seconds a client is given when its bridge breaks down


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
