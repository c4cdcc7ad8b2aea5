"""The documents that nginx sends with a status of its own (ngx_http_special_response.c), byte for byte."""

from collections.abc import Mapping
from typing import Final

from pyngx.http.escape import escape_refresh
from pyngx.http.status import REASONS

# The headings that differ from the phrase of the status line.
_HEADINGS: Final[Mapping[int, str]] = {
    **{status: f"{status} {phrase}" for status, phrase in REASONS.items() if status > 300 and status != 304},
    302: "302 Found",
    401: "401 Authorization Required",
    498: "404 Not Found",
}
_BAD_REQUESTS: Final[Mapping[int, str]] = {
    494: "Request Header Or Cookie Too Large",
    495: "The SSL certificate error",
    496: "No required SSL certificate was sent",
    497: "The plain HTTP request was sent to HTTPS port",
}
_PADDING: Final = b"<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n" * 6


def error_page(status: int, product: str, padding: bool = False) -> bytes:
    """The document for `status`, empty where nginx has none.

    `product` is the name below the rule, with its version if server_tokens says so. `padding`, what `msie_padding` asks
    for, makes the pages of errors, not of redirects, longer than the 512 bytes below which old browsers show their own.
    """
    if status in _BAD_REQUESTS:
        explanation = _BAD_REQUESTS[status]
        title, heading = f"400 {explanation}", "400 Bad Request"
        more = f"<center>{explanation}</center>\r\n"
    elif status in _HEADINGS:
        title = heading = _HEADINGS[status]
        more = ""
    else:
        return b""
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{heading}</h1></center>\r\n{more}"
        f"<hr><center>{product}</center>\r\n</body>\r\n</html>\r\n"
    ).encode()
    return page + _PADDING if padding and status >= 400 else page


def wants_padding(user_agent: bytes) -> bool:
    """Whether `msie_padding on` pads pages for this browser: Internet Explorer and what calls itself Chrome."""
    if b"Opera" in user_agent:
        return False
    return is_msie(user_agent) or (b"Chrome/" in user_agent and b"Gecko/" not in user_agent)


def is_msie(user_agent: bytes) -> bool:
    """Whether `msie_refresh` applies to this browser."""
    found = user_agent.find(b"MSIE ")
    return 0 <= found < len(user_agent) - 7 and b"Opera" not in user_agent


def refresh_page(location: str) -> bytes:
    """What `msie_refresh on` sends in place of a redirect."""
    url = escape_refresh(location)
    return f'<html><head><meta http-equiv="Refresh" content="0; URL={url}"></head><body></body></html>\r\n'.encode()
