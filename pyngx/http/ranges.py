"""Byte ranges (RFC 9110 14) as nginx serves them (ngx_http_range_filter_module.c).

A Range field is obeyed, ignored (the whole body is sent) or answered with 416. nginx ignores it where the ranges add up
to more than the body or where there are too many, and answers 416 to any syntax error.
"""

import re
from dataclasses import dataclass
from typing import Final

_OFFSET_MAX: Final = 2**63 - 1
# first-last, first- or -suffix; spaces, but no tabs, where nginx takes them.
_SPEC: Final = re.compile(rb" *(?:([0-9]+) *- *(?:([0-9]+) *)?|-([0-9]+) *)(,|\Z)")
# nginx's allowance for the head of each part and for the whole, where max_ranges sets no bound.
_PART_COST: Final = 256
_MULTIPART_SLACK: Final = 4096


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes from `start` up to, not including, `end`."""

    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """The answer is 416."""


@dataclass(frozen=True, slots=True)
class Multipart:
    """A multipart/byteranges body: before the bytes of each range its head, after the last one the tail."""

    content_type: bytes
    heads: tuple[bytes, ...]
    tail: bytes
    length: int


UNSATISFIABLE: Final = Unsatisfiable()


def parse_ranges(value: bytes, length: int, max_ranges: int | None = None) -> tuple[Range, ...] | Unsatisfiable | None:
    """The ranges that a Range field asks of a body of `length` bytes; None says to ignore the field.

    `max_ranges` is the directive's value, None where it is not set. If-Range is not looked at here.
    """
    if max_ranges == 0 or len(value) < 7 or value[:6].lower() != b"bytes=":
        return None
    ranges: list[Range] = []
    position, more = 6, True
    while more:
        match = _SPEC.match(value, position)
        bounds = None if match is None else _bounds(match, length)
        if match is None or bounds is None:
            return UNSATISFIABLE
        if bounds.start < bounds.end:
            ranges.append(bounds)
            if max_ranges is not None and len(ranges) > max_ranges:
                return None
        elif bounds.start == 0:
            return None
        position, more = match.end(), match[4] == b","
    if not ranges:
        return UNSATISFIABLE
    return None if _wasteful(ranges, length, max_ranges) else tuple(ranges)


def content_range(part: Range, length: int) -> bytes:
    return b"bytes %d-%d/%d" % (part.start, part.end - 1, length)


def unsatisfied_content_range(length: int) -> bytes:
    """What the 416 says."""
    return b"bytes */%d" % length


def format_boundary(number: int) -> bytes:
    """A boundary of nginx's form; `number` should not repeat soon."""
    return b"%020d" % number


def multipart(ranges: tuple[Range, ...], length: int, content_type: bytes, boundary: bytes) -> Multipart:
    """Heads, tail and length of the body that carries `ranges`; an empty `content_type` is left out of the parts."""
    kind = b"Content-Type: %s\r\n" % content_type if content_type else b""
    heads = tuple(
        b"\r\n--%s\r\n%sContent-Range: %s\r\n\r\n" % (boundary, kind, content_range(part, length)) for part in ranges
    )
    tail = b"\r\n--%s--\r\n" % boundary
    return Multipart(
        content_type=b"multipart/byteranges; boundary=" + boundary,
        heads=heads,
        tail=tail,
        length=sum(map(len, heads)) + sum(part.size for part in ranges) + len(tail),
    )


def _bounds(match: re.Match[bytes], length: int) -> Range | None:
    first, last, suffix = (_offset(match[group]) for group in (1, 2, 3))
    if max(first, last, suffix) > _OFFSET_MAX:
        return None
    if match[3] is not None:
        return Range(length - suffix if suffix < length else 0, length)
    if match[2] is not None:
        return Range(first, min(last + 1, length))
    return Range(first, length)


def _offset(digits: bytes | None) -> int:
    # Python refuses to read thousands of digits, so what is surely too large is not read.
    significant = (digits or b"").lstrip(b"0")
    return int(significant or b"0") if len(significant) < 20 else _OFFSET_MAX + 1


def _wasteful(ranges: list[Range], length: int, max_ranges: int | None) -> bool:
    """Whether sending the ranges would cost more than sending everything (a guard against overlapping ranges)."""
    if len(ranges) == 1:
        return False
    size = sum(part.size for part in ranges)
    return size > length or (max_ranges is None and size + len(ranges) * _PART_COST > length + _MULTIPART_SLACK)
