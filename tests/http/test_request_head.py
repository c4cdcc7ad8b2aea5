"""The cases were confirmed against nginx 1.31.5's parser, where nothing else is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyngx.http.codec import wire
from pyngx.http.headers import Headers
from pyngx.http.request_head import HEAD_END, KNOWN_LINES, BadHead, FieldRules, RequestHead, parse_request_head

USUAL = FieldRules()


def head(line: bytes, *fields: bytes, end: bytes = b"\r\n") -> bytes:
    return end.join([line, *fields, b"", b""])


def fields(*lines: bytes, rules: FieldRules = USUAL) -> list[tuple[bytes, bytes]]:
    return parse_request_head(head(b"GET / HTTP/1.1", *lines), rules).headers.items


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        (b"GET / HTTP/1.1", (b"GET", b"/", "1.1")),
        (b"GET / HTTP/1.0", (b"GET", b"/", "1.0")),
        (b"GET / HTTP/1.2", (b"GET", b"/", "1.1")),
        (b"GET / HTTP/1.10", (b"GET", b"/", "1.1")),
        (b"GET /a%2Fb?c=%20&d HTTP/1.1", (b"GET", b"/a%2Fb?c=%20&d", "1.1")),
        (b"GET http://a/b HTTP/1.1", (b"GET", b"http://a/b", "1.1")),
        (b"GET /\xc3\xa9\xff HTTP/1.1", (b"GET", b"/\xc3\xa9\xff", "1.1")),
        (b"M-SEARCH * HTTP/1.1", (b"M-SEARCH", b"*", "1.1")),
        (b"_X / HTTP/1.1", (b"_X", b"/", "1.1")),
        (b"GET   /   HTTP/1.1", (b"GET", b"/", "1.1")),
        (b"GET / HTTP/1.1  ", (b"GET", b"/", "1.1")),
    ],
)
def test_request_lines(line: bytes, parsed: tuple[bytes, bytes, str]) -> None:
    for end in (b"\r\n", b"\n"):
        found = parse_request_head(head(line, b"A: b", end=end), USUAL)
        assert (wire(found.method), wire(found.target), found.version) == parsed
        assert found.headers.items == [(b"A", b"b")]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"get / HTTP/1.1", 400),
        (b"G\x00T / HTTP/1.1", 400),
        (b" GET / HTTP/1.1", 400),
        (b"GET\t/ HTTP/1.1", 400),
        (b"GET", 400),
        (b"GET ", 400),
        (b"GET  HTTP/1.1", 400),
        (b"GET / HTTP/", 400),
        (b"GET / HTTP/1", 400),
        (b"GET / HTTP/1.", 400),
        (b"GET / http/1.1", 400),
        (b"GET / HTTP/0.9", 400),
        (b"GET / HTTP/1.1 x", 400),
        (b"GET / HTTP/1.1\x00", 400),
        (b"GET /a b HTTP/1.1", 400),
        (b"GET /\x00 HTTP/1.1", 400),
        (b"GET /\x7f HTTP/1.1", 400),
        (b"GET /\t HTTP/1.1", 400),
        (b"GET / HTTP/1.1\r", 400),
        (b"GET /\rHTTP/1.1", 400),
        (b"POST /", 400),
        (b"GET / HTTP/2.0", 505),
        (b"PRI * HTTP/2.0", 505),
        (b"GET / HTTP/9.1", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
)
def test_request_lines_that_are_refused(line: bytes, status: int) -> None:
    with pytest.raises(BadHead) as refused:
        parse_request_head(head(line, b"A: b"), USUAL)
    assert refused.value.status == status


def test_a_line_without_a_version_is_a_whole_request() -> None:
    assert parse_request_head(b"GET /x\r\n\r\n", USUAL) == RequestHead("GET", "/x", "0.9", Headers([]))


def test_names_keep_their_case_and_values_their_bytes() -> None:
    found = fields(b"hOST: a", b"X-A:b", b"X-a: \t c d \t", b"Empty:", b"Empty2:  ", b"Utf: \xc3\xa9\xff\x01:")
    assert found == [
        *((b"hOST", b"a"), (b"X-A", b"b"), (b"X-a", b"c d"), (b"Empty", b""), (b"Empty2", b"")),
        (b"Utf", b"\xc3\xa9\xff\x01:"),
    ]


def test_a_name_alone_is_a_field_without_a_value() -> None:
    assert fields(b"A: 1", b"Name", b"B: 2") == [(b"A", b"1"), (b"Name", b""), (b"B", b"2")]


@pytest.mark.parametrize("odd", [b"a_b", b"a.b", b"a+b", b"a!b", b"\xc3\xa9", b"a/b", b'a"b', b"(a)"])
def test_odd_names_are_left_out_or_kept_as_the_rules_say(odd: bytes) -> None:
    lines = (b"A: 1", odd + b": x", b"B: 2")
    assert fields(*lines) == [(b"A", b"1"), (b"B", b"2")]
    kept = [(b"A", b"1"), (odd, b"x"), (b"B", b"2")]
    assert fields(*lines, rules=FieldRules(ignores_invalid=False)) == kept
    with_underscores = fields(*lines, rules=FieldRules(underscores=True))
    assert with_underscores == (kept if odd == b"a_b" else [(b"A", b"1"), (b"B", b"2")])


@pytest.mark.parametrize("ignores", [True, False])
@pytest.mark.parametrize(
    "line",
    [
        *(b" folded", b"\tfolded", b"Name : value", b"Na me: value", b"Na\tme: value", b": value"),
        *(b"Name\x00: value", b"Name: val\x00ue", b"Name: val\rue", b"Name\r: value", b"Na\x7fme: value", b"\x0b: v"),
        *(b"\rName: value", b"Content-Length\x0b: 5", b"Transfer-Encoding\x0c: chunked"),
    ],
)
def test_what_can_be_no_field_is_refused(line: bytes, ignores: bool) -> None:
    with pytest.raises(BadHead):
        fields(b"A: 1", line, b"B: 2", rules=FieldRules(ignores_invalid=ignores))


def test_a_fold_before_the_first_field_is_refused() -> None:
    with pytest.raises(BadHead):
        fields(b" A: 1")


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n", b"\r\n\n", b"\n\r\n"])
def test_any_empty_line_ends_a_head(end: bytes) -> None:
    found = HEAD_END.search(b"GET / HTTP/1.1\r\nA: b" + end + b"rest\r\n\r\n")
    assert found is not None
    assert found.end() == len(b"GET / HTTP/1.1\r\nA: b" + end)


TOKEN = st.text("abcXYZ019-_.", min_size=1, max_size=12).map(str.encode)
VALUE = st.binary(max_size=20)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_otherwise_than_by_refusing(data: bytes) -> None:
    try:
        parsed = parse_request_head(data + b"\r\n\r\n", USUAL)
    except BadHead:
        return
    assert not set(parsed.target) & set(" \r\n\x00\t")


@given(st.lists(st.tuples(TOKEN, VALUE), max_size=8), st.booleans(), st.booleans())
def test_the_fast_way_and_the_slow_one_agree(given_fields: list[tuple[bytes, bytes]], keeps: bool, bare: bool) -> None:
    """A blank more in the request line takes the slow way."""
    rules = FieldRules(ignores_invalid=not keeps)
    lines = [name + b": " + value for name, value in given_fields]
    results = []
    for line in (b"GET / HTTP/1.1", b"GET  / HTTP/1.1"):
        try:
            results.append(parse_request_head(head(line, *lines, end=b"\n" if bare else b"\r\n"), rules))
        except BadHead as error:
            results.append(error.status)
    assert results[0] == results[1]


@given(st.lists(st.tuples(TOKEN, VALUE), max_size=8))
def test_nothing_that_is_accepted_can_begin_a_line_of_its_own(given_fields: list[tuple[bytes, bytes]]) -> None:
    try:
        found = parse_request_head(
            head(b"GET / HTTP/1.1", *(b"%b: %b" % field for field in given_fields)), FieldRules(ignores_invalid=False)
        )
    except BadHead:
        return
    for name, value in found.headers.items:
        assert not set(name) & set(b"\r\n\x00 \t:")
        assert not set(value) & set(b"\r\n\x00")
        assert value == value.strip(b" \t")


def test_fields_that_come_again_are_the_same_and_cannot_be_changed() -> None:
    first, second = (parse_request_head(head(line, b"Host: a", b"A: b"), USUAL) for line in (b"GET / HTTP/1.1",) * 2)
    assert first.headers is second.headers
    for change in (lambda: first.headers.add(b"X", b"y"), lambda: first.headers.remove(b"A")):
        with pytest.raises(TypeError, match="shared"):
            change()
    copy = first.headers.copy()
    copy.set(b"A", b"c")
    assert second.headers.get(b"a") == b"b"


@pytest.mark.parametrize("line", [b"A: " + b"b" * 3000, b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="])
def test_fields_that_are_long_or_come_once_are_not_remembered(line: bytes) -> None:
    lines = head(b"GET / HTTP/1.1", line)
    assert parse_request_head(lines, USUAL).headers is not parse_request_head(lines, USUAL).headers


@pytest.mark.parametrize(
    "head",
    [
        *(b"GET / HTTP/1.1\r\nA: b\n\r\n", b"GET / HTTP/1.1\r\nA: b\r\n\n", b"GET / HTTP/1.1\r\n\n"),
        *(b"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", b"GET / HTTP/1.1\r\nA_: b\nC: d\r\n\r\n"),
    ],
)
def test_a_bare_lf_among_lines_that_end_with_crlf_is_refused(head: bytes) -> None:
    with pytest.raises(BadHead):
        parse_request_head(head, USUAL)


def test_a_head_that_begins_with_a_bare_lf_may_go_on_as_it_likes() -> None:
    assert parse_request_head(b"GET / HTTP/1.1\nA: b\r\nC: d\n\r\n", USUAL).headers.items == [
        (b"A", b"b"),
        (b"C", b"d"),
    ]


def test_many_fields_are_not_remembered() -> None:
    many = head(b"GET / HTTP/1.1", *[b"A: b"] * KNOWN_LINES)
    assert not parse_request_head(many, USUAL).headers.frozen
    assert len(parse_request_head(many, USUAL).headers.items) == KNOWN_LINES
