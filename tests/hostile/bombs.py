"""Compressed bodies that are much larger unpacked."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Bomb:
    """A body, and how many bytes come of it."""

    packed: bytes
    size: int

    @property
    def response(self) -> bytes:
        length = len(self.packed)
        return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (length, self.packed)


BOMBS = {
    "bomb-of-zeros": Bomb(gzip.compress(bytes(48 * MIB), 9), 48 * MIB),
    "many-small-bombs": Bomb(gzip.compress(bytes(MIB), 9) * 32, 32 * MIB),
    "many-empty-members": Bomb(gzip.compress(b"") * 20_000, 0),
    "a-bomb-twice-packed": Bomb(gzip.compress(gzip.compress(bytes(16 * MIB), 9), 9), 10_000),
}
