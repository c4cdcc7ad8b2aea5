"""Conditional requests in nginx's order (ngx_http_not_modified_filter_module.c), and If-Range (…range_filter_module.c).

nginx asks If-Unmodified-Since and If-Match first (412), then If-Modified-Since and If-None-Match, where both, if both
are sent, have to say "not modified" for a 304. Ask only where the answer would be 200.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from pyngx.http.dates import parse_http_date
from pyngx.http.headers import Headers

IfModifiedSince = Literal["off", "exact", "before"]

_MEMBER_END: Final = re.compile(rb"[ \t]*(?:,|\Z)")
_NEXT_MEMBER: Final = re.compile(rb"[^,]*[ \t,]*")


@dataclass(frozen=True, slots=True)
class Validators:
    """What a response can be recognised by: its ETag and its time of modification in seconds."""

    etag: bytes | None
    last_modified: int | None


def evaluate(headers: Headers, validators: Validators, mode: IfModifiedSince = "exact") -> Literal[304, 412] | None:
    """The status to answer with instead of 200, None to go on. `mode` is the directive if_modified_since."""
    unmodified_since = headers.get(b"if-unmodified-since")
    if unmodified_since is not None and not _is_unmodified(unmodified_since, validators.last_modified):
        return 412
    match = headers.get(b"if-match")
    if match is not None and not _matches(match, validators.etag, weak=False):
        return 412
    modified_since = headers.get(b"if-modified-since")
    none_match = headers.get(b"if-none-match")
    if modified_since is None and none_match is None:
        return None
    if modified_since is not None and _is_modified(modified_since, validators.last_modified, mode):
        return None
    if none_match is not None and not _matches(none_match, validators.etag, weak=True):
        return None
    return 304


def if_range_holds(value: bytes, validators: Validators) -> bool:
    """Whether the Range beside this If-Range may be obeyed: the same tag, weak ones too, or the very same time."""
    if len(value) >= 2 and value.endswith(b'"'):
        return value == validators.etag
    return validators.last_modified is not None and parse_http_date(value) == validators.last_modified


def _is_unmodified(since: bytes, last_modified: int | None) -> bool:
    asked = parse_http_date(since)
    return last_modified is not None and asked is not None and asked >= last_modified


def _is_modified(since: bytes, last_modified: int | None, mode: IfModifiedSince) -> bool:
    if last_modified is None or mode == "off":
        return True
    asked = parse_http_date(since)
    if asked is None:
        return True
    return asked != last_modified if mode == "exact" else asked < last_modified


def _matches(members: bytes, etag: bytes | None, weak: bool) -> bool:
    """Whether the list names the tag. A strong comparison here is one of bytes: W/"x" equals itself, as in nginx."""
    if members == b"*":
        return True
    if etag is None:
        return False
    if weak and len(etag) > 2:
        etag = etag.removeprefix(b"W/")
    position = 0
    while position < len(members):
        if weak and members.startswith(b"W/", position) and len(members) - position > 2:
            position += 2
        if members.startswith(etag, position):
            position += len(etag)
            if _MEMBER_END.match(members, position):
                return True
        skipped = _NEXT_MEMBER.match(members, position)
        position = len(members) if skipped is None else skipped.end()
    return False
