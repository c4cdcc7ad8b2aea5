"""Heads that are remembered by their bytes: what was made of them once must not be taken for something else."""

from __future__ import annotations

import pytest

from tests.hostile.client import Heard
from tests.hostile.site import ALL_NAMES, FIRST, LAST, SMUGGLED, UNDERSCORES, Site, head
from tests.hostile.upstream import Seen

TWICE = range(2)


def seen(site: Site, *requests: bytes, server: int = FIRST) -> tuple[Heard, list[Seen]]:
    """Requests on one connection, and what the upstream gets of them."""
    site.upstream.forget()
    heard = site.talk(b"".join(requests) + LAST, server=server)
    assert site.upstream.problems == []
    return heard, site.upstream.seen


def test_a_servers_rules_for_names_are_not_another_ones(site: Site) -> None:
    request = head("GET /up", "X_Y: a", "X.Y: b", "X-Y: c", host="rules")
    for _ in TWICE:
        for server, expected in ((FIRST, [[], []]), (UNDERSCORES, [["a"], []]), (ALL_NAMES, [["a"], ["b"]])):
            _, (got,) = seen(site, request, server=server)
            assert [got.all("x_y"), got.all("x.y")] == expected
            assert got.all("x-y") == ["c"]


def test_a_version_is_not_remembered_with_its_fields(site: Site) -> None:
    fields = ("X: version",)
    for _ in TWICE:
        heard, _ = seen(site, head("GET /up", *fields))
        assert heard.statuses == [200, 200]
        heard, _ = seen(site, head("GET /up HTTP/1.0", *fields))
        assert heard.statuses == [200]
        heard, _ = seen(site, head("GET /up HTTP/1.0", *fields, host=None))
        assert heard.statuses == [200]
        heard, _ = seen(site, head("GET /up", *fields, host=None))
        assert heard.statuses == [400]


def test_a_body_belongs_to_its_method_and_version(site: Site) -> None:
    chunked = ("Transfer-Encoding: chunked", "X: body")
    for _ in TWICE:
        heard, got = seen(
            site, head("POST /up", *chunked) + b"1\r\na\r\n0\r\n\r\n", head("GET /up", *chunked) + b"0\r\n\r\n"
        )
        assert [each.body for each in got] == [b"a", b""]
        assert heard.statuses == [200, 200, 200]
        heard, got = seen(site, head("POST /up HTTP/1.0", *chunked) + b"0\r\n\r\n" + SMUGGLED)
        assert (heard.statuses, got) == ([400], [])


def test_what_one_location_sets_is_not_in_another(site: Site) -> None:
    fields = ("X-User: client", "X-Real-IP: 6.6.6.6")
    for _ in TWICE:
        heard, got = seen(
            site, *(head(f"GET {target}", *fields) for target in ("/set", "/up", "/plus", "/minus", "/up"))
        )
        assert [each.all("x-user") for each in got] == [["ours"], ["client"], ["plus"], [], ["client"]]
        assert [each.all("x-real-ip") for each in got] == [["127.0.0.1"], ["6.6.6.6"], ["6.6.6.6"], [], ["6.6.6.6"]]
        assert [each.all("x-added") for each in heard.answers] == [[], [], [b"plus"], [], [], []]
        assert [each.all("x-up") for each in heard.answers] == [[b"yes"], [b"yes"], [], [b"yes"], [b"yes"], []]


def test_the_authority_of_a_target_is_not_remembered_with_the_fields(site: Site) -> None:
    for _ in TWICE:
        _, got = seen(
            site, *(head(f"GET {before}/named", host="b") for before in ("", "http://a", "", "http://c:81", ""))
        )
        assert [each.all("host") for each in got] == [["b"], ["a"], ["b"], ["c:81"], ["b"]]
        assert [each.all("x-host") for each in got] == [["b"], ["a"], ["b"], ["c"], ["b"]]


def test_options_of_one_request_leave_the_next_one_whole(site: Site) -> None:
    named = head("GET /up", "Connection: X-A", "X-A: a", "X-B: b")
    plain = head("GET /up", "Connection: X-B", "X-A: a", "X-B: b")
    for _ in TWICE:
        _, got = seen(site, named, plain, named)
        assert [(each.all("x-a"), each.all("x-b")) for each in got] == [([], ["b"]), (["a"], []), ([], ["b"])]


def test_upgrades_are_judged_each_time(site: Site) -> None:
    fields = (
        *("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    requests = [head(f"{method} /up", *fields) for method in ("GET", "POST", "GET", "HEAD", "GET")]
    _, got = seen(site, *requests[:3])
    assert [each.all("upgrade") for each in got] == [["websocket"], [], ["websocket"]]
    _, got = seen(site, head("GET /up HTTP/1.0", *fields, "Connection: keep-alive"), head("GET /up", *fields))
    assert [each.all("upgrade") for each in got] == [[], ["websocket"]]


def test_the_same_response_is_another_one_to_head(site: Site) -> None:
    site.upstream.forget()
    for _ in TWICE:
        heard = site.talk(head("HEAD /lie/nothing-by-word") + head("GET /up") + LAST, method="HEAD")
        assert [answer.body for answer in heard.answers[1:]] == [b"GET /up 0", b"own"]
        heard = site.talk(head("GET /lie/nothing-by-word") + head("GET /up") + LAST)
        assert [answer.body for answer in heard.answers] == [b"ok", b"GET /up 0", b"own"]


@pytest.mark.parametrize("count", [60, 70, 200])
def test_many_fields_are_read_whether_they_are_remembered_or_not(site: Site, count: int) -> None:
    fields = [f"X-{at}: {at}" for at in range(count)]
    for _ in TWICE:
        heard, (got,) = seen(site, head("GET /up", *fields))
        assert heard.statuses == [200, 200]
        assert [value for name, value in got.fields if name.startswith("x-")] == [str(at) for at in range(count)]


def test_a_value_that_ends_a_block_is_not_the_next_ones_beginning(site: Site) -> None:
    for end in ("", " ", "\t", "x"):
        heard, got = seen(site, head("GET /up", f"X: a{end}"), head("GET /up", "X: b"), head("GET /up", f"X:{end}"))
        assert [each.all("x") for each in got] == [[f"a{end}".strip(" \t")], ["b"], [end.strip(" \t")]]
        assert heard.statuses == [200] * 4
