"""A response's head as an upstream sends it (RFC 9112 4; ngx_http_parse_status_line)."""

from __future__ import annotations

import re
from typing import Final

import msgspec

Field = tuple[bytes, bytes]

_STATUS_LINE: Final = re.compile(rb"HTTP/(\d)\.(\d) +([1-9]\d\d)(?: ([^\r\n\x00]*))?\r?\n")
_USUAL_FIELDS: Final = re.compile(rb"(?m)^([A-Za-z0-9-]+): ?([^\x00\r\n]*)\r$")
_FIELDS: Final = re.compile(rb"(?m)^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:[ \t]*([^\x00\r\n]*)\r?$")


class BadResponse(Exception):
    """Bytes that are no response's head."""


class ResponseHead(msgspec.Struct, gc=False):
    """A status line and its fields, names in their own case."""

    status: int
    reason: bytes
    is_http_1_1: bool
    fields: list[Field]


def parse_response_head(head: bytes) -> ResponseHead:
    """Parse a head up to and with its empty line; raises BadResponse."""
    line = _STATUS_LINE.match(head)
    if line is None:
        raise BadResponse(f"sent no valid HTTP/1.0 header: {head[:40]!r}")
    major, minor, status, reason = line.groups()
    if major != b"1":
        raise BadResponse(f"sent an unknown version of HTTP: {head[:8]!r}")
    return ResponseHead(int(status), reason or b"", minor != b"0", _fields(head, line.end()))


def _fields(head: bytes, at: int) -> list[Field]:
    lines = head.count(b"\n") - 2
    fields = _USUAL_FIELDS.findall(head, at)
    if len(fields) == lines and b" \r" not in head and b":  " not in head and b"\t" not in head:
        return fields
    fields = _FIELDS.findall(head, at)
    if len(fields) != lines:
        raise BadResponse("sent an invalid header line")
    return [(name, value.rstrip(b" \t")) for name, value in fields]
