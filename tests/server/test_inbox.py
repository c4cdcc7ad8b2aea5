"""Heads of requests out of what has arrived, and nginx's limits on them. No sockets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyngx.core.connection import ConnectionSettings
from pyngx.http.headers import Headers
from pyngx.http.request_head import BadHead, FieldRules, RequestHead
from pyngx.server.inbox import Inbox

RULES = FieldRules()
SETTINGS = ConnectionSettings()
SMALL = ConnectionSettings(client_header_buffer_size=64, large_client_header_buffers=(2, 128), max_headers=3)
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def fed(data: bytes, settings: ConnectionSettings = SETTINGS) -> RequestHead | None:
    inbox = Inbox()
    inbox.add(data)
    return inbox.take_head(settings, RULES)


def refused(data: bytes, settings: ConnectionSettings = SETTINGS) -> int:
    with pytest.raises(BadHead) as error:
        fed(data, settings)
    return error.value.status


def test_heads_come_one_after_the_other() -> None:
    inbox = Inbox()
    inbox.add(GET + b"\r\n\n" + GET.replace(b"/ ", b"/2 ") + b"GET /3")
    assert [head.target for head in iter(lambda: inbox.take_head(SETTINGS, RULES), None)] == ["/", "/2"]
    assert inbox.take() == b"GET /3"


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6))
def test_splits_anywhere_give_the_same(sizes: list[int]) -> None:
    data = b"\r\nPOST /a HTTP/1.1\nHost: a\r\nX: y\r\n\r\nbody"
    inbox = Inbox()
    found = None
    at = 0
    for size in [*sizes, len(data)]:
        inbox.add(data[at : at + size])
        at += size
        if found is None:
            found = inbox.take_head(SETTINGS, RULES)
    assert found == RequestHead("POST", "/a", "1.1", Headers([(b"Host", b"a"), (b"X", b"y")]))
    assert inbox.take() == b"body"
    assert inbox.head_size == len(data) - len(b"\r\nbody")


def test_lines_between_requests_are_read_over() -> None:
    assert fed(b"\r\n\r\n\n\r") is None
    assert fed(b"\r\n\r\n" + GET) is not None


def test_a_bad_request_line_is_refused_before_the_head_is_whole() -> None:
    assert refused(b"get / HTTP/1.1\r\n") == 400
    assert refused(b"GET / HTTP/2.0\r\nA:") == 505
    assert refused(b"\x16\x03\x01\x02\n") == 400
    assert fed(b"GET / HTTP/1.1\r\nA:") is None


def test_a_line_without_a_version_waits_for_nothing_more() -> None:
    assert fed(b"GET /x\r\n") == RequestHead("GET", "/x", "0.9", Headers([]))
    assert refused(b"POST /x\n") == 400


@pytest.mark.parametrize("whole", [True, False])
def test_limits(whole: bool) -> None:
    end = b"\r\n\r\n" if whole else b""

    def line(size: int) -> bytes:
        return b"GET /%b HTTP/1.1\r\n" % (b"a" * (size - len("GET / HTTP/1.1\r\n")))

    def field(size: int) -> bytes:
        return b"A: %b\r\n" % (b"b" * (size - len("A: \r\n")))

    assert (fed(line(128) + field(128)[:-2] + end, SMALL) is not None) is whole
    assert refused(line(129) + field(20)[:-2] + end, SMALL) == 414
    assert refused(line(20) + field(129) + b"B: c" + end, SMALL) == 494
    assert refused(line(100) + field(100) + field(100) + field(100)[:-2] + end, SMALL) == 494


def test_a_line_that_was_looked_at_is_not_looked_at_again() -> None:
    inbox = Inbox()
    data = b"GET / HTTP/1.1\r\nA: " + b"b" * 100 + b"\r\n"
    for at in range(len(data)):
        inbox.add(data[at : at + 1])
        assert inbox.take_head(SMALL, RULES) is None
    inbox.add(b"C: " + b"d" * 130 + b"\r\n")
    with pytest.raises(BadHead):
        inbox.take_head(SMALL, RULES)


def test_a_head_that_never_ends_is_refused_when_it_is_too_large() -> None:
    assert refused(b"GET /" + b"a" * 200, SMALL) == 414
    assert refused(b"GET / HTTP/1.1\r\nA: " + b"a" * 200, SMALL) == 494


def test_too_many_fields() -> None:
    assert fed(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 3 + b"\r\n", SMALL) is not None
    assert refused(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 4 + b"\r\n", SMALL) == 400


@given(st.binary(max_size=200), st.integers(1, 50))
def test_no_bytes_make_it_fail_otherwise_than_by_refusing(data: bytes, size: int) -> None:
    inbox = Inbox()
    try:
        for at in range(0, len(data), size):
            inbox.add(data[at : at + size])
            inbox.take_head(SMALL, RULES)
    except BadHead:
        pass
