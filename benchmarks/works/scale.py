"""Large configurations: requests through them, and how long they take to be loaded."""

from __future__ import annotations

import random
from collections.abc import Callable

from benchmarks.loads.configuration import load_configuration
from benchmarks.loads.wrk import Ask, requests
from benchmarks.sites import Site, location_of, name_of
from benchmarks.work import Contender, Goal, Load, Work

PROGRAMS = ("nginx", "pyngx")
FEW, MANY = 10, 10_000
ASKED = 500  # different targets in a row


def _sized(program: str, make: Callable[[int], Site], what: str, counts: tuple[int, ...]) -> tuple[Contender, ...]:
    few = f"{program}, {FEW} {what}"
    more = (Contender(f"{program}, {count:,} {what}", program, make(count), few) for count in counts)
    return Contender(few, program, make(FEW)), *more


def _locations(count: int) -> Site:
    return Site(locations=count)


def _names(count: int) -> Site:
    return Site(names=count)


def _both(make: Callable[[int], Site], what: str, *counts: int) -> tuple[Contender, ...]:
    return tuple(contender for program in PROGRAMS for contender in _sized(program, make, what, counts))


def _any_of(make: Callable[[int], Ask]) -> Load:
    """Some of the first ten and of all the others, in no order; those that aren't there fall to the default."""
    chosen = random.Random(1)
    return requests(*(make(chosen.randrange(MANY)) for _ in range(ASKED)))


def _in_location(number: int) -> Ask:
    return Ask(f"{location_of(number)}some/path?page=1")


def _at_name(number: int) -> Ask:
    return Ask("/some/path?page=1", host=name_of(number))


WORKS = (
    Work(
        "locations",
        "small GET, number of locations",
        _both(_locations, "locations", 1000, MANY),
        _any_of(_in_location),
        (Goal(f"pyngx, {MANY:,} locations", "CPU us/request", most=1.05),),
    ),
    Work("names", "small GET, number of server names", _both(_names, "names", MANY), _any_of(_at_name)),
    Work(
        "load",
        "configuration check (-t), number of locations",
        (
            Contender("nginx", "nginx", _locations(MANY)),
            Contender("pyngx", "pyngx", _locations(MANY), "nginx"),
            Contender(f"pyngx, {FEW} locations", "pyngx", _locations(FEW), "nginx"),
        ),
        load_configuration,
        serves=False,
    ),
)
