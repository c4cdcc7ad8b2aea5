"""Whose body a request has is never ambiguous; the statuses are nginx 1.31.5's."""

from __future__ import annotations

import pytest

from pyngx.http.framing import body_length, check_repeats
from pyngx.http.headers import Headers
from pyngx.http.request_head import BadHead

CL = b"Content-Length"
TE = b"Transfer-Encoding"


def length(*fields: tuple[bytes, bytes], version: str = "1.1") -> int | None:
    headers = Headers(fields)
    check_repeats(headers)
    return body_length(headers, version)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], 0),
        ([(CL, b"0")], 0),
        ([(CL, b"5")], 5),
        ([(b"content-LENGTH", b"0005")], 5),
        ([(CL, b"9223372036854775807")], 2**63 - 1),
        ([(TE, b"chunked")], None),
        ([(b"transfer-encoding", b"Chunked")], None),
    ],
)
def test_framing_that_is_clear(fields: list[tuple[bytes, bytes]], expected: int | None) -> None:
    assert length(*fields) == expected


def test_http_1_0_has_bodies_of_known_length() -> None:
    assert length((CL, b"5"), version="1.0") == 5


@pytest.mark.parametrize(
    ("fields", "version", "status"),
    [
        ([(CL, b"5"), (TE, b"chunked")], "1.1", 400),
        ([(TE, b"chunked"), (CL, b"0")], "1.1", 400),
        ([(CL, b"5"), (CL, b"5")], "1.1", 400),
        ([(CL, b"5"), (b"content-length", b"6")], "1.1", 400),
        ([(TE, b"chunked"), (TE, b"chunked")], "1.1", 400),
        ([(TE, b"chunked"), (TE, b"identity")], "1.1", 400),
        ([(TE, b"chunked")], "1.0", 400),
        ([(TE, b"identity")], "1.0", 400),
        ([(TE, b"identity")], "1.1", 501),
        ([(TE, b"gzip, chunked")], "1.1", 501),
        ([(TE, b"chunked, chunked")], "1.1", 501),
        ([(TE, b"chunked;x=y")], "1.1", 501),
        ([(TE, b"")], "1.1", 501),
        ([(TE, b"\x0bchunked")], "1.1", 501),
        *(
            ([(CL, value)], "1.1", 400)
            for value in (b"", b"-1", b"+1", b"5, 5", b"5,5", b"0x5", b"5.0", b"1_0", b"5 5", b"\xb2", b"9" * 19)
        ),
        ([(CL, b"9223372036854775808")], "1.1", 400),
        ([(CL, b"1" * 5000)], "1.1", 400),
    ],
)
def test_framing_that_two_could_understand_differently_is_refused(
    fields: list[tuple[bytes, bytes]], version: str, status: int
) -> None:
    with pytest.raises(BadHead) as refused:
        length(*fields, version=version)
    assert refused.value.status == status


@pytest.mark.parametrize(
    "name",
    [
        *(b"Host", b"Authorization", b"Proxy-Authorization", b"Expect", b"If-Modified-Since", b"If-Unmodified-Since"),
        *(b"If-Match", b"If-None-Match", b"If-Range", b"Content-Range"),
    ],
)
def test_what_must_come_once_is_refused_twice(name: bytes) -> None:
    check_repeats(Headers([(name, b"a")]))
    with pytest.raises(BadHead, match="duplicate"):
        check_repeats(Headers([(name, b"a"), (b"X", b""), (name.lower(), b"b")]))


def test_other_fields_may_come_again() -> None:
    check_repeats(Headers([(b"Cookie", b"a"), (b"Cookie", b"b"), (b"X-Forwarded-For", b"a"), (b"Accept", b"b")]))
