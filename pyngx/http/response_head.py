"""A response's head as an upstream sends it (RFC 9112 4 and 6.3; ngx_http_parse_status_line).

Upstreams under load repeat their heads to the byte, at least within a second: those are remembered.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import msgspec

from pyngx.http.headers import Field, Headers, connection_options

SWITCHING: Final = b"101"  # answers a key that never comes again
KNOWN_SIZE: Final = 2048  # bytes of a head that is remembered
KNOWN_HEADS: Final = 256  # how many are
MAX_LENGTH: Final = 2**63 - 1
LENGTH_DIGITS: Final = 19  # of that

# Fields of which only the first counts (ngx_http_upstream_process_header_line).
SINGLE: Final = frozenset(
    {b"status", b"content-type", b"date", b"last-modified", b"etag", b"server", b"location"}
) | frozenset({b"refresh", b"expires", b"x-accel-expires", b"x-accel-redirect", b"x-accel-limit-rate"})

_STATUS_LINE: Final = re.compile(rb"HTTP/(\d)\.(\d) +([1-9]\d\d)(?: ([^\r\n\x00]*))?\r?\n")
_USUAL_FIELDS: Final = re.compile(rb"(?m)^([A-Za-z0-9-]+): ?([^\x00\r\n]*)\r$")
_FIELDS: Final = re.compile(rb"(?m)^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:[ \t]*([^\x00\r\n]*)\r?$")


class BadResponse(Exception):
    """Bytes that are no response's head."""


class ResponseHead(msgspec.Struct):
    """A status line and its fields, names in their own case, and how the body ends."""

    status: int
    reason: bytes
    is_http_1_1: bool
    headers: Headers
    length: int | None = None  # of the body; None: chunked, or until the connection ends
    is_chunked: bool = False
    problem: str = ""  # what is wrong with the fields that frame the body
    keeps_alive: bool = False  # whether the peer leaves the connection open


class Passed(msgspec.Struct):
    """What a proxying location makes of a response's fields that have no effect on anything else."""

    headers: Headers
    length: int | None
    buffering: bool | None
    server: bytes | None
    date: bytes | None
    has_effects: bool  # it has some: none of this holds


def parse_response_head(head: bytes) -> ResponseHead:
    """Parse a head up to and with its empty line; raises BadResponse. Its fields may be frozen."""
    return _known_head(head) if len(head) <= KNOWN_SIZE and head[9:12] != SWITCHING else _parse(head)


@lru_cache(maxsize=KNOWN_HEADS)
def _known_head(head: bytes) -> ResponseHead:
    parsed = _parse(head)
    parsed.headers.drop_repeats(SINGLE)
    parsed.headers.freeze()
    return parsed


def _parse(head: bytes) -> ResponseHead:
    line = _STATUS_LINE.match(head)
    if line is None:
        raise BadResponse(f"sent no valid HTTP/1.0 header: {head[:40]!r}")
    major, minor, status, reason = line.groups()
    if major != b"1":
        raise BadResponse(f"sent an unknown version of HTTP: {head[:8]!r}")
    headers = Headers(_fields(head, line.end()))
    parsed = ResponseHead(int(status), reason or b"", minor != b"0", headers)
    parsed.keeps_alive = _keeps_alive(parsed)
    parsed.problem = _choose_framing(parsed)
    return parsed


def _keeps_alive(head: ResponseHead) -> bool:
    """Whether the peer leaves the connection open (RFC 9112 9.3)."""
    options = connection_options(head.headers)
    return b"close" not in options and (head.is_http_1_1 or b"keep-alive" in options)


def _choose_framing(head: ResponseHead) -> str:
    """Decide how the body ends (RFC 9112 6.3); gives what is wrong with the fields that say it."""
    headers = head.headers
    coding, length = headers.get(b"transfer-encoding"), headers.get(b"content-length")
    if length is not None:
        if coding is not None:
            return 'sent "Content-Length" and "Transfer-Encoding" headers at the same time'
        if not length.isdigit() or len(length) > LENGTH_DIGITS or int(length) > MAX_LENGTH:
            return f'sent invalid "Content-Length" header: {length[:40]!r}'
        if len(headers.all(b"content-length")) > 1:
            return 'sent duplicate header line: "Content-Length"'
        head.length = int(length)
    elif coding is not None:
        if coding.lower() != b"chunked" or len(headers.all(b"transfer-encoding")) > 1:
            return f'sent unknown "Transfer-Encoding": {coding!r}'
        head.is_chunked = True
    return ""


def _fields(head: bytes, at: int) -> list[Field]:
    lines = head.count(b"\n") - 2
    fields = _USUAL_FIELDS.findall(head, at)
    if len(fields) == lines and b" \r" not in head and b":  " not in head and b"\t" not in head:
        return fields
    fields = _FIELDS.findall(head, at)
    if len(fields) != lines:
        raise BadResponse("sent an invalid header line")
    return [(name, value.rstrip(b" \t")) for name, value in fields]
