"""What was seen, as a Markdown table: medians, and ratios of the rounds."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.arguments import Arguments
from benchmarks.rounds import Seen
from benchmarks.work import Contender, Goal, Work

HEAD = ("work", "who", "figure", "value", "against", "value", "ratio", "min - max", "to reach", "")
RIGHT = {3, 5, 6, 7}
"""Columns of numbers."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Of the rounds, each with itself: what slows the machine down in one slows both."""

    least: float
    median: float
    most: float


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> Ratio | None:
    """None where there is nothing to divide by: memory that didn't grow, a delay that wasn't there."""
    if min(theirs) <= 0:
        return None
    found = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Ratio(min(found), statistics.median(found), max(found))


def rows_of(work: Work, seen: Seen) -> Iterator[tuple[str, ...]]:
    """One for each contender that is compared and each figure."""
    for contender in work.contenders:
        if contender.against and contender.label in seen:
            yield from _rows(work, contender, seen)


def write_table(rows: Sequence[Sequence[str]]) -> str:
    """Markdown whose columns stand straight as plain text, too."""
    widths = [max(len(row[column]) for row in (HEAD, *rows)) for column in range(len(HEAD))]
    rule = [("-" * (width - 1) + ":") if at in RIGHT else "-" * width for at, width in enumerate(widths)]
    return "\n".join(_line(row, widths) for row in (HEAD, rule, *rows)) + "\n"


def write_header(date: str, machine: str, versions: Mapping[str, str], arguments: Arguments) -> str:
    """When, on what, with what, and how to do it again."""
    return (
        f"{date}; {machine}.  \n"
        f"{', '.join(f'{name} {number}' for name, number in versions.items())}.  \n"
        f"Medians of {arguments.rounds} interleaved rounds of {arguments.seconds:g} s: `{arguments}`. "
        "One proxy process on one core; load and upstreams on the others.\n"
    )


def _rows(work: Work, contender: Contender, seen: Seen) -> Iterator[tuple[str, ...]]:
    ours, theirs = seen[contender.label], seen[contender.against]
    for figure in ours[0]:
        mine, other = [each[figure] for each in ours], [each[figure] for each in theirs]
        ratio = ratio_of(mine, other)
        goal = next((one for one in work.goals if (one.label, one.figure) == (contender.label, figure)), None)
        yield (
            work.title,
            contender.label,
            figure,
            _number(statistics.median(mine)),
            contender.against,
            _number(statistics.median(other)),
            f"{ratio.median:.2f}" if ratio else "-",
            f"{ratio.least:.2f} - {ratio.most:.2f}" if ratio else "-",
            str(goal) if goal else "",
            _verdict(goal, statistics.median(mine), ratio) if goal else "",
        )


def _verdict(goal: Goal, value: float, ratio: Ratio | None) -> str:
    if goal.is_ratio and ratio is None:
        return "?"
    return "yes" if goal.met(ratio.median if goal.is_ratio and ratio else value) else "no"


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.rjust(widths[at]) if at in RIGHT else cell.ljust(widths[at]) for at, cell in enumerate(cells))
    return f"| {' | '.join(padded)} |"
