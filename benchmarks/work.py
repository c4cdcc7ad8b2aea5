"""The words in which a comparison is described."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.proxies import Command
from benchmarks.sites import Site, Upstreams

Figures = Mapping[str, float]
"""What one round gave, by name; the name holds the unit."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A proxy that a load is put on; `pid` is 0 where it doesn't run and only its configuration is there."""

    port: int
    pid: int
    command: Command
    upstreams: Upstreams
    pinned: tuple[str, ...]  # words that put a command on the proxies' core


Load = Callable[[Subject, float], Figures]
"""Puts a load on a proxy for some seconds; raises Failure where it doesn't do its work."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A proxy in a comparison, and the label of the one it is divided by."""

    label: str
    program: str
    site: Site = field(default_factory=Site)
    against: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached: a ratio, or a value where `is_ratio` is False."""

    label: str
    figure: str
    least: float | None = None
    most: float | None = None
    is_ratio: bool = True

    def __str__(self) -> str:
        sign, number = (">=", self.least) if self.least is not None else ("<=", self.most)
        return f"{sign} {number:g}"

    def met(self, value: float) -> bool:
        """Whether a median reaches it."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


@dataclass(frozen=True, slots=True)
class Work:
    """One comparison."""

    name: str  # for --only
    title: str
    contenders: tuple[Contender, ...]
    load: Load
    goals: tuple[Goal, ...] = ()
    fresh: bool = False  # the proxies are started anew for each round: memory once taken is not given back
    serves: bool = True  # the proxies run at all
