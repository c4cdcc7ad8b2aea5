"""What was measured is divided round by round and judged by its medians."""

from __future__ import annotations

import pytest

from benchmarks.report import Ratio, ratio_of, rows_of, write_table
from benchmarks.rounds import Seen
from benchmarks.work import Contender, Figures, Goal, Subject, Work

SEEN: Seen = {
    "nginx": [{"requests/s": 10.0, "KiB": 0.0}, {"requests/s": 20.0, "KiB": 1.0}, {"requests/s": 10.0, "KiB": 1.0}],
    "pyngx": [{"requests/s": 5.0, "KiB": 4.0}, {"requests/s": 20.0, "KiB": 6.0}, {"requests/s": 7.0, "KiB": 5.0}],
}


def no_load(subject: Subject, seconds: float) -> Figures:
    return {}


def a_work(*goals: Goal) -> Work:
    contenders = (Contender("nginx", "nginx"), Contender("pyngx", "pyngx", against="nginx"))
    return Work("get", "small GET", contenders, no_load, goals)


def test_each_round_is_divided_by_itself() -> None:
    assert ratio_of([5.0, 20.0, 7.0], [10.0, 20.0, 10.0]) == Ratio(0.5, 0.7, 1.0)


def test_nothing_is_divided_by_nothing() -> None:
    assert ratio_of([1.0], [0.0]) is None


def test_a_figure_without_a_goal_is_told_without_a_verdict() -> None:
    first, second = rows_of(a_work(), SEEN)
    assert first == ("small GET", "pyngx", "requests/s", "7.00", "nginx", "10.0", "0.70", "0.50 - 1.00", "", "")
    assert second[6:8] == ("-", "-")


@pytest.mark.parametrize(
    ("goal", "text", "verdict"),
    [
        (Goal("pyngx", "requests/s", least=0.7), ">= 0.7", "yes"),
        (Goal("pyngx", "requests/s", least=0.71), ">= 0.71", "no"),
        (Goal("pyngx", "requests/s", most=0.6), "<= 0.6", "no"),
        (Goal("pyngx", "requests/s", most=7, is_ratio=False), "<= 7", "yes"),
    ],
)
def test_goals_are_judged_by_medians(goal: Goal, text: str, verdict: str) -> None:
    first, _ = rows_of(a_work(goal), SEEN)
    assert first[-2:] == (text, verdict)


def test_a_ratio_that_is_not_there_reaches_nothing() -> None:
    _, second = rows_of(a_work(Goal("pyngx", "KiB", most=8)), SEEN)
    assert second[-1] == "?"


def test_a_contender_that_did_not_take_part_has_no_row() -> None:
    assert list(rows_of(a_work(), {"nginx": SEEN["nginx"]})) == []


def test_the_table_is_markdown() -> None:
    lines = write_table(list(rows_of(a_work(), SEEN))).splitlines()
    assert lines[0].startswith("| work ")
    assert set(lines[1]) == set("|-: ")
    assert len({len(line) for line in lines}) == 1
