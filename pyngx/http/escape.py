"""Percent-encoding as nginx does it where a URI is written again (ngx_string.c, ngx_escape_uri and ngx_unescape_uri).

Each escape has its own set of characters; a text that holds none of them is returned as it is, after one search.
"""

import re
from typing import Final

from pyngx.http.codec import text, wire

_NEVER_IN_URI: Final = bytes(range(0x21)) + bytes(range(0x7F, 0x100)) + b'"<>\\^`{|}'
_UNRESERVED: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
# Two digits; or a digit and what should have been one; or one character that is none; any of these may be cut short.
_QUOTED: Final = re.compile(rb"%(?:([0-9A-Fa-f]{2})|[0-9A-Fa-f].?|(.?))", re.DOTALL)
_QUERY: Final = re.compile(rb"\?|%3[Ff]")


class _Escape:
    """One set of characters and how to find and replace them."""

    __slots__ = ("_forms", "_search")

    def __init__(self, escaped: bytes) -> None:
        self._forms = tuple(b"%%%02X" % byte if byte in escaped else bytes((byte,)) for byte in range(0x100))
        clean = re.escape(bytes(byte for byte in range(0x80) if byte not in escaped).decode("ascii"))
        self._search = re.compile(f"[^{clean}]").search

    def __call__(self, plain: str) -> str:
        if self._search(plain) is None:
            return plain
        return text(b"".join(map(self._forms.__getitem__, wire(plain))))


escape_uri: Final = _Escape(_NEVER_IN_URI + b"#%?")
"""A path: for proxy_pass with a URI, redirects to a trailing slash, DAV destinations (NGX_ESCAPE_URI)."""

escape_args: Final = _Escape(_NEVER_IN_URI + b"#%&+;?")
"""A value that goes into a query string, as captures in rewrite do (NGX_ESCAPE_ARGS)."""

escape_component: Final = _Escape(bytes(byte for byte in range(0x100) if byte not in _UNRESERVED))
"""All but unreserved characters, for one path segment (NGX_ESCAPE_URI_COMPONENT)."""

escape_link: Final = _Escape(_NEVER_IN_URI + b"#%'")
"""A URI with its query that goes into an HTML attribute, as SSI echoes it (NGX_ESCAPE_HTML)."""

escape_refresh: Final = _Escape(_NEVER_IN_URI.replace(b"}", b"~") + b"'")
"""A complete URL in a refresh document; nginx's set has "~" and lacks "}" (NGX_ESCAPE_REFRESH)."""

_LINE_ENDS: Final = {ord("\r"): "%0D", ord("\n"): "%0A", 0: "%00"}
_HTML: Final = str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;"})


def escape_html(plain: str) -> str:
    return plain.translate(_HTML)


def escape_line_ends(plain: str) -> str:
    """A text for a header field: line ends of a decoded URI must not begin a field of their own."""
    return plain if plain.isprintable() else plain.translate(_LINE_ENDS)


def unescape(escaped: str) -> str:
    """Decode every %XX once. A broken one is no error: of "%zz" nginx keeps "zz", of "%4z" nothing."""
    if "%" not in escaped:
        return escaped
    return text(_QUOTED.sub(_decode, wire(escaped)))


def unescape_redirect(escaped: str) -> str:
    """Decode what is safe to show in a Location, up to the query (NGX_UNESCAPE_REDIRECT, as `rewrite … redirect`)."""
    if "%" not in escaped:
        return escaped
    encoded = wire(escaped)
    mark = _QUERY.search(encoded)
    if mark is None:
        return text(_QUOTED.sub(_decode_printable, encoded))
    return text(_QUOTED.sub(_decode_printable, encoded[: mark.start()]) + b"?" + encoded[mark.end() :])


def _decode(match: re.Match[bytes]) -> bytes:
    digits = match[1]
    return match[2] or b"" if digits is None else bytes((int(digits, 16),))


def _decode_printable(match: re.Match[bytes]) -> bytes:
    digits = match[1]
    if digits is None or 0x25 < int(digits, 16) < 0x7F:
        return _decode(match)
    return match[0]
