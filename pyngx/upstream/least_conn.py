"""The peer with the fewest connections for its weight (ngx_http_upstream_least_conn_module.c).

Those that have equally few take turns, as in round robin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.upstream.group import Method
from pyngx.upstream.round_robin import choose_round_robin
from pyngx.upstream.slow_start import choose_warming_least_conn

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pyngx.upstream.peer import Peer


def choose_least_conn(peers: Sequence[Peer], tried: Collection[Peer], now: int) -> Peer | None:
    """The peer with the fewest connections, or `None` if none is usable. A `Choose`."""
    least: list[Peer] = []
    connections, weight = 0, 1  # of the best so far
    for peer in peers:
        if peer in tried or not peer.is_available(now):
            continue
        ours, theirs = peer.connections * weight, connections * peer.settings.weight
        if not least or ours < theirs:
            least = [peer]
            connections, weight = peer.connections, peer.settings.weight
        elif ours == theirs:
            least.append(peer)
    if len(least) < 2:  # nobody's turn comes nearer by that
        return least[0] if least else None
    return choose_round_robin(least, (), now)


LEAST_CONN = Method(choose_least_conn, choose_warming=choose_warming_least_conn)
