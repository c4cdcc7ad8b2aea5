"""The words of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.work import Work

ROUNDS = 5
SECONDS = 2.0
SHORTEST = 0.2  # wrk looks at its clock ten times a second


@dataclass(frozen=True, slots=True)
class Arguments:
    """What to run."""

    works: tuple[Work, ...]
    rounds: int
    seconds: float
    only: str = ""  # the works' names as they were given, where not all of them are meant
    lists: bool = False  # only tell which there are

    def __str__(self) -> str:
        only = f" --only {self.only}" if self.only else ""
        return f"python -m benchmarks --rounds {self.rounds} --seconds {self.seconds:g}{only}"


def parse_arguments(words: Sequence[str] | None, works: Sequence[Work]) -> Arguments:
    """Ends the program where they make no sense; None stands for those of this process."""
    names = [work.name for work in works]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Compare pyngx with nginx.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"interleaved rounds ({ROUNDS})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"load in each of them ({SECONDS:g})")
    parser.add_argument("--only", default="", help="names with commas between")
    parser.add_argument("--list", action="store_true", help="tell the names, and end")
    found = parser.parse_args(words)
    chosen = [name for name in found.only.split(",") if name]
    unknown = [name for name in chosen if name not in names]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(names)}")
    if found.rounds < 1 or found.seconds < SHORTEST:
        parser.error(f"at least one round of {SHORTEST:g} seconds is needed")
    taken = tuple(work for work in works if not chosen or work.name in chosen)
    return Arguments(taken, found.rounds, found.seconds, found.only, found.list)
