"""What holds of any bytes that resemble HTTP: in memory, and over sockets with an upstream behind."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pyngx.http.codec import wire
from tests.hostile.client import Nonsense, read_answers
from tests.hostile.fuzz import targets
from tests.hostile.fuzz.targets import TARGETS
from tests.hostile.site import Site, head

ENDS = (b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\n", b"\r\n\r\n", b"\r\n ", b"\0", b"")
NAMES = (
    b"Host", b"Content-Length", b"content-length", b"Transfer-Encoding", b"Connection", b"Expect", b"Upgrade", b"X",
    b"X_Y", b"X.Y", b"", b"X ", b" X", b"X\t", b"Range", b"Content-Length\0", b"Transfer-Encoding\x0b",
)  # fmt: skip
VALUES = (
    b"t", b"0", b"5", b"+5", b"5, 5", b"chunked", b"chunked, identity", b"close", b"keep-alive", b"upgrade", b"x", b"",
    b" ", b"\t", b"a\rb", b"a\0b", b"100-continue", b"Host", b"bytes=0-1", b"\xff", b"a" * 300,
)  # fmt: skip
SEPARATORS = (b": ", b":", b" : ", b":\t", b"", b" ", b"::")
LINES = (
    b"GET / HTTP/1.1\r\n", b"POST /up HTTP/1.1\r\n", b"GET /up HTTP/1.0\r\n", b"GET /own\r\n", b"GET /up HTTP/1.1\n",
    b"POST /stream HTTP/1.1\r\n", b"HEAD /up HTTP/1.1\r\n", b"GET http://a/named HTTP/1.1\r\n", b"\r\n", b" ", b"",
    b"GET /up  HTTP/1.1\r\n", b"GET /up HTTP/2.0\r\n", b"get /up HTTP/1.1\r\n", b"OPTIONS * HTTP/1.1\r\n",
)  # fmt: skip
CHUNKS = (
    b"0\r\n\r\n", b"5\r\nabcde\r\n", b"1\r\na\r\n", b"0\r\n", b"\r\n", b"1\na\n", b"1;a=b\r\na\r\n",
    b"01\r\na\r\n",
    b"x\r\n", b"0\r\nX: y\r\n\r\n", b"0\r\nHost: evil\r\n\r\n", b"fffffffff\r\n", b"abcde", b"-1\r\n",
    b"1 \r\na\r\n",
)  # fmt: skip
SEGMENTS = (
    "/", "//", ".", "..", "%2e", "%2E", "%2f", "%5c", "\\", ";", "..;", "%00", "%", "%c0%ae", "a", "up", "own", "?",
    "#", "&", "=", "+", "%20", "é", "\udcff", "%zz", "http://", "t", ":80", "@", "[::1]", "*", "%25", "%3f", "%23", "~",
    "\x7f", " ",
)  # fmt: skip
WORDS = ("a", " ", ";", "{", "}", '"', "'", "\\", "#", "\n", "$", "${", "~", "if (", ")", "\udcff")


def of(*parts: bytes) -> st.SearchStrategy[bytes]:
    return st.sampled_from(parts)


def row(part: st.SearchStrategy[bytes], size: int = 6) -> st.SearchStrategy[bytes]:
    return st.lists(part, max_size=size).map(b"".join)


def joined(*parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.tuples(*parts).map(b"".join)


FIELDS = joined(of(*NAMES), of(*SEPARATORS), of(*VALUES), of(*(b"\r\n",) * 8, *ENDS))
HEADS = joined(of(*LINES), row(FIELDS, 5))
STREAMS = row(st.one_of(HEADS, of(*CHUNKS), of(*ENDS), st.binary(max_size=8)), 8)
PATHS = st.lists(st.sampled_from(SEGMENTS), max_size=8).map(lambda parts: wire("/" + "".join(parts)))
RESEMBLING = {
    "request_heads": joined(of(b"\0", b"\1", b"\2", b"\3"), STREAMS),
    "plain_and_odd_heads": row(FIELDS),
    "response_heads": joined(of(b" OK\r\n", b"\r\n", b"", b"0\r\n"), row(FIELDS)),
    "chunked_bodies": row(of(*CHUNKS, *ENDS)),
    "targets": PATHS,
    "values": row(of(*VALUES, b",", b"-", b"=", b";", b"q=0", b"9" * 30)),
    "configurations": st.lists(st.sampled_from(WORDS), max_size=12).map(lambda words: wire("".join(words))),
}


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_taken_for_two_things(name: str) -> None:
    @settings(max_examples=150, deadline=None)
    @given(st.one_of(RESEMBLING[name], st.binary(max_size=60)))
    def try_all(data: bytes) -> None:
        TARGETS[name](data)

    try_all()


@pytest.mark.parametrize("at", range(len(ENDS)))
def test_each_end_of_a_line_within_a_head(at: int) -> None:
    for name in (b"Content-Length", b"Transfer-Encoding", b"X"):
        targets.request_heads(b"\0GET / HTTP/1.1\r\nHost: t" + ENDS[at] + name + b": 5\r\n\r\nabcde")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=STREAMS, cut=st.integers(0, 60))
@example(
    data=b"POST /up HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nabcdeGET /up HTTP/1.1\r\nHost: t\r\n\r\n", cut=30
)
def test_whatever_is_said_the_upstream_hears_sense(site: Site, data: bytes, cut: int) -> None:
    site.upstream.forget()
    raw = site.say_all(data[:cut], data[cut:] + head("GET /own"))
    with suppress(Nonsense):  # HTTP/0.9 wants no head
        answers = read_answers(raw)
        assert all(answer.status in {100, 200, 400, 403, 404, 405, 408, 414, 501, 505} for answer in answers)
    assert [problem for problem in site.upstream.problems if not problem.startswith("broke off")] == []
    assert site.serves_others()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=PATHS)
def test_whatever_is_asked_for_stays_below_the_root(site: Site, path: bytes) -> None:
    for prefix in (b"/static", b"/files", b"/re", b"/tried", b""):
        raw = site.say_all(head(b"GET " + prefix + path + b" HTTP/1.1", "Connection: close"))
        assert b"secret" not in raw
