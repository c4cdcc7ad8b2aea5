"""Connecting to a peer, and the one place where the failures of that become `UpstreamError`s."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pyngx.core.ports import Failure, UpstreamError

if TYPE_CHECKING:
    from pyngx.core.ports import Request

P = TypeVar("P", bound=asyncio.Protocol)


def connection_key(request: Request) -> tuple[object, ...]:
    """What two requests must have in common to use the same connection."""
    tls, group, local = request.tls, request.keepalive.group, request.local_address
    key = (request.address, group) if tls is None else (request.address, group, tls.key, tls.server_name)
    return key if local is None else (*key, local)


async def dial(request: Request, make: Callable[[], P]) -> P:
    """A new connection to the peer, with TLS if the request wants it; raises UpstreamError."""
    timeout = request.timeouts.connect
    try:
        async with asyncio.timeout(timeout):
            return await _connect(request, make)
    except TimeoutError as error:
        raise _failure(f"connecting to {request.address} timed out", timed_out=True) from error
    except ssl.SSLError as error:
        raise _failure(f"TLS handshake with {request.address} failed: {error}") from error
    except (OSError, ValueError, OverflowError) as error:  # a host that can't be a name, a port that is none
        raise _failure(f"connecting to {request.address} failed: {error}") from error


async def _connect(request: Request, make: Callable[[], P]) -> P:
    loop = asyncio.get_running_loop()
    address, tls = request.address, request.tls
    context = tls.context if tls is not None else None
    # An empty name is asyncio's way to say: no SNI.
    name = (tls.server_name or "") if tls is not None else None
    if address.path:
        _, connection = await loop.create_unix_connection(make, address.path, ssl=context, server_hostname=name)
    else:
        local = request.local_address
        _, connection = await loop.create_connection(
            make,
            address.host,
            address.port,
            ssl=context,
            server_hostname=name,
            local_addr=(local.host, local.port) if local is not None else None,
        )
    return connection


def _failure(message: str, *, timed_out: bool = False) -> UpstreamError:
    return UpstreamError(Failure.CONNECT, message, sent=False, timed_out=timed_out)
