from hypothesis import given
from hypothesis import strategies as st

from pyngx.http.codec import text, wire


@given(st.binary())
def test_every_byte_survives_the_codec(raw: bytes) -> None:
    assert wire(text(raw)) == raw


def test_utf_8_becomes_readable_text() -> None:
    assert text("/é".encode()) == "/é"
