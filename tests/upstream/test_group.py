"""Which peer is asked next, and how failures count."""

from __future__ import annotations

import pytest

from pyngx.core.ports import Address
from pyngx.upstream.group import Group
from pyngx.upstream.peer import Peer, PeerSettings


def peer(letter: str, weight: int = 1, **more: object) -> PeerSettings:
    return PeerSettings(Address("127.0.0.1", ord(letter)), letter, weight, **more)  # type: ignore[arg-type]


def serve(group: Group, number: int, now: float = 100, failing: str = "") -> str:
    """The names of the peers asked by that many requests, each going on until a peer answers or none is left."""
    asked = []
    for _ in range(number):
        tried: set[Peer] = set()
        for _ in range(group.tries):
            chosen = group.select(tried, now)
            if chosen is None:
                asked.append("-")
                break
            asked.append(chosen.settings.name)
            if chosen.settings.name not in failing:
                group.succeeded(chosen)
                break
            group.failed(chosen, now)
    return "".join(asked)


@pytest.mark.parametrize(
    ("weights", "sequence"),
    [
        ({"a": 1, "b": 1, "c": 1}, "abcabcabc"),
        ({"a": 5, "b": 1, "c": 1}, "aabacaaaabacaa"),
        ({"a": 2, "b": 1}, "abaabaaba"),
        ({"a": 1, "b": 2, "c": 3}, "cbacbccbacbc"),
        ({"a": 3}, "aaa"),
    ],
)
def test_turns_are_smooth(weights: dict[str, int], sequence: str) -> None:
    group = Group("app", [peer(name, weight) for name, weight in weights.items()])
    assert serve(group, len(sequence)) == sequence


def test_a_failed_peer_is_left_out_until_its_timeout_is_over() -> None:
    group = Group("app", [peer("a"), peer("b")])
    assert serve(group, 3, now=100, failing="a") == "abbb"
    assert serve(group, 3, now=110.9) == "bbb"
    assert "a" in serve(group, 3, now=111)


def test_a_peer_that_fails_its_check_is_left_out_again() -> None:
    group = Group("app", [peer("a"), peer("b")])
    serve(group, 1, now=100, failing="a")
    assert serve(group, 4, now=111, failing="a").count("a") == 1
    assert "a" not in serve(group, 4, now=121)


def test_failures_are_forgotten_only_after_a_check_that_passes() -> None:
    group = Group("app", [peer("a", max_fails=2), peer("b")])
    serve(group, 1, now=100, failing="a")
    serve(group, 4, now=105)
    assert group.primaries[0].fails == 1
    serve(group, 4, now=111)
    assert group.primaries[0].fails == 0


def test_a_failure_lowers_the_weight_and_choices_win_it_back() -> None:
    group = Group("app", [peer("a", 10, max_fails=2), peer("b", 1)])
    serve(group, 1, failing="a")
    assert repr(group.primaries[0]) == "<Peer 127.0.0.1:97 weight=-1/5/10 fails=1/2 connections=0>"
    serve(group, 4)
    assert group.primaries[0].effective_weight == 9


def test_failures_do_not_count_when_max_fails_is_zero() -> None:
    group = Group("app", [peer("a", max_fails=0), peer("b")])
    assert serve(group, 3, failing="a") == "abbab"


def test_backups_are_asked_when_no_other_is_left() -> None:
    group = Group("app", [peer("x", backup=True), peer("a"), peer("y", backup=True), peer("b")])
    assert serve(group, 2) == "ab"
    assert serve(group, 3, failing="ab") == "abxyx"


def test_a_request_that_came_to_the_backups_stays_there() -> None:
    group = Group("app", [peer("a", down=True), peer("x", backup=True)])
    tried: set[Peer] = set()
    first = group.select(tried, 100)
    assert first is not None
    assert first.settings.name == "x"
    assert group.select(tried, 100) is None


def test_a_request_ends_when_all_have_failed() -> None:
    group = Group("app", [peer("a"), peer("b")])
    assert serve(group, 2, failing="ab") == "ab-"


def test_a_single_peer_is_asked_whatever_its_failures() -> None:
    group = Group("app", [peer("a")])
    assert serve(group, 3, failing="a") == "aaa"
    assert repr(group) == "<Group app [<Peer 127.0.0.1:97 weight=0/1/1 fails=0/1 connections=0>]>"


def test_a_single_peer_with_a_backup_does_fail() -> None:
    group = Group("app", [peer("a"), peer("x", backup=True)])
    assert serve(group, 2, failing="a") == "axx"


@pytest.mark.parametrize("others", ["", "b"])
def test_a_peer_that_is_down_is_never_asked(others: str) -> None:
    group = Group("app", [peer("a", down=True), *map(peer, others)])
    assert group.tries == len(others)
    chosen = group.select(set(), 100)
    assert (chosen.settings.name if chosen else "") == others


@pytest.mark.parametrize("others", ["", "b"])
def test_a_peer_takes_no_more_than_max_conns(others: str) -> None:
    group = Group("app", [peer("a", 9, max_conns=1), *map(peer, others)])
    first = group.select(set(), 100)
    assert first is group.primaries[0]
    second = group.select(set(), 100)
    assert (second.settings.name if second else "") == others
    group.succeeded(first)
    assert group.select(set(), 100) is first


def test_a_new_generation_adopts_peers_with_equal_settings() -> None:
    old = Group("app", [peer("a", 5), peer("b"), peer("c")])
    held = old.select(set(), 100)
    new = Group("app", [peer("a", 5), peer("b", 2), peer("d")])
    new.adopt(old)
    assert new.primaries[0] is held
    assert [p.connections for p in new.peers] == [1, 0, 0]
    assert [p.current_weight for p in new.peers] == [0, 0, 0]


def test_an_unchanged_group_goes_on_in_turn() -> None:
    names = [peer("a", 5), peer("b"), peer("c")]
    old = Group("app", names)
    first = serve(old, 3)
    new = Group("app", names)
    new.adopt(old)
    assert first + serve(new, 4) == "aabacaa"


def test_equal_servers_are_adopted_one_by_one() -> None:
    old = Group("app", [peer("a"), peer("a")])
    new = Group("app", [peer("a"), peer("a"), peer("a")])
    new.adopt(old)
    assert len(set(new.primaries)) == 3


def test_a_group_needs_a_primary() -> None:
    with pytest.raises(ValueError, match="no backup"):
        Group("app", [peer("a", backup=True)])
