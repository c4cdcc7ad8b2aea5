"""Bodies in another charset."""

import pytest

from pyngx.http.recode import Recoder, between_bytes, to_and_from_utf8

CYRILLIC = {0xC0: "ю", 0xC1: "а", 0xC2: "€"}


def recoded(recoder: Recoder, *parts: bytes) -> bytes:
    return b"".join([*(recoder.feed(part) for part in parts), recoder.flush(), recoder.finish()])


def test_bytes_for_bytes_there_and_back() -> None:
    there, back = between_bytes([(0x58, 0x59), (0xC0, 0xE0)])
    assert recoded(there.start(), b"aX\xc0\xff") == b"aY\xe0?"
    assert recoded(back.start(), b"aXY\xe0\xc0") == b"aXX\xc0?"
    assert there.keeps_length
    assert back.keeps_length


def test_bytes_become_characters() -> None:
    there, _ = to_and_from_utf8(CYRILLIC)
    assert not there.keeps_length
    assert recoded(there.start(), b"a\xc0\xc1", b"\xc2\xff<") == "aюа€?<".encode()


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_characters_become_bytes_or_numbers(size: int) -> None:
    _, back = to_and_from_utf8(CYRILLIC)
    text = "aюа€б😀\0&<".encode()
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    assert recoded(back.start(), *parts) == b"a\xc0\xc1\xc2&#1073;&#128512;\0&<"


@pytest.mark.parametrize("invalid", [b"\xff", b"\x80", b"\xc3", b"\xf8"])
def test_what_is_no_utf8_becomes_a_question_mark_and_takes_nothing_with_it(invalid: bytes) -> None:
    _, back = to_and_from_utf8(CYRILLIC)
    assert recoded(back.start(), b"a" + invalid + b"<b>") == b"a?<b>"
    assert recoded(back.start(), b"a" + invalid) == b"a?"
