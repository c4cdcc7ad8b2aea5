"""The cases were confirmed against nginx 1.31.5."""

import pytest

from pyngx.http.host import BadHost, Host, parse_host


@pytest.mark.parametrize(
    ("value", "host"),
    [
        (b"example.com", Host("example.com")),
        (b"Example.COM:8080", Host("example.com", 8080)),
        (b"example.com.", Host("example.com")),
        (b"example.com.:80", Host("example.com", 80)),
        (b"example.com:", Host("example.com")),
        (b"a:00080", Host("a", 80)),
        (b"a:65535", Host("a", 65535)),
        (b".a", Host(".a")),
        (b"a_b~!$&'()*+,;=%-", Host("a_b~!$&'()*+,;=%-")),
        (b"127.0.0.1", Host("127.0.0.1")),
        (b"[::1]", Host("[::1]")),
        (b"[FE80::1]:443", Host("[fe80::1]", 443)),
        (b"[]", Host("[]")),
    ],
)
def test_a_host_is_normalised(value: bytes, host: Host) -> None:
    assert parse_host(value) == host


@pytest.mark.parametrize(
    "value",
    [
        *(
            b"",
            b".",
            b"..",
            b"a..b",
            b":80",
            b".:80",
            b"a:b",
            b"a:80:",
            b"a:65536",
            b"a:" + b"9" * 5000,
            b"a b",
            b"a/b",
        ),
        *(b"u@h", b"a\xff", b"[::1", b"::1", b"[::1]x", b"a[b]", b"[a..b]", b"[%]", b"a\n", b"a\0"),
    ],
)
def test_an_invalid_host_is_refused(value: bytes) -> None:
    with pytest.raises(BadHost):
        parse_host(value)
