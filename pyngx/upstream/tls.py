"""TLS to an upstream: the handshake, what is checked after it, and sessions for the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from OpenSSL import SSL

from pyngx.core import openssl
from pyngx.core.tls import TlsLink
from pyngx.http.codec import wire

if TYPE_CHECKING:
    from pyngx.core.ports import Request, Tls

P = TypeVar("P", bound=asyncio.Protocol)
MOST_SESSIONS = 1000  # of one setting; names may come from variables
WRONG_NAME = 62  # X509_V_ERR_HOSTNAME_MISMATCH


class TlsFailed(Exception):
    """A handshake that failed, or a peer that isn't who it should be."""


def open_link(request: Request, tls: Tls, make: Callable[[], P], done: asyncio.Future[P]) -> TlsLink:
    """A link whose protocol is made after the handshake; `done` is given it, or TlsFailed. Raises TlsFailed."""
    key = (tls.context, request.address, request.keepalive.group, tls.server_name, tls.verified_name)
    connection = _prepared(tls)
    if tls.sessions is not None and (session := tls.sessions.get(key)) is not None:
        connection.set_session(session)

    def opened(link: TlsLink) -> None:
        if tls.verified_name is not None and (why := _objection(connection, tls.verified_name)):
            failed(why)
            link.abort()
            return
        if tls.sessions is not None:
            link.heard = keep_session
        protocol = make()
        link.set_protocol(protocol)
        protocol.connection_made(link)
        if not done.done():
            done.set_result(protocol)

    def failed(why: str) -> None:
        if not done.done():
            done.set_exception(TlsFailed(why))

    def keep_session() -> None:
        """TLS 1.3 sends sessions after the handshake, before it has anything else to say."""
        sessions, session = tls.sessions, connection.get_session()
        if sessions is None or session is None:
            return
        sessions.pop(key, None)
        if len(sessions) >= MOST_SESSIONS:
            del sessions[next(iter(sessions))]
        sessions[key] = session

    return TlsLink(connection, opened, failed)


def _prepared(tls: Tls) -> SSL.Connection:
    connection = SSL.Connection(tls.context, None)
    connection.set_connect_state()
    try:
        if tls.server_name:
            connection.set_tlsext_host_name(wire(tls.server_name))
        if tls.verified_name is not None:
            if not tls.verified_name:  # OpenSSL would check nothing then
                raise TlsFailed("there is no name that the certificate could be checked for")
            openssl.expect_host(connection, wire(tls.verified_name))
    except (TypeError, openssl.OpenSslError) as error:
        raise TlsFailed(f"the name can't be used: {error}") from None
    return connection


def _objection(connection: SSL.Connection, name: str) -> str:
    result = openssl.verify_result(connection)
    if result == openssl.OK:
        return ""
    if result == WRONG_NAME:
        return f'upstream SSL certificate does not match "{name}"'
    return f"upstream SSL certificate verify error: ({result}:{openssl.verify_error(result)})"
