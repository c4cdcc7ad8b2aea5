"""The cases were confirmed against nginx 1.31.5."""

import pytest

from pyngx.http.args import argument_finder
from pyngx.http.cookies import cookie_finder


@pytest.mark.parametrize(
    ("args", "value"),
    [
        ("", None),
        ("foo", None),
        ("foo=", ""),
        ("foo=1&foo=2", "1"),
        ("a=1&FOO=%20+", "%20+"),
        ("xfoo=1", None),
        ("foox=1", None),
        ("foo&foo=2", "2"),
        ("a=foo=1", None),
        ("&&foo==&", "="),
        ("a=1;foo=2", None),
    ],
)
def test_an_argument_is_found_by_name_in_any_case(args: str, value: str | None) -> None:
    assert argument_finder("foo")(args) == value


def test_only_ascii_letters_have_two_cases() -> None:
    assert argument_finder("k")("\u212a=1") is None


def test_no_name_finds_no_argument() -> None:
    assert argument_finder("")("=1") is None


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ([], None),
        ([b"sid=1"], b"1"),
        ([b"a=b; sid=1; sid=2"], b"1"),
        ([b"a=b;SID=1"], b"1"),
        ([b"a=b;   sid  =  1 2 ; c"], b"1 2 "),
        ([b"xsid=1", b"sid=2"], b"2"),
        ([b"sid"], None),
        ([b"sidx=1; a=sid=2"], None),
        ([b"sid="], b""),
        ([b"sid=a=b,c"], b"a=b,c"),
    ],
)
def test_a_cookie_is_found_in_any_field(fields: list[bytes], value: bytes | None) -> None:
    assert cookie_finder(b"sid")(fields) == value
