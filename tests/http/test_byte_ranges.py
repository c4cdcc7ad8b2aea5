"""The cases were confirmed against nginx 1.31.5."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyngx.http.ranges import (
    UNSATISFIABLE,
    Multipart,
    Range,
    Unsatisfiable,
    content_range,
    format_boundary,
    multipart,
    parse_ranges,
    unsatisfied_content_range,
)


@pytest.mark.parametrize(
    ("value", "ranges"),
    [
        (b"bytes=0-0", (Range(0, 1),)),
        (b"Bytes=5-", (Range(5, 100),)),
        (b"bytes=-5", (Range(95, 100),)),
        (b"bytes=-500", (Range(0, 100),)),
        (b"bytes=90-500", (Range(90, 100),)),
        (b"bytes= 1 - 2 , 4-4 ", (Range(1, 3), Range(4, 5))),
        (b"bytes=1-2,200-300", (Range(1, 3),)),
        (b"bytes=5-2,1-1", (Range(1, 2),)),
        (b"bytes=2-3,0-1", (Range(2, 4), Range(0, 2))),
        (b"bytes=000000000000000000000000000001-1", (Range(1, 2),)),
        (b"bytes=0-9223372036854775807", (Range(0, 100),)),
    ],
)
def test_ranges_are_cut_to_the_body(value: bytes, ranges: tuple[Range, ...]) -> None:
    assert parse_ranges(value, 100) == ranges


@pytest.mark.parametrize(
    "value", [b"", b"bytes=", b"byte=0-1", b"bytes 0-1", b"items=0-1", b"bytes=0-99,0-0", b"bytes=0-60,40-90"]
)
def test_other_units_and_overlapping_excess_are_ignored(value: bytes) -> None:
    assert parse_ranges(value, 100) is None


@pytest.mark.parametrize(
    "value",
    [
        *(b"bytes=100-", b"bytes=-0", b"bytes=5-2", b"bytes=x", b"bytes=1-2,", b"bytes=,1-2", b"bytes=1", b"bytes=- 5"),
        *(b"bytes=1\t-2", b"bytes=1-2x", b"bytes=0-9223372036854775808", b"bytes=" + b"9" * 5000 + b"-"),
    ],
)
def test_what_cannot_be_satisfied_or_read_is_a_416(value: bytes) -> None:
    assert parse_ranges(value, 100) is UNSATISFIABLE


@pytest.mark.parametrize("value", [b"bytes=0-", b"bytes=-1", b"bytes=0-0"])
def test_an_empty_body_is_sent_whole(value: bytes) -> None:
    assert parse_ranges(value, 0) is None


def test_more_ranges_than_allowed_are_ignored() -> None:
    assert parse_ranges(b"bytes=0-0,2-2", 100, max_ranges=2) == (Range(0, 1), Range(2, 3))
    assert parse_ranges(b"bytes=0-0,2-2,4-4", 100, max_ranges=2) is None
    assert parse_ranges(b"bytes=0-0", 100, max_ranges=0) is None


def test_many_small_ranges_are_ignored_unless_max_ranges_allows_them() -> None:
    value = b"bytes=" + b",".join(b"%d-%d" % (start, start) for start in range(20))
    assert parse_ranges(value, 100) is None
    assert isinstance(parse_ranges(value, 100, max_ranges=20), tuple)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=5), st.integers(0, 40))
def test_ranges_lie_within_the_body_and_never_exceed_it(specs: list[tuple[int, int]], length: int) -> None:
    value = b"bytes=" + b",".join(b"%d-%d" % spec for spec in specs)
    ranges = parse_ranges(value, length)
    if ranges is None or isinstance(ranges, Unsatisfiable):
        return
    assert all(0 <= part.start < part.end <= length for part in ranges)
    assert len(ranges) == 1 or sum(part.size for part in ranges) <= length


def test_content_range() -> None:
    assert content_range(Range(0, 10), 100) == b"bytes 0-9/100"
    assert unsatisfied_content_range(100) == b"bytes */100"


def test_a_multipart_body_is_framed_as_nginx_does() -> None:
    body = multipart((Range(0, 1), Range(10, 12)), 100, b"text/plain; charset=utf-8", format_boundary(7))
    assert body == Multipart(
        content_type=b"multipart/byteranges; boundary=00000000000000000007",
        heads=(
            b"\r\n--00000000000000000007\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Range: bytes 0-0/100\r\n\r\n",
            b"\r\n--00000000000000000007\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Range: bytes 10-11/100\r\n\r\n",
        ),
        tail=b"\r\n--00000000000000000007--\r\n",
        length=sum(map(len, body.heads)) + 3 + len(body.tail),
    )


def test_a_part_without_a_type_names_none() -> None:
    assert multipart((Range(0, 1),), 9, b"", b"b").heads == (b"\r\n--b\r\nContent-Range: bytes 0-0/9\r\n\r\n",)
