"""Every lie of the table, by both transports: what the client gets, and that nothing of it is in what comes next."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.hostile.client import Heard
from tests.hostile.lies import SILENT, TOLD, Told, cut, told
from tests.hostile.site import IMPATIENT, LAST, Site, head
from tests.hostile.switches import EVIL, SWITCHES
from tests.hostile.upgrades import HANDSHAKE

LATER = 0.06  # seconds; by then all has come that comes late
AFTER = head("GET /up/after") + head("GET /up/again")


# What aiohttp's parser takes, or doesn't take, otherwise than ours: nothing leaks of it.
BARE_LF = (7, 13, 28)
AIOHTTP = {
    **{name: Told(TOLD[name].lie, 502) for name in ("a blank before the colon", "hints that frame")},
    "trailers that would be fields": cut(*TOLD["trailers that would be fields"].lie.parts, body=b"ok"),
    **{f"chunks {at}": told(*TOLD[f"chunks {at}"].lie.parts, status=200) for at in (*BARE_LF, 35)},
    "late chunks 7": told(*TOLD["late chunks 7"].lie.parts, status=200),
}


def raw(name: str, lie: Told) -> bytes:
    return head(f"{lie.method} /lie/{name.replace(' ', '-')}", *lie.fields)


def check(site: Site, name: str, lie: Told) -> None:
    pause = LATER if any(isinstance(part, float) for part in lie.lie.parts) and lie.whole else 0.0
    site.upstream.forget()
    heard = site.talk(raw(name, lie), pause, AFTER + LAST, method=lie.method)
    assert heard.end != "open", f"hangs: {heard}"
    assert site.upstream.problems == []
    heard.answers = [answer for answer in heard.answers if answer.status >= 200]
    first = heard.answers[0]
    assert first.status == lie.status
    if lie.body is not None:
        assert first.body == lie.body
    assert not first.all("x-evil")
    if lie.status == 500:  # the connection ends with it
        assert heard.statuses == [500]
    elif lie.whole:
        assert [answer.body for answer in heard.answers[-3:]] == [b"GET /up/after 0", b"GET /up/again 0", b"own"]
        assert heard.statuses == [lie.status, 200, 200, 200]
    else:
        assert not first.whole
        assert len(heard.answers) == 1
    assert all(answer.whole for answer in heard.answers[1:])
    assert site.serves_others()


@pytest.mark.parametrize("name", TOLD)
def test_a_lie_goes_no_further(site: Site, name: str) -> None:
    check(site, name, TOLD[name])


@pytest.mark.parametrize("name", TOLD)
def test_a_lie_goes_no_further_by_aiohttp(by_aiohttp: Site, name: str) -> None:
    check(by_aiohttp, name, AIOHTTP.get(name, TOLD[name]))


@pytest.mark.parametrize("target", ["/lie/", "/recipe/lie/"])
@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("transport", ["site", "by_aiohttp"])
def test_a_switch_of_protocols_has_to_be_proven(
    request: pytest.FixtureRequest, name: str, target: str, transport: str
) -> None:
    site: Site = request.getfixturevalue(transport)
    _, status = SWITCHES[name]
    heard = site.talk(head(f"GET {target}{name}", *HANDSHAKE) + AFTER + LAST)
    first = heard.answers[0]
    assert first.status == status
    if status == 101:
        assert first.body == EVIL
    else:
        assert heard.statuses == [502, 200, 200, 200]
    assert site.serves_others()


def test_who_falls_silent_is_waited_for_so_long_and_no_longer(site: Site) -> None:
    def ask(name: str) -> Heard:
        return site.talk(head(f"GET /lie/{name}", "Connection: close"), server=IMPATIENT, patience=4)

    with ThreadPoolExecutor(len(SILENT)) as pool:
        running = {name: pool.submit(ask, name) for name in SILENT}
        for name, future in running.items():
            heard = future.result()
            _, status, body = SILENT[name]
            assert heard.end != "open", name
            assert (heard.last.status, heard.last.whole) == (status, status == 504), name
            assert status == 504 or heard.last.body == body, name
    assert site.serves_others()
