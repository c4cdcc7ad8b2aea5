"""How large a request's head may be: nginx's buffers, counted without having them.

A line must fit into one large buffer, and all lines together into the large buffers that there are; what fits into
`client_header_buffer_size` is taken without looking (ngx_http_alloc_large_header_buffer).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.http.request_head import BadHead

if TYPE_CHECKING:
    from pyngx.core.connection import ConnectionSettings

URI_TOO_LARGE = 414
HEADER_TOO_LARGE = 494


def check_complete(head: bytes, settings: ConnectionSettings) -> None:
    """Refuse a whole head that is too large; raises BadHead."""
    number, size = settings.large_client_header_buffers
    first, *others = head.split(b"\n")
    if len(first) + 1 > size:
        raise BadHead(URI_TOO_LARGE, "client sent too long URI")
    if any(len(line) + 1 > size for line in others):
        raise BadHead(HEADER_TOO_LARGE, "client sent too long header line")
    if len(head) > number * size + settings.client_header_buffer_size:
        raise BadHead(HEADER_TOO_LARGE, "client sent too large request")


def check_partial(head: bytes, settings: ConnectionSettings) -> None:
    """Refuse a head that is too large already, though its end isn't there; raises BadHead."""
    if len(head) > settings.large_client_header_buffers[1]:
        check_complete(head, settings)
