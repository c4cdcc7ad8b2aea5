"""How the end of a request's body is known, and what is refused because two recipients might not agree (RFC 9112 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.http.request_head import BadHead

if TYPE_CHECKING:
    from pyngx.http.headers import Headers

MAX_LENGTH = 2**63 - 1
# What nginx takes once only (ngx_http_process_unique_header_line): of two, nobody knows which is meant.
UNIQUE = (
    *(b"host", b"content-length", b"transfer-encoding", b"expect", b"authorization", b"proxy-authorization"),
    *(b"if-modified-since", b"if-unmodified-since", b"if-match", b"if-none-match", b"if-range", b"content-range"),
)


def check_repeats(headers: Headers) -> None:
    """Refuse fields that must not come twice; raises BadHead."""
    if not headers.has_repeats:
        return
    for name in UNIQUE:
        if len(headers.all(name)) > 1:
            raise BadHead(400, f'client sent duplicate header line: "{name.decode()}"')


def body_length(headers: Headers, version: str) -> int | None:
    """The length of a request's body in bytes, 0 for none; None for a chunked one. Raises BadHead.

    That neither field comes twice is `check_repeats`'s to see to.
    """
    coding = headers.get(b"transfer-encoding")
    length = headers.get(b"content-length")
    if coding is None:
        return 0 if length is None else _length(length)
    if length is not None:
        raise BadHead(400, 'client sent "Content-Length" and "Transfer-Encoding" headers at the same time')
    if version != "1.1":
        raise BadHead(400, 'client sent HTTP/1.0 request with "Transfer-Encoding" header')
    if coding.lower() != b"chunked":
        raise BadHead(501, f'client sent unknown "Transfer-Encoding": {coding!r}')
    return None


def _length(value: bytes) -> int:
    if not value.isdigit() or len(value) > 19 or int(value) > MAX_LENGTH:
        raise BadHead(400, 'client sent invalid "Content-Length" header')
    return int(value)
