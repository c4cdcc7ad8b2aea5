"""What a request's fields say of its body and its connection."""

from __future__ import annotations

import pytest

from pyngx.http.headers import Headers
from pyngx.http.host import Host
from pyngx.http.request_facts import request_facts

AGENT = b"User-Agent"
SAFARI = b"Mozilla/5.0 (Macintosh; Intel Mac OS X) Version/5.1 Safari/534"


@pytest.mark.parametrize(
    ("fields", "bare"),
    [
        ([], True),
        ([(b"Host", b"a"), (b"Accept", b"b"), (b"accept", b"c")], True),
        ([(b"Content-Length", b"0")], False),
        ([(b"transfer-Encoding", b"chunked")], False),
        ([(b"Expect", b"100-continue")], False),
        ([(b"Host", b"a"), (b"host", b"a")], False),
        ([(b"If-Range", b"a"), (b"If-Range", b"a")], False),
    ],
)
def test_what_a_body_or_a_refusal_may_follow_is_not_bare(fields: list[tuple[bytes, bytes]], bare: bool) -> None:
    assert request_facts(Headers(fields)).is_bare is bare


@pytest.mark.parametrize(
    ("values", "host"),
    [([b"A.b:8"], Host("a.b", 8)), ([], None), ([b"a", b"b"], None), ([b"a/b"], None)],
)
def test_the_host_is_there_if_there_is_one_good_one(values: list[bytes], host: Host | None) -> None:
    assert request_facts(Headers([(b"Host", value) for value in values])).host == host


@pytest.mark.parametrize(
    ("agent", "browsers"),
    [
        (b"curl/8", set()),
        (b"Mozilla/4.0 (compatible; MSIE 6.0; Windows)", {"msie6"}),
        (b"Mozilla/4.0 (compatible; MSIE 6.0; Windows; SV1)", set()),
        (b"Mozilla/4.0 (compatible; MSIE 5.5) Opera", set()),
        (SAFARI, {"safari"}),
        (SAFARI.replace(b"Version", b"Chrome"), set()),
    ],
)
def test_browsers_that_had_trouble_are_known(agent: bytes, browsers: set[str]) -> None:
    assert request_facts(Headers([(AGENT, agent)])).browsers == browsers


def test_facts_are_worked_out_once_and_anew_after_a_change() -> None:
    headers = Headers([(b"Connection", b"close")])
    facts = request_facts(headers)
    assert request_facts(headers) is facts
    assert facts.options == {b"close"}
    headers.set(b"Connection", b"upgrade")
    headers.add(b"Upgrade", b"x")
    assert request_facts(headers).options == {b"upgrade"}
    assert request_facts(headers).asks_upgrade
