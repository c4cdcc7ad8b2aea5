"""Media types by file name extension (ngx_http_core_module.c, ngx_http_set_exten and ngx_http_set_content_type)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

# What nginx knows where no `types` block is given.
BUILT_IN: Final[Mapping[str, str]] = {"html": "text/html", "gif": "image/gif", "jpg": "image/jpeg"}
DEFAULT_TYPE: Final = "text/plain"


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
