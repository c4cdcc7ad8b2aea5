"""Escaping of values in log lines: `log_format … escape=default|json` (ngx_http_log_module.c, ngx_escape_json).

`escape=none` needs no function. A clean value costs one search and is returned as it is.
"""

import re
from typing import Final

from pyngx.http.codec import wire

_DIRTY_DEFAULT: Final = re.compile(r"[^ !#-\[\]-~]").search
_DEFAULT_FORMS: Final = tuple(
    chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\x{byte:02X}" for byte in range(0x100)
)

_DIRTY_JSON: Final = re.compile(r'[\x00-\x1f"\\]').search
_JSON_FORMS: Final = {
    **{code: f"\\u{code:04X}" for code in range(0x20)},
    **{0x08: r"\b", 0x09: r"\t", 0x0A: r"\n", 0x0C: r"\f", 0x0D: r"\r", 0x22: r"\"", 0x5C: r"\\"},
}


def escape_default(value: str) -> str:
    """Quotes, backslashes, and every byte that is not printable ASCII become `\\xHH`."""
    if _DIRTY_DEFAULT(value) is None:
        return value
    return "".join(map(_DEFAULT_FORMS.__getitem__, wire(value)))


def escape_json(value: str) -> str:
    """Make `value` fit between the quotes of a JSON string; everything but ASCII controls and `\"\\` is kept."""
    if _DIRTY_JSON(value) is None:
        return value
    return value.translate(_JSON_FORMS)
