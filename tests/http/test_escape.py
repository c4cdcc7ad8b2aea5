from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyngx.http import escape
from pyngx.http.codec import text

_ALWAYS = ' "<>\\^`{|}'


@pytest.mark.parametrize(
    ("function", "escaped"),
    [
        (escape.escape_uri, _ALWAYS + "#%?"),
        (escape.escape_args, _ALWAYS + "#%?&+;"),
        (escape.escape_component, _ALWAYS + "#%?&+;!$'()*,/:=@[]"),
        (escape.escape_link, _ALWAYS + "#%'"),
        (escape.escape_refresh, ' "<>\\^`{|' + "'~"),
    ],
)
def test_each_escape_has_its_characters(function: Callable[[str], str], escaped: str) -> None:
    printable = [chr(code) for code in range(0x20, 0x7F)]
    assert {char for char in printable if function(char) != char} == set(escaped)
    assert all(function(char) == f"%{ord(char):02X}" for char in escaped)
    assert function("\n") == "%0A"


def test_bytes_above_ascii_are_escaped_one_by_one() -> None:
    assert escape.escape_uri("/é") == "/%C3%A9"
    assert escape.escape_uri(text(b"/\xff")) == "/%FF"


@given(st.binary().map(text))
def test_unescape_takes_an_escape_back(plain: str) -> None:
    assert escape.unescape(escape.escape_uri(plain)) == plain
    assert escape.unescape(escape.escape_args(plain)) == plain
    assert escape.unescape(escape.escape_component(plain)) == plain


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        ("/a+b", "/a+b"),
        ("%41%2f%00", "A/\0"),
        ("%2541", "%41"),
        ("%C3%A9", "é"),
        ("%zz", "zz"),
        ("%4z5", "5"),
        ("%%41", "%41"),
        ("%4%41", "41"),
        ("a%", "a"),
        ("a%4", "a"),
    ],
)
def test_broken_escapes_lose_what_nginx_drops(escaped: str, plain: str) -> None:
    assert escape.unescape(escaped) == plain


@pytest.mark.parametrize(
    ("escaped", "shown"),
    [
        ("/a", "/a"),
        ("/%41%7E%26", "/A~&"),
        ("/%20%25%0a%C3%a9", "/%20%25%0a%C3%a9"),
        ("/%41?%41", "/A?%41"),
        ("/%41%3f%41", "/A?%41"),
    ],
)
def test_a_redirect_shows_what_is_safe_up_to_the_query(escaped: str, shown: str) -> None:
    assert escape.unescape_redirect(escaped) == shown


def test_html_is_escaped() -> None:
    assert escape.escape_html('<a href="\'">&') == "&lt;a href=&quot;'&quot;&gt;&amp;"
