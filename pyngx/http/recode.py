"""Bodies in another charset: tables of bytes and characters, and what applies them to a stream.

ngx_http_charset_filter_module knows two kinds of tables: from one byte to another, and between bytes and UTF-8.
"""

import codecs
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

UNKNOWN: Final = "?"
# Bytes that are no UTF-8, as the decoder below writes them, one by one.
_INVALID: Final = {0xDC00 + byte: ord(UNKNOWN) for byte in range(0x80, 0x100)}


class Recoder(Protocol):
    """A body on its way into another charset; a body filter."""

    def feed(self, data: bytes) -> bytes:
        """Recode a part; the beginning of a character at its end is held back."""

    def flush(self) -> bytes:
        """Give what is held back and can be given."""

    def finish(self) -> bytes:
        """Give the rest."""


@dataclass(frozen=True, slots=True)
class Recoding:
    """The way from one charset to another."""

    start: Callable[[], Recoder]
    keeps_length: bool


def between_bytes(pairs: Iterable[tuple[int, int]]) -> tuple[Recoding, Recoding]:
    """The ways there and back; bytes from 128 on that are not named become question marks."""
    there, back = _ascii_only(), _ascii_only()
    for source, target in pairs:
        there[source], back[target] = target, source
    return _by_table(bytes(there)), _by_table(bytes(back))


def to_and_from_utf8(pairs: Mapping[int, str]) -> tuple[Recoding, Recoding]:
    """The ways from bytes to UTF-8 and back, where characters that are not named become `&#number;`."""
    characters = [chr(byte) if byte < 0x80 else UNKNOWN for byte in range(256)]
    for byte, character in pairs.items():
        characters[byte] = character
    mapping = "".join(characters)
    known = {ord(character): byte for byte, character in pairs.items() if ord(character) >= 0x80}
    encoding = {code: code for code in range(0x80)} | _INVALID | known
    return Recoding(lambda: _ToUtf8(mapping), False), Recoding(lambda: _FromUtf8(encoding), False)


def _ascii_only() -> list[int]:
    return [byte if byte < 0x80 else ord(UNKNOWN) for byte in range(256)]


def _by_table(table: bytes) -> Recoding:
    return Recoding(lambda: _Table(table), True)


class _Table:
    """One byte for another."""

    __slots__ = ("_table",)

    def __init__(self, table: bytes) -> None:
        self._table = table

    def feed(self, data: bytes) -> bytes:
        return data.translate(self._table)

    def flush(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        return b""


class _ToUtf8:
    """A character for each byte."""

    __slots__ = ("_mapping",)

    def __init__(self, mapping: str) -> None:
        self._mapping = mapping

    def feed(self, data: bytes) -> bytes:
        return codecs.charmap_decode(data, "strict", self._mapping)[0].encode()

    def flush(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        return b""


class _FromUtf8:
    """A byte for each character, or its number."""

    __slots__ = ("_decoder", "_encoding")

    def __init__(self, encoding: dict[int, int]) -> None:
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def feed(self, data: bytes) -> bytes:
        return self._encoded(self._decoder.decode(data))

    def flush(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        return self._encoded(self._decoder.decode(b"", True))

    def _encoded(self, characters: str) -> bytes:
        return codecs.charmap_encode(characters, "xmlcharrefreplace", self._encoding)[0]
