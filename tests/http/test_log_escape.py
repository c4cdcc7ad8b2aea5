import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyngx.http.codec import text
from pyngx.http.log_escape import escape_default, escape_json


@pytest.mark.parametrize(
    ("value", "default", "as_json"),
    [
        ("", "", ""),
        ("/a b?c=d'[]^~", "/a b?c=d'[]^~", "/a b?c=d'[]^~"),
        ('"\\', r"\x22\x5C", r"\"\\"),
        ("\r\n\t\b\f", r"\x0D\x0A\x09\x08\x0C", r"\r\n\t\b\f"),
        ("\0\x1f\x7f", r"\x00\x1F\x7F", "\\u0000\\u001F\x7f"),
        ("é", r"\xC3\xA9", "é"),
        (text(b"\xff"), r"\xFF", text(b"\xff")),
    ],
)
def test_each_style_escapes_its_own(value: str, default: str, as_json: str) -> None:
    assert escape_default(value) == default
    assert escape_json(value) == as_json


@given(st.text())
def test_json_reads_back_what_was_escaped(value: str) -> None:
    assert json.loads(f'"{escape_json(value)}"') == value


@given(st.binary().map(text))
def test_default_leaves_printable_ascii_only(value: str) -> None:
    assert all(" " <= char <= "~" and char != '"' for char in escape_default(value))
