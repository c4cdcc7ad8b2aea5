"""A request's head out of what has arrived: nginx's limits, counted without having its buffers.

A line must fit into one large buffer, and all lines together into the large buffers that there are; what fits into
`client_header_buffer_size` is taken without looking (ngx_http_alloc_large_header_buffer).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.http.codec import text
from pyngx.http.headers import Headers
from pyngx.http.request_head import BadHead, RequestHead, parse_request_head, parse_request_line

if TYPE_CHECKING:
    from pyngx.core.connection import ConnectionSettings
    from pyngx.http.request_head import FieldRules

URI_TOO_LARGE = 414
HEADER_TOO_LARGE = 494


def read_head(head: bytes, settings: ConnectionSettings, rules: FieldRules) -> RequestHead:
    """Read a head that is there up to its empty line; raises BadHead."""
    if len(head) > settings.client_header_buffer_size:
        check_size(head, settings)
    parsed = parse_request_head(head, rules)
    if len(parsed.headers.items) > settings.max_headers:
        raise BadHead(400, "client sent too many header lines")
    return parsed


def read_partial_head(head: bytes, settings: ConnectionSettings, checked: int = 0) -> RequestHead | None:
    """What is known before the empty line: that this can't become a head (raises BadHead), or is a request without one.

    None where more has to come. The first `checked` bytes were here before: a head that comes byte by byte must not
    cost its square.
    """
    number, size = settings.large_client_header_buffers
    if len(head) > size:
        new = head[head.rfind(b"\n", 0, checked) + 1 :]
        if len(head) > number * size or any(len(line) + 1 > size for line in new.split(b"\n")):
            check_size(head, settings)
    if (end := head.find(b"\n")) < 0:
        return None
    method, target, version = parse_request_line(head[:end])
    return RequestHead(text(method), text(target), version, Headers()) if version == "0.9" else None


def check_size(head: bytes, settings: ConnectionSettings) -> None:
    """Refuse a head that is too large already, whole or not; raises BadHead."""
    number, size = settings.large_client_header_buffers
    first, *others = head.split(b"\n")
    if len(first) + 1 > size:
        raise BadHead(URI_TOO_LARGE, "client sent too long URI")
    if any(len(line) + 1 > size for line in others):
        raise BadHead(HEADER_TOO_LARGE, "client sent too long header line")
    if len(head) > number * size + settings.client_header_buffer_size:
        raise BadHead(HEADER_TOO_LARGE, "client sent too large request")
