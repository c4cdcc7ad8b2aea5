from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyngx.http.response_head import BadResponse, ResponseHead, parse_response_head


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
        assert parse_response_head(head(line, b"A: b ", end=end)) == ResponseHead(*parsed, [(b"A", b"b")])


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
    assert found.fields == [(b"sET-cookie", b"a"), (b"Set-Cookie", b"\xff b"), (b"X", b"")]


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
        for name, value in found.fields:
            assert not set(name) & set(b"\r\n\x00 :")
            assert not set(value) & set(b"\r\n\x00")
