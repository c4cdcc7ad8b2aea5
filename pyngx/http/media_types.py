"""Media types by file name extension (ngx_http_core_module.c, ngx_http_set_exten and ngx_http_set_content_type)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

# What nginx knows where no `types` block is given.
BUILT_IN: Final[Mapping[str, str]] = {"html": "text/html", "gif": "image/gif", "jpg": "image/jpeg"}
DEFAULT_TYPE: Final = "text/plain"

_CHARSET: Final = re.compile(rb"; *charset=", re.IGNORECASE)


def extension(path: str) -> str:
    """What follows the last dot of the last segment, "" if there is none or the segment starts with that dot."""
    name = path.rpartition("/")[2]
    stem, _, suffix = name.rpartition(".")
    return suffix if stem else ""


def collect_types(entries: Iterable[tuple[str, Iterable[str]]]) -> dict[str, str]:
    """The lines of a `types` block, (type, extensions), by extension in lower case; a later line wins."""
    return {suffix.lower(): media_type for media_type, suffixes in entries for suffix in suffixes}


@dataclass(frozen=True, slots=True)
class MediaTypes:
    """The `types` and `default_type` of one location."""

    by_extension: Mapping[str, str] = field(default_factory=lambda: BUILT_IN)
    default: str = DEFAULT_TYPE

    def of(self, path: str) -> str:
        """The type of a file by its path; an empty `default` sends none."""
        return self.by_extension.get(extension(path).lower(), self.default)


def split_charset(content_type: bytes) -> tuple[bytes, bytes | None]:
    """A Content-Type as nginx reads an upstream's: what stands before the charset's semicolon, and the charset.

    Other parameters stay where they are (ngx_http_upstream.c, ngx_http_upstream_copy_content_type).
    """
    found = _CHARSET.search(content_type)
    if found is None:
        return content_type, None
    charset = content_type[found.end() :].removeprefix(b'"')
    return content_type[: found.start()], charset.removesuffix(b'"')
