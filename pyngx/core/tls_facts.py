"""What is known of a TLS connection: what the client offered, what was agreed, and who answers for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pyngx.core import openssl

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from OpenSSL import SSL

    from pyngx.core.exchange import Exchange
    from pyngx.core.generation import Server


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client offers (RFC 8446 4.1.2): codes of two bytes each, in its order."""

    server_name: str = ""  # as it was sent
    ciphers: tuple[bytes, ...] = ()
    groups: tuple[bytes, ...] = ()
    signatures: tuple[bytes, ...] = ()


class ServerTls(Protocol):
    """How a virtual server speaks TLS."""

    @property
    def rejects(self) -> bool:
        """Whether handshakes fail, by an alert."""

    @property
    def record(self) -> int:
        """Bytes of content in one record."""

    @property
    def certified(self) -> bool:
        """Whether it has a certificate of its own."""

    def context(self, exchange: Exchange) -> SSL.Context:
        """What a connection is made by, the exchange being the handshake; raises TlsRefused."""


class TlsRefused(Exception):
    """A handshake that fails by no fault of the client; the message is for the log."""


@dataclass(slots=True)
class TlsFacts:
    """One connection's; what depends on the handshake is asked when it is wanted."""

    connection: SSL.Connection | None = None  # None before the handshake
    hello: ClientHello = field(default_factory=ClientHello)
    name: str = ""  # the server name, normalised, where a virtual server bears it
    server: Server | None = None  # that server
    verify_result: int = openssl.OK  # of the client's certificate
    _certificate: Certificate | None = None
    _asked: bool = False

    @property
    def certificate(self) -> Certificate | None:
        """The client's, if it showed one."""
        if not self._asked and self.connection is not None:
            self._certificate = self.connection.get_peer_certificate(as_cryptography=True)
            self._asked = True
        return self._certificate
