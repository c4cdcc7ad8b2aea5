"""Ways to choose a peer other than in turn; tests/oracle/test_balancing.py asks nginx whether they are its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from pyngx.core.ports import Address
from pyngx.upstream.group import Group, Method
from pyngx.upstream.hash import Ring, consistent_method, hash_method
from pyngx.upstream.ip_hash import hashed_part, ip_hash_method
from pyngx.upstream.least_conn import LEAST_CONN
from pyngx.upstream.peer import Peer, PeerSettings
from pyngx.upstream.random_peer import random_method
from pyngx.upstream.shares import Shares

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange

Make = Callable[[Sequence[PeerSettings]], Method]


def peers(*weights: int, backups: str = "", **by_letter: dict[str, int | bool]) -> list[PeerSettings]:
    """Peers a, b, c ... of these weights, with more parameters by their letters."""
    return [
        PeerSettings(Address(letter), f"{letter}:80", weight, backup=letter in backups, **by_letter.get(letter, {}))  # type: ignore[arg-type]
        for letter, weight in zip("abcdefgh", weights, strict=False)
    ]


def asked_by(key: str = "", address: str = "127.0.0.1") -> Exchange:
    """A request, as far as balancers look at it."""
    found = SimpleNamespace(key=key, connection=SimpleNamespace(remote_addr=address))
    return cast("Exchange", found)


def key_of(exchange: Exchange) -> bytes:
    return cast("SimpleNamespace", exchange).key.encode()  # type: ignore[no-any-return]


def by_hash(settings: Sequence[PeerSettings]) -> Method:
    return hash_method(settings, key_of)


def by_ring(settings: Sequence[PeerSettings]) -> Method:
    return consistent_method(settings, key_of)


def group_of(make: Make, settings: list[PeerSettings]) -> Group:
    return Group("app", settings, make([peer for peer in settings if not peer.backup]))


def tries(group: Group, exchange: Exchange, failing: str = "", now: float = 100) -> str:
    """The letters of the peers that one request asks, `-` when there are no more."""
    choose = group.begin(exchange) if group.begin is not None else None
    tried: set[Peer] = set()
    asked = ""
    for _ in range(group.tries):
        peer = group.select(tried, now, choose)
        if peer is None:
            return asked + "-"
        asked += peer.settings.name[0]
        if peer.settings.name[0] not in failing:
            group.succeeded(peer)
            break
        group.failed(peer, now)
    return asked


# by connections


def hold(group: Group, number: int) -> str:
    """The peers that so many requests are sent to which don't end."""
    return "".join(found.settings.name[0] for _ in range(number) if (found := group.select(set(), 100)) is not None)


def test_the_peer_with_fewest_connections_for_its_weight_is_asked() -> None:
    group = Group("app", peers(1, 2, 1), LEAST_CONN)
    assert hold(group, 8) == "bacbcabb"
    assert [peer.connections for peer in group.peers] == [2, 4, 2]


def test_peers_with_equally_few_connections_take_turns() -> None:
    group = Group("app", peers(1, 2, 3), LEAST_CONN)
    assert "".join(tries(group, asked_by()) for _ in range(6)) == "cbacbc"


def test_connections_of_peers_that_cannot_be_had_do_not_count() -> None:
    group = Group("app", peers(1, 1, 1, a={"down": True}, b={"max_conns": 1}), LEAST_CONN)
    assert hold(group, 5) == "bcccc"


def test_backups_are_counted_as_well() -> None:
    group = Group("app", peers(1, 1, 1, backups="bc", a={"max_conns": 1}), LEAST_CONN)
    assert hold(group, 5) == "abccb"


# by a key


@pytest.mark.parametrize("make", [by_hash, by_ring])
def test_a_key_has_its_peer(make: Make) -> None:
    group = group_of(make, peers(1, 1, 1, 1))
    first = [tries(group, asked_by(str(number))) for number in range(50)]
    assert [tries(group, asked_by(str(number))) for number in range(50)] == first
    assert set(first) == set("abcd")


@pytest.mark.parametrize(
    ("make", "expected"), [(by_hash, "ccccbcccaacaccaaaaacaaccccacbc"), (by_ring, "acbbccacccccccbbbbcacaaaccbaca")]
)
def test_keys_go_where_nginx_has_them_go(make: Make, expected: str) -> None:
    """What nginx 1.31.5 did."""
    settings = [
        PeerSettings(Address(letter), f"127.0.0.1:{port}", weight)
        for letter, port, weight in zip("abc", (1, 2, 3), (2, 1, 3), strict=True)
    ]
    group = group_of(make, settings)
    chosen = [group.select(set(), 100, group.begin(asked_by(f"key{at}")) if group.begin else None) for at in range(30)]
    assert "".join(peer.settings.address.host for peer in chosen if peer is not None) == expected


@pytest.mark.parametrize("make", [by_hash, by_ring])
def test_without_a_key_peers_take_turns(make: Make) -> None:
    group = group_of(make, peers(1, 2))
    assert "".join(tries(group, asked_by()) for _ in range(6)) == "babbab"


@pytest.mark.parametrize("make", [by_hash, by_ring, ip_hash_method])
def test_when_its_peer_fails_another_is_asked_each_once(make: Make) -> None:
    group = group_of(make, peers(1, 1, 1, 1))
    asked = tries(group, asked_by("x"), failing="abcd")
    assert sorted(asked) == list("abcd")
    assert tries(group, asked_by("x")) == "-"


