"""What access logs cost."""

from __future__ import annotations

from benchmarks.loads.wrk import Ask, requests
from benchmarks.sites import LOG_VARIABLES, Site
from benchmarks.work import Contender, Goal, Work

PROGRAMS = ("nginx", "pyngx")
COUNTS = (10, len(LOG_VARIABLES))


def _json(program: str) -> tuple[Contender, ...]:
    off = f"{program}, log off"
    return Contender(off, program, Site(log="off")), Contender(f"{program}, JSON log", program, against=off)


def _variables(program: str) -> tuple[Contender, ...]:
    one = f"{program}, 1 variable"
    more = (Contender(f"{program}, {count} variables", program, Site(variables=count), one) for count in COUNTS)
    return Contender(one, program, Site(variables=1)), *more


WORKS = (
    Work(
        "log",
        "small GET, JSON access log on against off",
        tuple(contender for program in PROGRAMS for contender in _json(program)),
        requests(Ask("/small")),
        (Goal("pyngx, JSON log", "CPU us/request", most=1.10),),
    ),
    Work(
        "variables",
        "small GET, variables in a log format",
        tuple(contender for program in PROGRAMS for contender in _variables(program)),
        requests(Ask("/small")),
    ),
)
