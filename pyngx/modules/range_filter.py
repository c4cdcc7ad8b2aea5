"""ngx_http_range_filter_module: parts of a body. It runs after all filters that change the body.

A body at hand is cut before it is sent: files are not read for what nobody asked for. A body that comes in pieces is
cut as it passes, which can give one range only.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from pyngx.core.answers import Body, FilePart, HeaderFilter, Refused, Response
from pyngx.core.phases import Module
from pyngx.http.conditions import Validators, if_range_holds
from pyngx.http.ranges import (
    Range,
    Unsatisfiable,
    content_range,
    format_boundary,
    multipart,
    parse_ranges,
    unsatisfied_content_range,
)
from pyngx.modules.core import CoreSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

BOUNDARIES = 10**20  # nginx's have twenty digits


# state


class Cut:
    """A body filter that passes one range."""

    __slots__ = ("_at", "_range")

    def __init__(self, part: Range) -> None:
        self._range = part
        self._at = 0

    def feed(self, data: bytes) -> bytes:
        """Pass on what lies in the range."""
        start, self._at = self._at, self._at + len(data)
        if start >= self._range.start and self._at <= self._range.end:
            return data
        return data[max(self._range.start - start, 0) : max(self._range.end - start, 0)]

    def flush(self) -> bytes:
        """Nothing is held back."""
        return b""

    def finish(self) -> bytes:
        """Nothing is held back."""
        return b""


# handlers


def make_filter(build: Build) -> HeaderFilter | None:
    """What obeys Range, unless `max_ranges 0` says otherwise."""
    max_ranges = build.settings(CoreSettings).max_ranges
    if max_ranges == 0:
        return None

    def apply(exchange: Exchange, response: Response) -> None:
        if response.status != 200 or not response.allow_ranges or response.length is None:
            return
        in_pieces = response.parts is None or bool(exchange.body_filters)
        ranges = _asked_ranges(exchange, response, response.length, 1 if in_pieces else max_ranges)
        if ranges is None:
            response.headers.set(b"Accept-Ranges", b"bytes")
        elif len(ranges) > 1:
            _make_multipart(response, ranges, response.length)
        else:
            _make_single(exchange, response, ranges[0], response.length)

    return apply


def _asked_ranges(
    exchange: Exchange, response: Response, length: int, max_ranges: int | None
) -> tuple[Range, ...] | None:
    """The ranges to send, None for the whole body."""
    asked = exchange.headers.get(b"range")
    if asked is None:
        return None
    condition = exchange.headers.get(b"if-range")
    if condition is not None and not if_range_holds(condition, Validators(response.entity_tag(), response.modified())):
        return None
    ranges = parse_ranges(asked, length, max_ranges)
    if isinstance(ranges, Unsatisfiable):
        raise Refused(416, headers=((b"Content-Range", unsatisfied_content_range(length)),))
    return ranges


def _make_single(exchange: Exchange, response: Response, part: Range, length: int) -> None:
    response.status = 206
    response.reason = b""
    response.headers.remove(b"Accept-Ranges")
    response.headers.set(b"Content-Range", content_range(part, length))
    response.length = part.size
    if response.parts is None or exchange.body_filters:
        exchange.body_filters.append(Cut(part))
    else:
        response.parts = tuple(_cut(response.parts, part))


def _make_multipart(response: Response, ranges: tuple[Range, ...], length: int) -> None:
    assert response.parts is not None
    headers = response.headers
    boundary = format_boundary(secrets.randbelow(BOUNDARIES))
    whole = multipart(ranges, length, headers.get(b"content-type") or b"", boundary)
    response.status = 206
    response.reason = b""
    headers.remove(b"Accept-Ranges")
    headers.remove(b"Content-Range")
    headers.set(b"Content-Type", whole.content_type)
    response.length = whole.length
    parts: list[Body] = []
    for part, head in zip(ranges, whole.heads, strict=True):
        parts += (head, *_cut(response.parts, part))
    response.parts = (*parts, whole.tail)


def _cut(parts: Sequence[Body], wanted: Range) -> Iterator[Body]:
    """What of a body lies in a range; files are not touched."""
    at = 0
    for part in parts:
        length = part.length if isinstance(part, FilePart) else len(part)
        start, end = max(wanted.start - at, 0), min(wanted.end - at, length)
        if start < end:
            if isinstance(part, FilePart):
                yield FilePart(part.file, part.offset + start, end - start)
            else:
                yield part[start:end]
        at += length


MODULE = Module("range_filter", header_filter=make_filter)