@pytest.mark.parametrize("make", [by_hash, by_ring, ip_hash_method])
def test_one_live_peer_among_many_is_found(make: Make) -> None:
    dead = {letter: {"down": True} for letter in "abcdefg"}
    group = group_of(make, peers(*[1000] * 7, 1, **dead))  # type: ignore[arg-type]
    assert {tries(group, asked_by(str(number))) for number in range(30)} == {"h"}


@pytest.mark.parametrize("make", [by_hash, by_ring, ip_hash_method])
def test_backups_take_turns(make: Make) -> None:
    group = group_of(make, peers(1, 1, 1, 2, backups="cd"))
    tries(group, asked_by("x"), failing="ab")
    assert "".join(tries(group, asked_by("x")) for _ in range(6)) == "cddcdd"


def test_a_peer_that_goes_takes_only_its_own_keys_from_the_ring() -> None:
    before, after = group_of(by_ring, peers(1, 1, 3)), group_of(by_ring, peers(1, 1, 3)[::2])
    moved = 0
    for number in range(300):
        key = asked_by(str(number))
        old, new = tries(before, key), tries(after, key)
        assert old in ("b", new)
        moved += old != new
    assert 30 < moved < 100


def test_the_ring_knows_servers_by_what_they_are_called() -> None:
    assert repr(Ring([("a", 1), ("a", 1), ("b:80", 2)])) == "<Ring a, b:80: 480 points>"


@pytest.mark.parametrize(
    ("name", "same"),
    [("a", "a:"), ("unix:/x", "UNIX:/x"), ("/x", "unix:/x")],
)
def test_what_is_no_port_belongs_to_the_name(name: str, same: str) -> None:
    one, other = Ring([(name, 1)]), Ring([(same, 1)])
    assert [one.find(str(key).encode()) for key in range(50)] == [other.find(str(key).encode()) for key in range(50)]


def test_addresses_of_one_name_take_turns_on_the_ring() -> None:
    twice = [PeerSettings(Address(letter), "a:80") for letter in "ab"]
    group = group_of(by_ring, twice)
    chosen = [group.select(set(), 100, group.begin(asked_by("x")) if group.begin else None) for _ in range(4)]
    assert [peer.settings.address.host for peer in chosen if peer is not None] == ["a", "b", "a", "b"]


# by the client's address


@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("192.0.2.77", bytes([192, 0, 2])),
        ("::1", bytes(15) + b"\1"),
        ("::ffff:192.0.2.77", bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 77])),
        ("unix:", bytes(3)),
        ("", bytes(3)),
    ],
)
def test_of_an_ipv4_address_three_bytes_count(address: str, part: bytes) -> None:
    assert hashed_part(address) == part


def test_a_network_has_its_peer() -> None:
    group = group_of(ip_hash_method, peers(1, 1, 1))
    found = [{tries(group, asked_by(address=f"10.1.{net}.{host}")) for host in range(5)} for net in range(30)]
    assert {len(each) for each in found} == {1}
    assert set.union(*found) == set("abc")


# by chance


def throws(*numbers: float) -> Callable[[], float]:
    given: Iterator[float] = iter(numbers)
    return lambda: next(given)


def test_chance_follows_the_weights() -> None:
    group = group_of(lambda settings: random_method(settings, two=False), peers(6, 1, 3))
    found = Counter(tries(group, asked_by()) for _ in range(2000))
    assert 1100 < found["a"] < 1300
    assert 140 < found["b"] < 270


def test_of_two_the_one_with_fewer_connections_is_asked() -> None:
    settings = peers(1, 1, 2)
    group = Group("app", settings, random_method(settings, two=True, throw=throws(0, 0, 0.3, 0, 0.9, 0.3, 0.9)))
    assert group.begin is not None
    chosen = [group.select(set(), 100, group.begin(asked_by())) for _ in range(3)]
    # a twice is no second, then b as new as a; c for a, which is as free; c again: one of two for its weight
    assert "".join(peer.settings.name[0] for peer in chosen if peer is not None) == "bcc"


@pytest.mark.parametrize("two", [False, True])
def test_chance_gives_up_after_a_while_and_peers_take_turns(two: bool) -> None:
    settings = peers(1000, 1, a={"down": True})
    group = group_of(lambda primaries: random_method(primaries, two=two, throw=lambda: 0.0), settings)
    assert tries(group, asked_by()) == "b"


@pytest.mark.parametrize("two", [False, True])
def test_each_is_tried_once_by_chance_too(two: bool) -> None:
    group = group_of(lambda primaries: random_method(primaries, two=two), peers(1, 1, 1))
    assert sorted(tries(group, asked_by(), failing="abc")) == list("abc")


# common


@pytest.mark.parametrize(
    "make", [by_hash, by_ring, ip_hash_method, lambda primaries: random_method(primaries, two=True)]
)
def test_a_single_peer_needs_no_choice(make: Make) -> None:
    group = group_of(make, peers(3))
    assert group.begin is None
    assert tries(group, asked_by("x"), failing="a") == "a"
    assert tries(group, asked_by("x")) == "a"


def test_shares_go_around() -> None:
    shares = Shares([2, 1, 3])
    assert [shares.at(point) for point in range(8)] == [0, 0, 1, 2, 2, 2, 0, 0]
    assert repr(shares) == "<Shares (2, 3, 6)>"
