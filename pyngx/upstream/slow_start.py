"""Servers that come back get their share little by little: `slow_start` of `server` (ngx_http_upstream_module).

Their weight grows from zero to what it is, in as many seconds as the server says, from when a health check passed again
or from the first choice after `fail_timeout`. Groups in which no server says so use the plain functions.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pyngx.upstream.peer import Peer

SHARES = 1000  # of a weight: whole numbers, so that turns stay exact


def choose_warming_round_robin(peers: Sequence[Peer], tried: Collection[Peer], now: int) -> Peer | None:
    """`choose_round_robin` by the weights of the moment. A `Choose`."""
    best: Peer | None = None
    total = 0
    moment = time.monotonic()
    for peer in peers:
        if peer in tried or not peer.is_available(now):
            continue
        weight = peer.effective_weight * warmth(peer, moment)
        peer.current_weight += weight
        total += weight
        if peer.effective_weight < peer.settings.weight:
            peer.effective_weight += 1
        if best is None or peer.current_weight > best.current_weight:
            best = peer
    if best is not None:
        best.current_weight -= total
    return best


def choose_warming_least_conn(peers: Sequence[Peer], tried: Collection[Peer], now: int) -> Peer | None:
    """`choose_least_conn` by the weights of the moment. A `Choose`."""
    moment = time.monotonic()
    least: list[Peer] = []
    connections, weight = 0, 1  # of the best so far
    for peer in peers:
        if peer in tried or not peer.is_available(now):
            continue
        # Who has no weight yet has the most connections for it, but for those that have none at all.
        own = max(1, peer.settings.weight * warmth(peer, moment))
        ours, theirs = peer.connections * weight, connections * own
        if not least or ours < theirs:
            least = [peer]
            connections, weight = peer.connections, own
        elif ours == theirs:
            least.append(peer)
    if len(least) < 2:
        return least[0] if least else None
    return choose_warming_round_robin(least, (), now)


def warmth(peer: Peer, moment: float) -> int:
    """How many of its SHARES an available peer has by now."""
    if peer.is_recovering:
        peer.is_recovering, peer.warm_since = False, moment
    if not peer.warm_since:
        return SHARES
    passed = moment - peer.warm_since
    if passed >= peer.settings.slow_start:
        peer.warm_since = 0.0
        return SHARES
    return int(SHARES * passed / peer.settings.slow_start)
