"""What the bytes of a peer mean."""

from __future__ import annotations

import asyncio

import pytest

from pyngx.core.ports import Failure
from pyngx.upstream.response import HEAD_LIMIT, Broken, Ended, Event, Head, Informational, ResponseReader

EOF = "eof"
RESET = "reset"


def read(data: bytes, method: bytes = b"GET", size: int = 0, end: str = "") -> tuple[list[Event], ResponseReader]:
    """The events of those bytes, in parts of `size`, with adjacent body parts joined."""
    loop = asyncio.new_event_loop()
    reader = ResponseReader(method, loop)
    loop.close()
    events: list[Event] = []
    for part in [data[i : i + size] for i in range(0, len(data), size)] if size else [data]:
        for event in reader.feed(part):
            if isinstance(event, bytes) and events and isinstance(events[-1], bytes):
                events[-1] += event
            else:
                events.append(event)
    last = reader.end(clean=end == EOF) if end else None
    return events + ([last] if last else []), reader


OK = b"HTTP/1.1 200 OK\r\n"

WHOLE = {
    "length": (b"GET", OK + b"Content-Length: 5\r\n\r\nhello", b"hello"),
    "empty": (b"GET", OK + b"Content-Length: 0\r\n\r\n", b""),
    "chunked": (b"GET", OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", b"abcde"),
    "no chunks": (b"GET", OK + b"Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", b""),
    "head": (b"HEAD", OK + b"Content-Length: 5\r\n\r\n", b""),
    "head, chunked": (b"HEAD", OK + b"Transfer-Encoding: chunked\r\n\r\n", b""),
    "head, no length": (b"HEAD", OK + b"\r\n", b""),
    "204": (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "204 with a length": (b"GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", b""),
    "304 with a length": (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: x\r\n\r\n", b""),
    "304 chunked": (b"GET", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", b""),
    "compressed": (b"GET", OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nnot", b"not"),
    "kept by 1.0": (b"GET", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", b"x"),
    "bare LF": (b"GET", b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", b"x"),
}


@pytest.mark.parametrize("size", [0, 1, 7])
@pytest.mark.parametrize("case", WHOLE)
def test_a_whole_response_leaves_the_connection_reusable(case: str, size: int) -> None:
    method, data, body = WHOLE[case]
    events, reader = read(data, method, size)
    assert isinstance(events[0], Head)
    assert events[1:] == [part for part in (body, Ended()) if part]
    assert reader.is_reusable
    assert reader.end(clean=True) is None


NOT_REUSABLE = {
    "close": OK + b"Content-Length: 1\r\nConnection: close\r\n\r\nx",
    "1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
    "garbage behind a length": OK + b"Content-Length: 1\r\n\r\nxGARBAGE",
    "response behind a length": OK + b"Content-Length: 1\r\n\r\nx" + OK + b"\r\n",
    "garbage behind chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nGARBAGE",
    "response behind chunks": OK
    + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    + OK
    + b"Content-Length: 0\r\n\r\n",
    "half a head behind chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n",
    "closing, and garbage": OK + b"Content-Length: 1\r\nConnection: close\r\n\r\nxGARBAGE",
}


@pytest.mark.parametrize("case", NOT_REUSABLE)
def test_a_connection_with_more_to_say_is_not_reusable_but_the_response_counts(case: str) -> None:
    events, reader = read(NOT_REUSABLE[case])
    assert events[1:] == [b"x", Ended()]
    assert not reader.is_reusable


def test_a_body_of_unknown_length_ends_with_the_connection() -> None:
    assert read(OK + b"\r\nabc", end=EOF)[0][1:] == [b"abc", Ended()]


def test_a_response_of_http_1_0_needs_no_length() -> None:
    assert read(b"HTTP/1.0 200 OK\r\n\r\nabc", end=EOF)[0][1:] == [b"abc", Ended()]


TRUNCATED = {
    "reset before the end": (OK + b"\r\nabc", RESET),
    "length": (OK + b"Content-Length: 5\r\n\r\nabc", EOF),
    "within a chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc", EOF),
    "between chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", EOF),
    "invalid chunk size": (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", ""),
    "chunk without end": (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n", ""),
}


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize("case", TRUNCATED)
def test_a_body_that_breaks_off_is_truncated(case: str, size: int) -> None:
    data, end = TRUNCATED[case]
    events, reader = read(data, size=size, end=end)
    assert events[1] == b"abc"
    assert isinstance(events[-1], Broken)
    assert events[-1].failure is Failure.TRUNCATED
    assert not reader.is_reusable


INVALID = {
    "no http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "tls alert": b"\x15\x03\x01\x00\x02\x02",
    "status line": b"HTTP/1.1 2oo OK\r\n\r\n",
    "status": b"HTTP/1.1 099 Low\r\n\r\n",
    "version": b"HTTP/3.0 200 OK\r\n\r\n",
    "no colon": OK + b"nonsense\r\n\r\n",
    "space in a name": OK + b"a b: c\r\n\r\n",
    "null": OK + b"a: b\0c\r\n\r\n",
    "bare CR": OK + b"a: b\rc: d\r\n\r\n",
    "two lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "negative length": OK + b"Content-Length: -1\r\n\r\n",
    "length and chunked": OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "unknown coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "too long": OK + b"a: " + b"b" * HEAD_LIMIT,
    "too many fields": OK + b"a: b\r\n" * 1100 + b"\r\n",
    "endless 1xx": b"HTTP/1.1 102 Processing\r\n\r\n" * 100,
}


@pytest.mark.parametrize("case", INVALID)
def test_an_invalid_head_is_reported_at_once(case: str) -> None:
    event = read(INVALID[case])[0][-1]
    assert isinstance(event, Broken)
    assert event.failure is Failure.INVALID_HEADER


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 2", OK, OK + b"Content-Length: 5\r\n"])
@pytest.mark.parametrize("end", [EOF, RESET])
def test_an_end_before_the_head_is_an_error(data: bytes, end: str) -> None:
    event = read(data, end=end)[0][-1]
    assert isinstance(event, Broken)
    assert event.failure is Failure.ERROR


def test_fields_keep_order_case_repeats_and_bytes() -> None:
    data = b"HTTP/1.1 200 Fine, \xe9\r\nX-b: \xff\xe9\r\nCookie: a=1\r\nx-A:  2 \r\nCookie: b=2\r\nEmpty:\r\n\r\n"
    fields = [(b"X-b", b"\xff\xe9"), (b"Cookie", b"a=1"), (b"x-A", b"2"), (b"Cookie", b"b=2"), (b"Empty", b"")]
    assert read(data)[0] == [Head(200, b"Fine, \xe9", fields)]


def test_a_status_line_needs_no_reason() -> None:
    assert read(b"HTTP/1.1 200\r\n\r\n")[0] == [Head(200, b"", [])]


def test_informational_responses_come_before_the_head() -> None:
    data = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        + OK
        + b"Content-Length: 0\r\n\r\n"
    )
    for size in (0, 1):
        events, reader = read(data, size=size)
        assert events[:2] == [Informational(100, []), Informational(103, [(b"Link", b"</x>")])]
        assert events[3:] == [Ended()]
        assert reader.is_reusable


def test_bytes_behind_a_switch_of_protocols_are_kept() -> None:
    data = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi"
    events, reader = read(data)
    assert isinstance(events[0], Head)
    assert events[1:] == [Ended()]
    assert reader.rest == b"\x81\x02hi"


def test_trailers_end_the_response() -> None:
    events, reader = read(OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nHost: evil\r\n\r\n")
    assert events == [Head(200, b"OK", [(b"Transfer-Encoding", b"chunked")]), b"x", Ended()]
    assert not reader.is_reusable
