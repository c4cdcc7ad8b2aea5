"""Texts with variables in a page's commands: `$name`, `${name}`, and backslashes (ngx_http_ssi_evaluate_string)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from pyngx.http.escape import escape_html, escape_link

Read = Callable[[str], "str | None"]
"""Gives a variable by its name in lower case; None if there is none."""

_PIECES = re.compile(r"\\(?P<escaped>.?)|\$(?:\{(?P<braced>\w*)(?P<end>\}?)|(?P<name>\w*))", re.ASCII | re.DOTALL)
_ESCAPABLE = frozenset("\\'\"$")
_EXPRESSION = re.compile(r"(?P<left>[A-Za-z0-9${}_\"']*) *(?:$|(?P<operator>=|!=) *(?P<right>.*))", re.DOTALL)

ENCODINGS: dict[str, Callable[[str], str]] = {"none": str, "url": escape_link, "entity": escape_html}
EPOCH = "%s"


class SsiError(Exception):
    """A command that can't be obeyed; the message goes to the error log, and the page says that something is wrong."""


def evaluate(written: str, read: Read) -> str:
    """A text with the values of its variables."""

    def value(match: re.Match[str]) -> str:
        escaped = match["escaped"]
        if escaped is not None:
            return escaped if escaped in _ESCAPABLE or not escaped else f"\\{escaped}"
        if match["braced"] is not None and not match["end"]:
            raise SsiError(f'the closing bracket of variable "{match["braced"]}" is missing')
        name = match["braced"] or match["name"]
        if not name:
            raise SsiError(f'invalid variable name in "{written}"')
        return read(name.lower()) or ""

    return _PIECES.sub(value, written) if "\\" in written or "$" in written else written


def located(written: str, uri: str, read: Read) -> str:
    """A URI as a page names it; one that doesn't begin with a slash lies beside the page."""
    value = evaluate(written, read)
    if not value or value.startswith("/"):
        return value
    return uri[: uri.rfind("/") + 1] + value


def parse_expression(written: str) -> tuple[str, str, str]:
    """Left side, operator and right side of an `expr`; the operator is empty where the left side is all."""
    match = _EXPRESSION.fullmatch(written)
    if match is None:
        raise SsiError(f'invalid expression in "{written}"')
    return match["left"].lower(), match["operator"] or "", match["right"] or ""


def show_time(form: str, gmt: bool) -> str | None:
    """Now, by the form that a page has set; None where it gives nothing."""
    now = time.time()
    if form == EPOCH:
        return str(int(now))
    moment = time.gmtime(now) if gmt else time.localtime(now)
    if gmt:
        form = form.replace("%Z", "GMT")  # Python says UTC
    try:
        return time.strftime(form, moment) or None
    except ValueError:
        return None
