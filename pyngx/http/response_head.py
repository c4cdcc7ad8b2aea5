"""A response's head as an upstream sends it (RFC 9112 4; ngx_http_parse_status_line)."""

from __future__ import annotations

import re
from typing import Final

import msgspec

Field = tuple[bytes, bytes]

_STATUS_LINE: Final = re.compile(rb"HTTP/(\d)\.(\d) +([1-9]\d\d)(?: ([^\r\n\x00]*))?\r?\n")
_FIELDS: Final = re.compile(rb"(?m)^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:[ \t]*([^\x00\r\n]*)\r?$")
_BLANK_AT_END: Final = re.compile(rb"[ \t]\r?\n")


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
    fields = _FIELDS.findall(head, line.end())
    if len(fields) != head.count(b"\n") - 2:
        raise BadResponse("sent an invalid header line")
    if _BLANK_AT_END.search(head, line.end()) is not None:
        fields = [(name, value.rstrip(b" \t")) for name, value in fields]
    return ResponseHead(int(status), reason or b"", minor != b"0", fields)
