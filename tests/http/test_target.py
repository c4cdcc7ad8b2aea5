"""The cases were confirmed against nginx 1.31.5, those of `merge_slashes off` too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyngx.http.codec import text
from pyngx.http.escape import escape_uri
from pyngx.http.host import Host
from pyngx.http.target import (
    BadTarget,
    Target,
    normalise_path,
    parse_connect,
    parse_target,
    parse_unsafe_uri,
    split_plain,
)

_ATOMS = [
    b"/",
    b".",
    b"..",
    b"a",
    b"%2F",
    b"%2e",
    b"%25",
    b"%23",
    b"%3F",
    b"%20",
    b"%",
    b"%0",
    b"?",
    b"#",
    b"+",
    b"\xff",
]


@pytest.mark.parametrize(
    ("raw", "path", "args"),
    [
        (b"/", "/", ""),
        (b"/a/b.html", "/a/b.html", ""),
        (b"/a?b=c&d=%20", "/a", "b=c&d=%20"),
        (b"/a?", "/a", ""),
        (b"/a??b", "/a", "?b"),
        (b"/a?x=//../", "/a", "x=//../"),
        (b"//a///b", "/a/b", ""),
        (b"/a/./b", "/a/b", ""),
        (b"/a/.", "/a/", ""),
        (b"/a/../b", "/b", ""),
        (b"/a/b/..", "/a/", ""),
        (b"/a/..", "/", ""),
        (b"/a//../b", "/b", ""),
        (b"/.a/..b/...", "/.a/..b/...", ""),
        (b"/a/..?x", "/", "x"),
        (b"/%61", "/a", ""),
        (b"/a%20b", "/a b", ""),
        (b"/a%2Fb", "/a/b", ""),
        (b"/a%2F%2fb", "/a/b", ""),
        (b"/a/%2E%2e/b", "/b", ""),
        (b"/a%2F..%2Fb", "/b", ""),
        (b"/%2541", "/%41", ""),
        (b"/a%3Fb?c", "/a?b", "c"),
        (b"/a%23b", "/a#b", ""),
        (b"/.%23", "/.#", ""),
        (b"/a#b?c", "/a", ""),
        (b"/a?b#c", "/a", "b"),
        (b"/a/..#b", "/", ""),
        (b"/a#%zz", "/a", ""),
        (b"/a+b", "/a+b", ""),
        (b"/%2B", "/+", ""),
        (b"/%C3%A9", "/é", ""),
        ("/é".encode(), "/é", ""),
        (b"/%01%7f", "/\x01\x7f", ""),
        (b'/<">|\\^`{}', '/<">|\\^`{}', ""),
    ],
)
def test_a_target_is_split_decoded_and_normalised(raw: bytes, path: str, args: str) -> None:
    target = parse_target(raw)
    assert (target.path, target.args) == (path, args)
    assert target.raw == text(raw)


@pytest.mark.parametrize(
    ("raw", "path"),
    [(b"//a//b/", "//a//b/"), (b"/a//../b", "/a/b"), (b"//..", "/"), (b"/a/.//b", "/a//b"), (b"/a%2F/b", "/a//b")],
)
def test_slashes_can_be_kept(raw: bytes, path: str) -> None:
    assert parse_target(raw, merge_slashes=False).path == path


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"*", b"a", b"?a", b"/..", b"/../a", b"/a/../..", b"//..", b"/%2e%2e", b"/..#", b"/..?a"),
        *(
            b"/%",
            b"/%4",
            b"/%4?1",
            b"/%zz",
            b"/%00",
            b"/a%0",
            b"/a b",
            b"/a\x00",
            b"/a?b\x7f",
            b"/\r",
            b"/\n",
            b"/a#\t",
        ),
        *(
            b"http:",
            b"http:/a",
            b"http://",
            b"http:///a",
            b"http://a_b/",
            b"http://u@h/",
            b"http://h:x/",
            b"http://h#a",
        ),
        *(b"http://[::1/", b"http://h:65536/", b"http://h/..", b"1http://h/", b"http://h../"),
    ],
)
def test_what_nginx_refuses_is_refused(raw: bytes) -> None:
    with pytest.raises(BadTarget):
        parse_target(raw)


@pytest.mark.parametrize(
    ("raw", "quoted", "plus"),
    [
        (b"/a", False, False),
        (b"/a?%20+", False, False),
        (b"/a%20", True, False),
        (b"/a+", False, True),
        (b"/%2b", True, True),
        (b"/a#%20", False, False),
    ],
)
def test_what_has_to_be_escaped_again_is_known(raw: bytes, quoted: bool, plus: bool) -> None:
    target = parse_target(raw)
    assert (target.quoted, target.plus) == (quoted, plus)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"http://h/a?b", Target("/a", "b", "/a?b", scheme="http", authority="h", host=Host("h"))),
        (b"http://h", Target("/", "", "/", scheme="http", authority="h", host=Host("h"))),
        (b"http://h?a", Target("/", "a", "?a", unclear=True, scheme="http", authority="h", host=Host("h"))),
        (b"X+1.0-://H.:80/", Target("/", "", "/", scheme="X+1.0-", authority="H.:80", host=Host("h", 80))),
        (b"http://[::1]:/", Target("/", "", "/", scheme="http", authority="[::1]:", host=Host("[::1]"))),
    ],
)
def test_an_absolute_target_carries_its_authority(raw: bytes, expected: Target) -> None:
    assert parse_target(raw) == expected


@pytest.mark.parametrize(
    ("raw", "unclear"),
    [
        *(
            (b"/a/%2e%2e/b", True),
            (b"/a/.%2E/b", True),
            (b"/a%2f../b", True),
            (b"/a/..%2Fb", True),
            (b"/a#/../b", True),
        ),
        *((b"/a/../b", False), (b"/a%2Fb/./c", False), (b"/a%2e%2eb", False), (b"/%61/../b", False), (b"/a?#", True)),
    ],
)
def test_what_hides_where_it_leads_is_not_passed_on_as_it_is(raw: bytes, unclear: bool) -> None:
    assert parse_target(raw).unclear is unclear


@pytest.mark.parametrize(
    "raw",
    [
        *(
            b"/..;/a",
            b"/a/..;x=y/b",
            b"/.;/a",
            b"/%2e%2e;/",
            b"/..%3b/",
            b"/a\\..\\b",
            b"/..\\",
            b"/a%5c..%5cb",
            b"/.\\a",
        ),
        *(b"/%c0%ae%c0%ae/", b"/..%c0%af", b"/%e0%80%ae", b"/%f0%80%80%af", b"/%c1%9c", b"/\xc0\xae"),
    ],
)
def test_dots_in_disguise_are_refused(raw: bytes) -> None:
    assert split_plain(text(raw)) is None
    with pytest.raises(BadTarget):
        parse_target(raw)


@pytest.mark.parametrize("raw", [b"/a;b", b"/a..;b", b"/...;", b"/a\\b", b"/a.\\b", b"/%c3%80", b"/%c0%80", b"/;.."])
def test_what_only_resembles_them_is_not(raw: bytes) -> None:
    parse_target(raw)


def test_connect_names_a_host_and_a_port() -> None:
    assert parse_connect(b"H:443") == Target("/", "", "/", authority="H:443", host=Host("h", 443))
    assert parse_connect(b"[::1]:443").host == Host("[::1]", 443)


@pytest.mark.parametrize(
    "raw", [b"", b"h", b"h:", b":80", b"h:x", b"h:80/", b"/", b"a_b:80", b"h:65536", b"http://h:80"]
)
def test_connect_refuses_anything_else(raw: bytes) -> None:
    with pytest.raises(BadTarget):
        parse_connect(raw)


@given(st.lists(st.sampled_from(_ATOMS), max_size=12).map(b"".join), st.booleans())
def test_a_path_that_is_accepted_is_normal(tail: bytes, merge_slashes: bool) -> None:
    try:
        target = parse_target(b"/" + tail, merge_slashes)
    except BadTarget:
        return
    segments = target.path.split("/")
    assert segments[0] == ""
    assert not {".", ".."} & set(segments)
    assert not merge_slashes or "" not in segments[1:-1]
    assert parse_target(escape_uri(target.path).encode(), merge_slashes).path == target.path


@given(st.binary())
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    try:
        parse_target(raw)
    except BadTarget:
        pass


def test_a_decoded_path_is_not_decoded_again() -> None:
    assert normalise_path("/a//%2e%2e/./b?c/..") == "/a/%2e%2e/"


def test_a_relative_path_cannot_be_normalised() -> None:
    with pytest.raises(BadTarget):
        normalise_path("a/b")


@pytest.mark.parametrize(
    ("uri", "path", "args"),
    [("/a?b", "/a", "b"), ("/a%20b?%20", "/a b", "%20"), ("/..a/b..", "/..a/b..", ""), ("/./a//b", "/./a//b", "")],
)
def test_a_safe_uri_is_decoded_only(uri: str, path: str, args: str) -> None:
    assert parse_unsafe_uri(uri) == (path, args)


@pytest.mark.parametrize(
    "uri", ["", "?a", "..", "../a", "/..", "/a/..", "/a/../b", "/a\0", "/%2e%2e/a", "/a%2f../b", "/%00", "/a/..?b"]
)
def test_an_unsafe_uri_is_refused(uri: str) -> None:
    with pytest.raises(BadTarget):
        parse_unsafe_uri(uri)
