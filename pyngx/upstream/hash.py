"""A key's own peer (ngx_http_upstream_hash_module.c): by the remainder of its hash, or by a ring of points.

The first is compatible with Cache::Memcached; adding a peer moves most keys. The ring (`consistent`, ketama) is that
of Cache::Memcached::Fast: adding a peer moves only the keys that it gets.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import TYPE_CHECKING
from zlib import crc32

from pyngx.upstream.group import Method
from pyngx.upstream.round_robin import choose_round_robin
from pyngx.upstream.shares import TRIES, Shares

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from pyngx.core.exchange import Exchange
    from pyngx.upstream.group import Choose
    from pyngx.upstream.peer import Peer, PeerSettings

POINTS = 160  # on the ring, for each unit of weight

KeyOf = Callable[["Exchange"], bytes]


def hash_method(primaries: Sequence[PeerSettings], key_of: KeyOf) -> Method:
    """Peers by the remainder of a key's hash."""
    shares = Shares(peer.weight for peer in primaries)

    def begin(exchange: Exchange) -> Choose:
        return HashTurn(shares, key_of(exchange)).choose

    return Method(begin=begin)


def consistent_method(primaries: Sequence[PeerSettings], key_of: KeyOf) -> Method:
    """Peers by the next point of the ring."""
    ring = Ring((peer.name, peer.weight) for peer in primaries)

    def begin(exchange: Exchange) -> Choose:
        return RingTurn(ring, key_of(exchange)).choose

    return Method(begin=begin)


class HashTurn:
    """What a request with a key remembers between its tries. Without a key peers take turns."""

    __slots__ = ("_hash", "_key", "_rehashes", "_shares", "_tries")

    def __init__(self, shares: Shares, key: bytes) -> None:
        self._shares = shares
        self._key = key
        self._hash = 0
        self._rehashes = 0
        self._tries = 0

    def choose(self, peers: Sequence[Peer], tried: Collection[Peer], now: int) -> Peer | None:
        """A `Choose`."""
        while self._tries <= TRIES and self._key:
            before = b"%d" % self._rehashes if self._rehashes else b""
            self._rehashes += 1
            self._hash += crc32(before + self._key) >> 16 & 0x7FFF
            peer = peers[self._shares.at(self._hash)]
            if peer not in tried and peer.is_available(now):
                return peer
            self._tries += 1
        return choose_round_robin(peers, tried, now)


class Ring:
    """Points, each of which belongs to a server; what a server is called, and nothing else, says where its points are.

    A name that stands for several addresses has its points once, and its addresses take turns.
    """

    __slots__ = ("_members", "_owners", "_points", "size")

    def __init__(self, servers: Iterable[tuple[str, int]]) -> None:
        owners: dict[int, str] = {}
        self._members: dict[str, list[int]] = {}
        for index, (name, weight) in enumerate(servers):
            self._members.setdefault(name, []).append(index)
            for point in _points_of(name, weight * POINTS):
                owners.setdefault(point, name)
        self._points = sorted(owners)
        self._owners = [owners[point] for point in self._points]
        self.size = len(self._points)

    def __repr__(self) -> str:
        return f"<Ring {', '.join(self._members)}: {self.size} points>"

    def find(self, key: bytes) -> int:
        """The number of the first point that isn't before the key's hash."""
        return bisect_left(self._points, crc32(key))

    def members_at(self, point: int) -> list[int]:
        """The indexes of those whose point has that number, any number of times around."""
        return self._members[self._owners[point % self.size]]


class RingTurn:
    """What a request with a key remembers between its tries. Without a key peers take turns."""

    __slots__ = ("_has_key", "_point", "_ring", "_tries")

    def __init__(self, ring: Ring, key: bytes) -> None:
        self._ring = ring
        self._has_key = bool(key)
        self._point = ring.find(key)
        self._tries = 0

    def choose(self, peers: Sequence[Peer], tried: Collection[Peer], now: int) -> Peer | None:
        """A `Choose`."""
        while self._tries <= TRIES and self._has_key:
            members = [peers[index] for index in self._ring.members_at(self._point)]
            peer = choose_round_robin(members, tried, now)
            if peer is not None:
                return peer
            self._point += 1
            self._tries += 1
        return choose_round_robin(peers, tried, now)


def _points_of(name: str, count: int) -> Iterable[int]:
    """Hashes of HOST NUL PORT and the hash before, which is 0 at first, in four bytes of which the lowest comes first.

    A path has no port, and the port counts only if it is written.
    """
    written = name.encode("utf-8", "surrogateescape")
    host, colon, port = written.rpartition(b":")
    if written[:5].lower() == b"unix:":
        base = crc32(written[5:] + b"\0")
    elif colon and (not port or port.isdigit()):
        base = crc32(host + b"\0" + port)
    else:
        base = crc32(written + b"\0")
    point = 0
    for _ in range(count):
        point = crc32(point.to_bytes(4, "little"), base)
        yield point
