"""The cases were confirmed against nginx 1.31.5."""

import pytest

from pyngx.http.conditions import IfModifiedSince, Validators, evaluate, if_range_holds
from pyngx.http.dates import format_http_date
from pyngx.http.headers import Headers

_TIME = 1_700_000_000
_SAME, _EARLIER, _LATER = (format_http_date(_TIME + shift) for shift in (0, -1, 1))
_TAGGED = Validators(b'"abc"', _TIME)
_BARE = Validators(None, None)


def _status(validators: Validators = _TAGGED, mode: IfModifiedSince = "exact", **fields: bytes) -> int | None:
    headers = Headers([(name.replace("_", "-").encode(), value) for name, value in fields.items()])
    return evaluate(headers, validators, mode)


def test_no_condition_no_answer() -> None:
    assert _status() is None


@pytest.mark.parametrize(
    ("since", "off", "exact", "before"),
    [(_SAME, None, 304, 304), (_EARLIER, None, None, None), (_LATER, None, None, 304), (b"never", None, None, None)],
)
def test_if_modified_since(since: bytes, off: int | None, exact: int | None, before: int | None) -> None:
    assert _status(mode="off", If_Modified_Since=since) == off
    assert _status(mode="exact", If_Modified_Since=since) == exact
    assert _status(mode="before", If_Modified_Since=since) == before
    assert _status(_BARE, If_Modified_Since=since) is None


@pytest.mark.parametrize(("since", "status"), [(_SAME, None), (_LATER, None), (_EARLIER, 412), (b"never", 412)])
def test_if_unmodified_since(since: bytes, status: int | None) -> None:
    assert _status(If_Unmodified_Since=since) == status
    assert _status(_BARE, If_Unmodified_Since=since) == 412


@pytest.mark.parametrize(
    ("members", "strong", "weak"),
    [
        (b'"abc"', True, True),
        (b'W/"abc"', False, True),
        (b"*", True, True),
        (b'"x", "abc"', True, True),
        (b'"x" ,\tW/"abc" , "y"', False, True),
        (b',, "abc"', True, True),
        (b'"x",, "abc"', True, True),
        (b'"abc"x', False, False),
        (b'"abc" x, "abc"', True, True),
        (b'"ab"', False, False),
        (b"W/", False, False),
        (b'*, "x"', False, False),
        (b"", False, False),
    ],
)
def test_tags_are_compared_strongly_for_if_match_and_weakly_for_if_none_match(
    members: bytes, strong: bool, weak: bool
) -> None:
    assert _status(If_Match=members) == (None if strong else 412)
    assert _status(If_None_Match=members) == (304 if weak else None)


def test_a_weak_tag_equals_itself_even_for_if_match() -> None:
    weak = Validators(b'W/"abc"', _TIME)
    assert _status(weak, If_Match=b'W/"abc"') is None
    assert _status(weak, If_Match=b'"abc"') == 412
    assert _status(weak, If_None_Match=b'"abc"') == 304


def test_without_a_tag_only_the_asterisk_matches() -> None:
    assert _status(_BARE, If_Match=b"*") is None
    assert _status(_BARE, If_Match=b'"abc"') == 412
    assert _status(_BARE, If_None_Match=b"*") == 304
    assert _status(_BARE, If_None_Match=b'"abc"') is None


def test_both_kinds_must_agree_on_not_modified() -> None:
    assert _status(If_Modified_Since=_SAME, If_None_Match=b'"abc"') == 304
    assert _status(If_Modified_Since=_EARLIER, If_None_Match=b'"abc"') is None
    assert _status(If_Modified_Since=_SAME, If_None_Match=b'"x"') is None


def test_a_failed_precondition_goes_before_not_modified() -> None:
    assert _status(If_Match=b'"x"', If_None_Match=b'"abc"') == 412
    assert _status(If_Unmodified_Since=_EARLIER, If_Modified_Since=_SAME) == 412


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        (b'"abc"', True),
        (b'"x"', False),
        (b'W/"abc"', False),
        (_SAME, True),
        (_EARLIER, False),
        (_LATER, False),
        (b"x", False),
    ],
)
def test_if_range_wants_the_very_same_body(value: bytes, holds: bool) -> None:
    assert if_range_holds(value, _TAGGED) is holds
    assert if_range_holds(value, _BARE) is False
