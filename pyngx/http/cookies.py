"""Cookies, as $cookie_name finds them (ngx_http_parse.c, ngx_http_parse_cookie_lines)."""

import re
from collections.abc import Callable, Iterable


def cookie_finder(name: bytes) -> Callable[[Iterable[bytes]], bytes | None]:
    """A function that finds the first cookie called `name` in the values of the Cookie fields.

    Like nginx, and unlike RFC 6265, it takes any case in the name and spaces around "=".
    """
    search = re.compile(rb"(?:^|; *)" + re.escape(name) + rb" *= *([^;]*)", re.IGNORECASE).search

    def find(fields: Iterable[bytes]) -> bytes | None:
        for field in fields:
            match = search(field)
            if match is not None:
                return match[1]
        return None

    return find
