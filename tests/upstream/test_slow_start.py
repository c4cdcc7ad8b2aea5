"""Servers that come back slowly."""

from __future__ import annotations

from collections import Counter

import pytest

from pyngx.core.ports import Address
from pyngx.upstream import slow_start
from pyngx.upstream.group import ROUND_ROBIN, Group, Method
from pyngx.upstream.least_conn import LEAST_CONN
from pyngx.upstream.peer import PeerSettings


class Clock:
    """A time that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(slow_start, "time", made)
    return made


def group_of(method: Method = ROUND_ROBIN, slow: float = 10.0) -> Group:
    settings = [PeerSettings(Address("127.0.0.1", ord(name)), name, slow_start=slow) for name in "ab"]
    return Group("app", settings, method)


def share(group: Group, clock: Clock, name: str = "a", number: int = 100) -> int:
    """How many of some requests a server is given; each is over at once."""
    found: Counter[str] = Counter()
    for _ in range(number):
        chosen = group.select(set(), clock.now)
        assert chosen is not None
        group.succeeded(chosen)
        found[chosen.settings.name] += 1
    return found[name]


def fail(group: Group, clock: Clock) -> None:
    first = group.primaries[0]
    first.connections += 1
    assert group.failed(first, clock.now)


def test_a_server_that_never_failed_has_its_whole_weight(clock: Clock) -> None:
    assert share(group_of(), clock) == 50


def test_a_server_that_is_back_gets_its_share_little_by_little(clock: Clock) -> None:
    group = group_of()
    fail(group, clock)
    assert share(group, clock) == 0
    clock.now += 11
    assert share(group, clock) == 0
    shares = []
    for _ in range(4):
        clock.now += 2.5
        shares.append(share(group, clock))
    assert shares == [pytest.approx(wanted, abs=2) for wanted in (20, 33, 43, 50)]


def test_the_only_server_left_is_asked_however_cold_it_is(clock: Clock) -> None:
    group = group_of()
    fail(group, clock)
    clock.now += 11
    chosen = group.select({group.primaries[1]}, clock.now)
    assert chosen is group.primaries[0]


def test_without_the_word_a_server_is_back_at_once(clock: Clock) -> None:
    group = group_of(slow=0)
    fail(group, clock)
    clock.now += 11
    assert share(group, clock) == 50


def test_a_cold_server_has_few_connections_for_its_weight(clock: Clock) -> None:
    group = group_of(LEAST_CONN)
    fail(group, clock)
    clock.now += 11
    share(group, clock, number=1)
    clock.now += 2
    share(group, clock)  # it must have answered once, to count as back
    for _ in range(60):
        assert group.select(set(), clock.now) is not None
    assert [peer.connections for peer in group.primaries] == [10, 50]
