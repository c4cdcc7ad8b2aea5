"""Listings of directories in the forms that ngx_http_autoindex_module writes, byte by byte."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from pyngx.http.codec import text, wire
from pyngx.http.dates import format_http_date
from pyngx.http.escape import escape_component, escape_html
from pyngx.http.log_escape import escape_json

SHOWN = 50  # characters of a name in HTML
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file; `kind` is directory, file or other, `modified` seconds since the epoch, `size` bytes."""

    name: str
    kind: str
    modified: int
    size: int


@dataclass(frozen=True, slots=True)
class HtmlForm:
    """How a listing for people looks; `offset` is the clock's own, in seconds east of Greenwich."""

    exact_size: bool = True
    offset: int = 0
    utf8: bool = False  # whether names are measured in characters rather than in bytes


def sort(entries: Iterable[Entry]) -> list[Entry]:
    """Directories first, each group by the bytes of their names."""
    return sorted(entries, key=lambda entry: (entry.kind != "directory", wire(entry.name)))


def write_html(uri: str, entries: Iterable[Entry], form: HtmlForm) -> bytes:
    """A page with links."""
    title = escape_html(uri)
    lines = [
        f"<html>\r\n<head><title>Index of {title}</title></head>\r\n<body>\r\n<h1>Index of {title}</h1>"
        '<hr><pre><a href="../">../</a>\r\n',
        *(_html_line(entry, form) for entry in entries),
        "</pre><hr></body>\r\n</html>\r\n",
    ]
    return wire("".join(lines))


def write_json(entries: Iterable[Entry], callback: str = "") -> bytes:
    """A list of objects, as the argument of a JavaScript function if there is one."""
    listed = ",".join(
        f'\r\n{{ "name":"{escape_json(entry.name)}", "type":"{entry.kind}", '
        f'"mtime":"{format_http_date(entry.modified).decode()}"'
        f"{f', {chr(34)}size{chr(34)}:{entry.size}' if entry.kind == 'file' else ''} }}"
        for entry in entries
    )
    listing = f"[{listed}\r\n]"
    return wire(f"/* callback */\r\n{callback}({listing});" if callback else listing)


def write_xml(entries: Iterable[Entry]) -> bytes:
    """A list of elements."""
    lines = [
        f'<{entry.kind} mtime="{time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.modified))}"'
        f"{f' size={chr(34)}{entry.size}{chr(34)}' if entry.kind == 'file' else ''}>"
        f"{escape_html(entry.name)}</{entry.kind}>\r\n"
        for entry in entries
    ]
    return wire("".join(('<?xml version="1.0"?>\r\n<list>\r\n', *lines, "</list>\r\n")))


def _html_line(entry: Entry, form: HtmlForm) -> str:
    is_directory = entry.kind == "directory"
    slash = "/" if is_directory else ""
    name, length = entry.name, _length(entry.name, form.utf8)
    if length > SHOWN:
        shown = f"{escape_html(_cut(name, form.utf8))}..&gt;</a>"
    else:
        ending = slash if length < SHOWN else ""
        shown = f"{escape_html(name)}{ending}</a>{' ' * (SHOWN - length - len(ending))}"
    moment = time.gmtime(entry.modified + form.offset)
    date = f"{moment.tm_mday:02}-{MONTHS[moment.tm_mon - 1]}-{moment.tm_year} {moment.tm_hour:02}:{moment.tm_min:02}"
    size = _size(None if is_directory else entry.size, form.exact_size)
    return f'<a href="{escape_component(name)}{slash}">{shown} {date} {size}\r\n'


def _length(name: str, utf8: bool) -> int:
    return len(name) if utf8 and _is_utf8(name) else len(wire(name))


def _cut(name: str, utf8: bool) -> str:
    return name[: SHOWN - 3] if utf8 and _is_utf8(name) else text(wire(name)[: SHOWN - 3])


def _is_utf8(name: str) -> bool:
    return name.isascii() or not any("\udc80" <= character <= "\udcff" for character in name)


def _size(size: int | None, exact: bool) -> str:
    """A size in its column; None for what has none."""
    if exact:
        return f"{'-' if size is None else size:>19}"
    if size is None:
        return "      -"
    for unit, letter, least in ((GIB, "G", GIB), (MIB, "M", MIB), (KIB, "K", 10_000)):
        if size >= least:
            return f"{(size + unit // 2) // unit:6}{letter}"
    return f" {size:6}"
