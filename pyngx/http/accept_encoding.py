"""Whether a client takes gzip, by its Accept-Encoding (ngx_http_core_module.c, ngx_http_gzip_accept_encoding)."""

import re
from typing import Final

_BEFORE: Final = b", "
# What may follow the word: another member, or a quality above zero of at most three digits.
_AFTER: Final = re.compile(rb" *(?:\Z|,|; *(?:\Z|[qQ]=(?:1(?:\.0{0,3})?|0\.(?=[0-9]*[1-9])[0-9]{1,3})(?:\Z|[ ,])))")


def accepts_gzip(value: bytes) -> bool:
    """Judges the first `gzip` that stands where a member may begin; `*` and `x-gzip` say nothing, as in nginx."""
    if value.startswith(b"gzip,"):  # what nearly every browser sends
        return True
    lower = value.lower()
    start = 0
    while (at := lower.find(b"gzip", start)) >= 0:
        if at == start or lower[at - 1] in _BEFORE:
            return _AFTER.match(value, at + 4) is not None
        start = at + 4
    return False
