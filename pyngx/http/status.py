"""Statuses: nginx's reason phrases, its own codes, and which of them end a connection.

The phrases are those of ngx_http_header_filter_module.c, some of them older than RFC 9110's; a status that nginx has no
phrase for is sent with none.
"""

from collections.abc import Mapping
from typing import Final

REASONS: Final[Mapping[int, str]] = {
    103: "Early Hints",
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    303: "See Other",
    304: "Not Modified",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Time-out",
    409: "Conflict",
    410: "Gone",
    411: "Length Required",
    412: "Precondition Failed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Large",
    415: "Unsupported Media Type",
    416: "Requested Range Not Satisfiable",
    421: "Misdirected Request",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
    505: "HTTP Version Not Supported",
    507: "Insufficient Storage",
}

CLOSE: Final = 444
HEADER_TOO_LARGE: Final = 494
CERTIFICATE_ERROR: Final = 495
NO_CERTIFICATE: Final = 496
PLAIN_HTTP_TO_HTTPS: Final = 497

# nginx's own codes that error_page can name, but that a client sees as 400.
_SHOWN_AS_BAD_REQUEST: Final = frozenset({HEADER_TOO_LARGE, CERTIFICATE_ERROR, NO_CERTIFICATE, PLAIN_HTTP_TO_HTTPS})


def reason(status: int) -> bytes:
    return REASONS.get(status, "").encode()


def shown_status(status: int) -> int:
    """The status that is sent for `status`."""
    return 400 if status in _SHOWN_AS_BAD_REQUEST else status
