from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyngx.http.headers import Headers
from pyngx.http.response_head import BadResponse, parse_response_head


def head(line: bytes, *fields: bytes, end: bytes = b"\r\n") -> bytes:
    return end.join([line, *fields, b"", b""])


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        (b"HTTP/1.1 200 OK", (200, b"OK", True)),
        (b"HTTP/1.0 404 Not Found", (404, b"Not Found", False)),
        (b"HTTP/1.1 204", (204, b"", True)),
        (b"HTTP/1.1 204 ", (204, b"", True)),
        (b"HTTP/1.1 299 \xe9 a  b", (299, b"\xe9 a  b", True)),
        (b"HTTP/1.1  200 OK", (200, b"OK", True)),
        (b"HTTP/1.1 999 Odd", (999, b"Odd", True)),
    ],
)
def test_status_lines(line: bytes, parsed: tuple[int, bytes, bool]) -> None:
    for end in (b"\r\n", b"\n"):
        found = parse_response_head(head(line, b"A: b ", end=end))
        assert (found.status, found.reason, found.is_http_1_1, found.headers) == (*parsed, Headers([(b"A", b"b")]))


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"OK", b"HTTP/1.1", b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 099 OK", b"HTTP/1.1 abc OK"),
        *(b"HTTP/2.0 200 OK", b"HTTP/11.1 200 OK", b"http/1.1 200 OK", b" HTTP/1.1 200 OK", b"HTTP/1.1 200OK"),
        *(b"HTTP/1.1 200 O\x00K", b"HTTP/1.1 200 O\rK", b"ICY 200 OK"),
    ],
)
def test_what_is_no_status_line_is_refused(line: bytes) -> None:
    with pytest.raises(BadResponse):
        parse_response_head(head(line))


def test_fields_keep_their_case_order_repeats_and_bytes() -> None:
    found = parse_response_head(head(b"HTTP/1.1 200 OK", b"sET-cookie:a", b"Set-Cookie: \xff b \t", b"X: "))
    assert found.headers.items == [(b"sET-cookie", b"a"), (b"Set-Cookie", b"\xff b"), (b"X", b"")]


@pytest.mark.parametrize(
    "line",
    [b" folded", b"no colon", b": x", b"a b: c", b"a: b\x00", b"a: b\rc", b"\xe9: a", b"a\r: b", b'a"b: c'],
)
def test_what_is_no_field_is_refused(line: bytes) -> None:
    with pytest.raises(BadResponse):
        parse_response_head(head(b"HTTP/1.1 200 OK", b"A: 1", line, b"B: 2"))


@given(st.binary(max_size=150))
def test_no_bytes_make_it_fail_otherwise_than_by_refusing(data: bytes) -> None:
    for each in (data, head(b"HTTP/1.1 200 OK", data)):
        try:
            found = parse_response_head(each)
        except BadResponse:
            continue
        for name, value in found.headers.items:
            assert not set(name) & set(b"\r\n\x00 :")
            assert not set(value) & set(b"\r\n\x00")


@pytest.mark.parametrize(
    ("lines", "framing"),
    [
        ([b"Content-Length: 5"], (5, False, "")),
        ([b"Transfer-Encoding: Chunked"], (None, True, "")),
        ([b"A: b"], (None, False, "")),
        ([b"Content-Length: 5", b"Transfer-Encoding: chunked"], (None, False, "at the same time")),
        ([b"Content-Length: 5", b"Content-Length: 5"], (None, False, "duplicate")),
        ([b"Content-Length: -5"], (None, False, "invalid")),
        ([b"Content-Length: " + b"9" * 20], (None, False, "invalid")),
        ([b"Transfer-Encoding: gzip"], (None, False, "unknown")),
        ([b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"], (None, False, "unknown")),
    ],
)
def test_how_the_body_ends(lines: list[bytes], framing: tuple[int | None, bool, str]) -> None:
    found = parse_response_head(head(b"HTTP/1.1 200 OK", *lines))
    assert (found.length, found.is_chunked) == framing[:2]
    assert framing[2] in found.problem
    assert bool(framing[2]) == bool(found.problem)


@pytest.mark.parametrize(
    ("version", "lines", "keeps"),
    [
        (b"1.1", [], True),
        (b"1.1", [b"Connection: Close"], False),
        (b"1.0", [], False),
        (b"1.0", [b"Connection: keep-alive"], True),
        (b"1.1", [b"Connection: x, close"], False),
    ],
)
def test_whether_the_peer_keeps_the_connection(version: bytes, lines: list[bytes], keeps: bool) -> None:
    assert parse_response_head(head(b"HTTP/%b 200 OK" % version, *lines)).keeps_alive is keeps


def test_a_head_that_comes_again_is_the_same_and_cannot_be_changed() -> None:
    lines = head(b"HTTP/1.1 200 OK", b"A: b")
    found = parse_response_head(lines)
    assert parse_response_head(lines) is found
    with pytest.raises(TypeError, match="shared"):
        found.headers.add(b"C", b"d")
