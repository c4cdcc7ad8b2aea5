"""Every attack of the tables: the answer, what reaches the upstream, and that the rest of the world is served."""

from __future__ import annotations

import pytest

from tests.hostile import chunks, hops, hosts, lengths, lines, paths, upgrades
from tests.hostile.client import Nonsense
from tests.hostile.nginx_differs import DIFFERENT
from tests.hostile.site import Case, Site, check

TABLES = {
    "lengths": lengths.CASES,
    "lines": lines.CASES,
    "chunks": chunks.CASES,
    "hosts": hosts.CASES,
    "paths": paths.CASES,
    "hops": hops.CASES,
    "upgrades": upgrades.CASES,
}
ALL = {f"{theme}: {name}": case for theme, cases in TABLES.items() for name, case in cases.items()}


@pytest.mark.parametrize("case", ALL.values(), ids=ALL.keys())
def test_only_what_is_clear_gets_through(site: Site, case: Case) -> None:
    check(site, case)


@pytest.mark.parametrize("name", ALL)
def test_nginx_answers_the_same_but_where_it_is_known_not_to(nginx: Site, name: str) -> None:
    case = ALL[name]
    try:
        answers = nginx.strike(case, patience=2).statuses
    except Nonsense:
        answers = []
    assert (answers or [0])[0] == DIFFERENT.get(name, case.status)
