"""Arguments of the query string, as $arg_name finds them (ngx_http_parse.c, ngx_http_arg)."""

import re
from collections.abc import Callable


def argument_finder(name: str) -> Callable[[str], str | None]:
    """A function that finds the raw value of the first argument called `name`, the case of ASCII letters aside.

    An argument without "=" has no value and is not found.
    """
    if not name:
        return lambda _args: None
    search = re.compile(rf"(?:^|&){re.escape(name)}=([^&]*)", re.IGNORECASE | re.ASCII).search

    def find(args: str) -> str | None:
        match = search(args)
        return None if match is None else match[1]

    return find
