import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyngx.http.headers import HOP_BY_HOP, Headers, connection_options, is_field_value, is_token

_NAMES = st.sampled_from([b"Host", b"host", b"X-A", b"x-a", b"Cookie"])
_FIELDS = st.lists(st.tuples(_NAMES, st.binary(max_size=3)), max_size=6)


def test_fields_keep_order_case_and_repeats() -> None:
    fields = [(b"Host", b"a"), (b"X-One", b"\xff"), (b"host", b"b")]
    headers = Headers(fields)
    assert headers.items == fields
    assert list(headers) == fields


def test_names_are_found_in_any_case() -> None:
    headers = Headers([(b"HOST", b"a"), (b"Host", b"b")])
    assert headers.get(b"host") == b"a"
    assert headers.all(b"host") == [b"a", b"b"]
    assert b"host" in headers
    assert b"accept" not in headers
    assert headers.get(b"accept") is None
    assert headers.all(b"accept") == []


@pytest.mark.parametrize(
    ("fields", "name", "joined"),
    [
        ([], b"x-a", None),
        ([(b"X-A", b"")], b"x-a", b""),
        ([(b"X-A", b"1"), (b"x-a", b"2")], b"x-a", b"1, 2"),
        ([(b"X-A", b"1"), (b"x-a", b"")], b"x-a", b"1, "),
        ([(b"Cookie", b"a=1"), (b"cookie", b"b=2")], b"cookie", b"a=1; b=2"),
    ],
)
def test_repeated_fields_are_joined(fields: list[tuple[bytes, bytes]], name: bytes, joined: bytes | None) -> None:
    assert Headers(fields).joined(name) == joined


def test_set_replaces_the_first_in_place_and_drops_the_others() -> None:
    headers = Headers([(b"a", b"1"), (b"B", b"2"), (b"A", b"3"), (b"C", b"4")])
    headers.set(b"A", b"9")
    assert headers.items == [(b"A", b"9"), (b"B", b"2"), (b"C", b"4")]


def test_set_appends_what_is_not_there() -> None:
    headers = Headers([(b"A", b"1")])
    headers.set(b"B", b"2")
    assert headers.items == [(b"A", b"1"), (b"B", b"2")]


@given(_FIELDS, _NAMES, st.sampled_from(["add", "set", "remove"]))
def test_questions_after_a_change_see_the_change(
    fields: list[tuple[bytes, bytes]], name: bytes, operation: str
) -> None:
    headers = Headers(fields)
    headers.get(b"host")  # builds the index, which the change has to keep true
    match operation:
        case "add":
            headers.add(name, b"new")
        case "set":
            headers.set(name, b"new")
        case _:
            headers.remove(name)
    for asked in (b"host", b"x-a", b"cookie"):
        values = [value for field, value in headers.items if field.lower() == asked]
        assert headers.all(asked) == values
        assert headers.get(asked) == (values[0] if values else None)
        assert (asked in headers) == bool(values)


def test_a_copy_is_independent() -> None:
    headers = Headers([(b"A", b"1")])
    copy = headers.copy()
    copy.add(b"B", b"2")
    assert headers.items == [(b"A", b"1")]


def test_equality_is_of_fields_in_order_with_names_in_any_case() -> None:
    assert Headers([(b"A", b"1"), (b"B", b"2")]) == Headers([(b"a", b"1"), (b"b", b"2")])
    assert Headers([(b"A", b"1"), (b"B", b"2")]) != Headers([(b"B", b"2"), (b"A", b"1")])
    assert Headers([(b"A", b"x")]) != Headers([(b"A", b"X")])
    assert Headers() != []


def test_it_shows_its_fields() -> None:
    assert repr(Headers([(b"A", b"1")])) == "Headers([(b'A', b'1')])"


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ([], set()),
        ([b""], set()),
        ([b"keep-alive"], {b"keep-alive"}),
        ([b"Upgrade"], {b"upgrade"}),
        ([b"Close, X-Secret"], {b"close", b"x-secret"}),
        ([b"close,,\tTE ,"], {b"close", b"te"}),
        ([b"a", b"B"], {b"a", b"b"}),
    ],
)
def test_connection_names_its_options(values: list[bytes], options: set[bytes]) -> None:
    assert connection_options(Headers([(b"Connection", value) for value in values])) == options


def test_hop_by_hop_fields_are_named_in_lower_case() -> None:
    assert {b"connection", b"transfer-encoding", b"upgrade"} < HOP_BY_HOP
    assert all(name == name.lower() for name in HOP_BY_HOP)


@pytest.mark.parametrize(
    ("name", "valid"), [(b"X-A", True), (b"!#$~", True), (b"", False), (b"a b", False), (b"a:", False)]
)
def test_tokens(name: bytes, valid: bool) -> None:
    assert is_token(name) is valid


@pytest.mark.parametrize(
    ("value", "valid"), [(b"", True), (b"a\tb\xff", True), (b"a\r", False), (b"a\nb", False), (b"\0", False)]
)
def test_a_value_must_not_end_its_field(value: bytes, valid: bool) -> None:
    assert is_field_value(value) is valid
