"""Any peer, the heavier the likelier, or the better one of two (ngx_http_upstream_random_module.c)."""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import TYPE_CHECKING

from pyngx.upstream.group import Method
from pyngx.upstream.round_robin import choose_round_robin
from pyngx.upstream.shares import TRIES, Shares

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pyngx.core.exchange import Exchange
    from pyngx.upstream.group import Choose
    from pyngx.upstream.peer import Peer, PeerSettings

Throw = Callable[[], float]
"""Gives a random number from 0 up to 1."""


def random_method(primaries: Sequence[PeerSettings], *, two: bool, throw: Throw = random) -> Method:
    """Peers by chance; of two, the one with fewer connections for its weight is taken."""
    shares = Shares(peer.weight for peer in primaries)

    def begin(_: Exchange) -> Choose:
        turn = RandomTurn(shares, throw)
        return turn.choose_of_two if two else turn.choose

    return Method(begin=begin)


class RandomTurn:
    """What a request remembers between its tries."""

    __slots__ = ("_shares", "_throw", "_tries")

    def __init__(self, shares: Shares, throw: Throw) -> None:
        self._shares = shares
        self._throw = throw
        self._tries = 0

    def choose(self, peers: Sequence[Peer], tried: Collection[Peer], now: int) -> Peer | None:
        """A `Choose`."""
        peer = self._find(peers, tried, now)
        return peer if peer is not None else choose_round_robin(peers, tried, now)

    def choose_of_two(self, peers: Sequence[Peer], tried: Collection[Peer], now: int) -> Peer | None:
        """A `Choose`."""
        first = self._find(peers, tried, now)
        second = self._find(peers, (*tried, first), now) if first is not None else None
        if first is None or second is None:
            return choose_round_robin(peers, tried, now)
        is_busier = second.connections * first.settings.weight > first.connections * second.settings.weight
        return first if is_busier else second

    def _find(self, peers: Sequence[Peer], tried: Collection[Peer | None], now: int) -> Peer | None:
        shares = self._shares
        while self._tries <= TRIES:
            peer = peers[shares.at(int(self._throw() * shares.total))]
            if peer not in tried and peer.is_available(now):
                return peer
            self._tries += 1
        return None
