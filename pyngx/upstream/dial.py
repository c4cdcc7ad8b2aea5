"""Connecting to a peer, and the one place where the failures of that become `UpstreamError`s."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pyngx.core.ports import Failure, UpstreamError
from pyngx.upstream.tls import TlsFailed, open_link

if TYPE_CHECKING:
    from pyngx.core.ports import Request

P = TypeVar("P", bound=asyncio.Protocol)


def connection_key(request: Request) -> tuple[object, ...]:
    """What two requests must have in common to use the same connection."""
    tls, group, local = request.tls, request.keepalive.group, request.local_address
    if tls is None:
        return (request.address, group) if local is None else (request.address, group, local)
    key = (request.address, group, tls.context, tls.server_name, tls.verified_name)
    return key if local is None else (*key, local)


async def dial(request: Request, make: Callable[[], P]) -> P:
    """A new connection to the peer, with TLS if the request wants it; raises UpstreamError."""
    timeout = request.timeouts.connect
    try:
        async with asyncio.timeout(timeout):
            return await _connect(request, make)
    except TimeoutError as error:
        raise _failure(f"connecting to {request.address} timed out", timed_out=True) from error
    except TlsFailed as error:
        raise _failure(f"TLS handshake with {request.address} failed: {error}") from error
    except (OSError, ValueError, OverflowError) as error:  # a host that can't be a name, a port that is none
        raise _failure(f"connecting to {request.address} failed: {error}") from error


async def _connect(request: Request, make: Callable[[], P]) -> P:
    if request.tls is None:
        return await _open(request, make)
    done: asyncio.Future[P] = asyncio.get_running_loop().create_future()
    link = open_link(request, request.tls, make, done)
    await _open(request, lambda: link)
    try:
        return await done
    except BaseException:
        link.abort()
        raise


async def _open(request: Request, make: Callable[[], P]) -> P:
    loop = asyncio.get_running_loop()
    address, local = request.address, request.local_address
    if address.path:
        _, connection = await loop.create_unix_connection(make, address.path)
    else:
        local_address = (local.host, local.port) if local is not None else None
        _, connection = await loop.create_connection(make, address.host, address.port, local_addr=local_address)
    return connection


def _failure(message: str, *, timed_out: bool = False) -> UpstreamError:
    return UpstreamError(Failure.CONNECT, message, sent=False, timed_out=timed_out)
