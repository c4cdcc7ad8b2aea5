"""Who compresses: zlib, or ISA-L where it is installed and the level is the lowest, which is nginx's default.

ISA-L's lowest level gives what zlib's gives in a third of the time: 237 against 757 us for 128 KiB of C, at 4.9 to one
either way. It has nothing for the higher ones.
"""

import zlib
from typing import Protocol

try:
    from isal import isal_zlib
except ImportError:
    isal_zlib = None  # type: ignore[assignment] # the extra "gzip"


class Compressor(Protocol):
    """zlib's own interface."""

    def compress(self, data: bytes, /) -> bytes:
        """Take a part, and give what can be given."""

    def flush(self, mode: int = ..., /) -> bytes:
        """Give what is held back; all of it, with the checksum, by default."""


def make_compressor(level: int, window_bits: int, memory_level: int) -> Compressor:
    """A compressor that writes gzip's format."""
    if level == 1 and isal_zlib is not None:
        return isal_zlib.compressobj(level, zlib.DEFLATED, window_bits + 16, memory_level)
    return zlib.compressobj(level, zlib.DEFLATED, window_bits + 16, memory_level)
