"""A request's head, read by nginx's rules (RFC 9112 2-5; ngx_http_parse_request_line, ngx_http_parse_header_line).

Heads as all clients write them take one regex for the line and one for the fields (2.9 us for eight fields, httptools
2.0, but it decides itself what a header is); most clients repeat their fields to the byte, so those are remembered. All
other heads take the slow way, line by line, which says what is wrong.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import msgspec

from pyngx.http.codec import text
from pyngx.http.headers import Field, Headers

ONCE: Final = b"Sec-WebSocket-"  # in fields that never come again
KNOWN_SIZE: Final = 2048  # bytes of fields that are remembered
KNOWN_LINES: Final = 64  # of a request whose fields are remembered: more take room, and no browser sends so many
KNOWN_FIELDS: Final = 1024  # how many requests' fields are

# A bare LF may end a line, as RFC 9112 2.2 allows, but not the lines of a head that begins with CRLF: who reads over it
# sees fewer fields. nginx takes it anywhere.
HEAD_END: Final = re.compile(rb"\n\r?\n")
_LINE: Final = re.compile(rb"([A-Z][A-Z_-]*) ([!-~\x80-\xff]+) HTTP/1\.([01])\r\n")
_FIELDS: Final = re.compile(rb"(?m)^([A-Za-z0-9-]+):[ \t]*([^\x00\r\n]*)\r$")
_ANY_LINE: Final = re.compile(rb"([A-Z_-]+) +([!-~\x80-\xff]+)(?: +HTTP/(\d{1,3})\.(\d{1,3}))? *")
_PLAIN_NAME: Final = re.compile(rb"[A-Za-z0-9-]+")
_FORBIDDEN_IN_NAME: Final = re.compile(rb"[\x00-\x20\x7f]")


class BadHead(Exception):
    """A head that is refused: by which status, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


# A msgspec record: a tenth of what a frozen dataclass costs to make, once a request.
class RequestHead(msgspec.Struct):
    """A request line and its fields, as they came."""

    method: str
    target: str
    version: str  # "1.1", "1.0"; "0.9" for a line without one, which has no fields and wants no head
    headers: Headers


class FieldRules(msgspec.Struct, frozen=True):
    """What becomes of odd names: `underscores_in_headers` and `ignore_invalid_headers`.

    A name with other characters than letters, digits and hyphens is left out, or kept where that is turned off; what
    can't be a name at all (a blank, a control character) is refused in any case.
    """

    underscores: bool = False
    ignores_invalid: bool = True


def parse_request_head(head: bytes, rules: FieldRules) -> RequestHead:
    """Parse a head up to and with its empty line; raises BadHead. Its fields may be frozen."""
    line = _LINE.match(head)
    if line is not None:
        block = head[line.end() :]
        repeats = len(block) <= KNOWN_SIZE and ONCE not in block
        headers = _known_fields(block) if repeats else _plain_fields(block)
        if headers is not None:
            method, target, minor = line.groups()
            return RequestHead(text(method), text(target), "1.1" if minor == b"1" else "1.0", headers)
    return _parse_slowly(head, rules)


def parse_request_line(line: bytes) -> tuple[bytes, bytes, str]:
    """Method, target and version of a line without its LF; raises BadHead."""
    match = _ANY_LINE.fullmatch(line.removesuffix(b"\r"))
    if match is None:
        method = line.partition(b" ")[0]
        what = "method" if not re.fullmatch(rb"[A-Z_-]+", method) else "request"
        raise BadHead(400, f"client sent invalid {what} while reading client request line")
    method, target, major, minor = match.groups()
    if major is None:
        if method != b"GET":
            raise BadHead(400, "client sent invalid method in HTTP/0.9 request")
        if target[:1] != b"/":
            raise BadHead(400, "client sent invalid request while reading client request line")
        return method, target, "0.9"
    if int(major) != 1:
        raise BadHead(505 if int(major) > 1 else 400, "client sent invalid version while reading client request line")
    return method, target, "1.0" if int(minor) == 0 else "1.1"


def _plain_fields(block: bytes) -> Headers | None:
    """Fields up to and with the empty line, if every line is one that needs no second look."""
    fields = _FIELDS.findall(block)
    if len(fields) != block.count(b"\n") - 1 or block[-2:] != b"\r\n":
        return None
    if b" \r" in block or b"\t" in block:
        fields = [(name, value.rstrip(b" \t")) for name, value in fields]
    return Headers(fields)


@lru_cache(maxsize=KNOWN_FIELDS)
def _known_fields(block: bytes) -> Headers | None:
    if block.count(b"\n") > KNOWN_LINES:
        return None
    headers = _plain_fields(block)
    return headers.freeze() if headers is not None else None


def _parse_slowly(head: bytes, rules: FieldRules) -> RequestHead:
    first, *others = head.split(b"\n")
    method, target, version = parse_request_line(first)
    fields: list[Field] = []
    if version == "0.9":
        return RequestHead(text(method), text(target), version, Headers())
    if first[-1:] == b"\r" and any(other[-1:] != b"\r" for other in others[:-1]):
        raise BadHead(400, "client sent a bare LF in a head of lines that end with CRLF")
    for line in (other.removesuffix(b"\r") for other in others):
        if not line:
            break
        if (field := _field(line, rules)) is not None:
            fields.append(field)
    return RequestHead(text(method), text(target), version, Headers(fields))


def _field(line: bytes, rules: FieldRules) -> Field | None:
    """One field, or None for one that is left out."""
    name, _, value = line.partition(b":")
    if not name or _FORBIDDEN_IN_NAME.search(name) or b"\x00" in value or b"\r" in value:
        raise BadHead(400, "client sent invalid header line")
    if not _PLAIN_NAME.fullmatch(name):
        plain = name.replace(b"_", b"-") if rules.underscores else name
        if rules.ignores_invalid and not _PLAIN_NAME.fullmatch(plain):
            return None
    return name, value.strip(b" \t")
