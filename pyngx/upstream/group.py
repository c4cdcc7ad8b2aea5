"""An upstream: its peers, which of them is asked next, and what becomes of the ones that fail.

Backup peers are asked only when no other can be. A group with a single peer always asks it, whatever its failures:
there is nothing better to do. The accounting is nginx's (ngx_http_upstream_round_robin.c), in whole seconds as there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.upstream.peer import Peer
from pyngx.upstream.round_robin import choose_round_robin
from pyngx.upstream.slow_start import choose_warming_round_robin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyngx.core.exchange import Exchange
    from pyngx.upstream.peer import PeerSettings
    from pyngx.upstream.queue import Queue, Served, Waiter

Choose = Callable[[Sequence[Peer], Collection[Peer], int], Peer | None]
"""Gives an available one of some peers that is not among those tried, at a time in whole seconds; None for none."""


@dataclass(frozen=True, slots=True)
class Method:
    """How a group's peers are chosen.

    Where a request has to remember something between its tries (what it hashed, how often it looked), `begin` makes it
    a `Choose` of its own, for the primaries only: backups then take turns, as nginx has it.
    """

    choose: Choose = choose_round_robin
    begin: Callable[[Exchange], Choose] | None = None
    choose_warming: Choose = choose_warming_round_robin  # instead of `choose`, where a server has `slow_start`


ROUND_ROBIN = Method()


class Group:
    """The peers of one upstream. Each peer that `select` gives must come back by `succeeded` or `failed`, once."""

    __slots__ = ("_choose", "_single", "backups", "begin", "name", "primaries", "queue", "tries")

    def __init__(
        self, name: str, servers: Iterable[PeerSettings], method: Method = ROUND_ROBIN, queue: Queue | None = None
    ) -> None:
        peers = [Peer(settings) for settings in servers]
        self.name = name
        self.primaries = tuple(peer for peer in peers if not peer.settings.backup)
        self.backups = tuple(peer for peer in peers if peer.settings.backup)
        if not self.primaries:
            raise ValueError(f'upstream "{name}" must have a server that is no backup')
        self._single = len(peers) == 1
        self._choose = method.choose
        if any(peer.settings.slow_start for peer in peers):
            self._choose = method.choose_warming
        self.begin = None if self._single else method.begin  # what each request is to begin with
        self.queue = queue  # where requests wait for a peer; None: they don't
        self.tries = sum(not peer.settings.down for peer in peers)  # how many peers one request may try at most

    def __repr__(self) -> str:
        return f"<Group {self.name} {list(self.peers)}>"

    @property
    def peers(self) -> tuple[Peer, ...]:
        """All peers, backups last."""
        return self.primaries + self.backups

    def select(self, tried: set[Peer], now: float, choose: Choose | None = None) -> Peer | None:
        """The peer to try next, counted as connected and, unless it is the only one, as tried; `None`: no live ones.

        `choose` is what the request got from `begin`, if the group has it. Once a request has come to the backups it
        stays with them.
        """
        if self._single:
            peer = self.primaries[0]
            if not peer.has_room():
                return None
            peer.connections += 1
            return peer
        second = int(now)
        found = None
        if not tried or not any(peer.settings.backup for peer in tried):
            found = (choose or self._choose)(self.primaries, tried, second)
        if found is None and self.backups:
            found = self._choose(self.backups, tried, second)
        if found is not None:
            tried.add(found)
            if second - found.checked > found.settings.fail_timeout:
                found.checked = second
            found.connections += 1
        return found

    def succeeded(self, peer: Peer) -> None:
        """Count the end of a request that the peer answered."""
        peer.connections -= 1
        if self._single or peer.accessed < peer.checked:
            peer.fails = 0
        if self.queue is not None:
            self.queue.freed()

    def failed(self, peer: Peer, now: float) -> bool:
        """Count a failure of the peer; true if it is disabled for its `fail_timeout` by now."""
        is_disabled = self._count_failure(peer, now)
        if self.queue is not None:
            self.queue.freed()
        return is_disabled

    def release(self, peer: Peer) -> None:
        """Give a peer back that wasn't asked after all."""
        peer.connections -= 1
        self.peer_freed()

    def peer_freed(self) -> None:
        """A peer may be had again: who waits is to know."""
        if self.queue is not None:
            self.queue.freed()

    def wait(self, tried: set[Peer], choose: Choose | None, served: Served) -> Waiter | None:
        """Wait for a peer, where `select` had none; None where that makes no sense, or too many wait."""
        if self.queue is None or any(peer.settings.backup for peer in tried):
            return None
        if not any(peer not in tried and not peer.settings.down for peer in self.peers):
            return None
        return self.queue.join(self, tried, choose, served)

    def _count_failure(self, peer: Peer, now: float) -> bool:
        peer.connections -= 1
        if self._single:
            peer.fails = 0
            return False
        settings = peer.settings
        peer.fails += 1
        peer.accessed = peer.checked = int(now)
        if not settings.max_fails:
            return False
        peer.effective_weight = max(0, peer.effective_weight - settings.weight // settings.max_fails)
        if peer.fails < settings.max_fails:
            return False
        peer.is_recovering = bool(settings.slow_start)
        return True

    def adopt(self, old: Group) -> None:
        """Take over the peers of a former generation whose settings are equal, with all their state.

        The objects themselves are taken, because requests in flight still count on them.
        """
        kept: dict[PeerSettings, list[Peer]] = {}
        for peer in old.peers:
            kept.setdefault(peer.settings, []).append(peer)
        if Counter(peer.settings for peer in old.peers) != Counter(peer.settings for peer in self.peers):
            for peer in old.peers:
                peer.current_weight = 0  # turns that are owed mean something in the same company only
        if self.queue is not None and old.queue is not None:
            self.queue.adopt(old.queue)
        self.primaries = _replace(self.primaries, kept)
        self.backups = _replace(self.backups, kept)


def _replace(peers: Sequence[Peer], kept: dict[PeerSettings, list[Peer]]) -> tuple[Peer, ...]:
    return tuple(kept[peer.settings].pop(0) if kept.get(peer.settings) else peer for peer in peers)
