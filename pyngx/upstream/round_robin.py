"""Smooth weighted round robin (ngx_http_upstream_round_robin.c).

At each choice every usable peer gains its weight, and the winner pays the sum of all. Failures lower the effective
weight, and each choice wins back one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pyngx.upstream.peer import Peer


def choose_round_robin(peers: Sequence[Peer], tried: Collection[Peer], now: int) -> Peer | None:
    """The peer whose turn it is, or `None` if none is usable. A `Choose`."""
    best: Peer | None = None
    total = 0
    for peer in peers:
        # Asked for first, because it is what is asked most: whether nothing speaks against the peer.
        if (peer.is_limited or peer.fails) and not peer.is_available(now):
            continue
        if peer in tried:
            continue
        weight = peer.effective_weight
        peer.current_weight += weight
        total += weight
        if weight < peer.settings.weight:
            peer.effective_weight = weight + 1
        if best is None or peer.current_weight > best.current_weight:
            best = peer
    if best is not None:
        best.current_weight -= total
    return best
