"""A client's own peer, by its address (ngx_http_upstream_ip_hash_module.c).

Of IPv4 the first three bytes count, so that a network of 256 stays together, of IPv6 all sixteen.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from pyngx.upstream.group import Method
from pyngx.upstream.round_robin import choose_round_robin
from pyngx.upstream.shares import TRIES, Shares

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pyngx.core.exchange import Exchange
    from pyngx.upstream.group import Choose
    from pyngx.upstream.peer import Peer, PeerSettings

NO_ADDRESS = bytes(3)
START, FACTOR, MODULUS = 89, 113, 6271


def ip_hash_method(primaries: Sequence[PeerSettings]) -> Method:
    """Peers by the client's address."""
    shares = Shares(peer.weight for peer in primaries)

    def begin(exchange: Exchange) -> Choose:
        return AddressTurn(shares, hashed_part(exchange.connection.remote_addr)).choose

    return Method(begin=begin)


class AddressTurn:
    """What a client's request remembers between its tries."""

    __slots__ = ("_address", "_hash", "_shares", "_tries")

    def __init__(self, shares: Shares, address: bytes) -> None:
        self._shares = shares
        self._address = address
        self._hash = START
        self._tries = 0

    def choose(self, peers: Sequence[Peer], tried: Collection[Peer], now: int) -> Peer | None:
        """A `Choose`."""
        while self._tries <= TRIES:
            for byte in self._address:
                self._hash = (self._hash * FACTOR + byte) % MODULUS
            peer = peers[self._shares.at(self._hash)]
            if peer not in tried and peer.is_available(now):
                return peer
            self._tries += 1
        return choose_round_robin(peers, tried, now)


def hashed_part(address: str) -> bytes:
    """The bytes of a client's address that count; all clients of a unix socket are one."""
    try:
        if ":" in address:
            return socket.inet_pton(socket.AF_INET6, address)
        return socket.inet_pton(socket.AF_INET, address)[:3]
    except OSError:
        return NO_ADDRESS
