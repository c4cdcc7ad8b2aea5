"""PROXY headers: what they say, how long they are, and what is none."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyngx.core.proxy_protocol import (
    LONGEST,
    SIGNATURE,
    BadProxyHeader,
    ProxyHeader,
    Tlv,
    find_value,
    read_header,
)

LINE = b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 5678\r\n"
FOUR = ProxyHeader("192.0.2.1", 1234, "192.0.2.2", 5678)
ADDRESSES = bytes((192, 0, 2, 1, 192, 0, 2, 2)) + struct.pack("!HH", 1234, 5678)


def binary(rest: bytes, command: int = 0x21, family: int = 0x11) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(rest)) + rest


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (LINE, FOUR),
        (b"PROXY TCP6 2001:Db8::1 ::1 1 2\r\n", ProxyHeader("2001:Db8::1", 1, "::1", 2)),
        (b"PROXY UNKNOWN\r\n", ProxyHeader()),
        (b"PROXY UNKNOWN what ever it says\r\n", ProxyHeader()),
        (binary(ADDRESSES), FOUR),
        (binary(ADDRESSES + b"\x05\0\x01x"), ProxyHeader("192.0.2.1", 1234, "192.0.2.2", 5678, b"\x05\0\x01x")),
        (binary(bytes(15) + b"\1" + bytes(16) + struct.pack("!HH", 7, 8), family=0x21), ProxyHeader("::1", 7, "::", 8)),
        (binary(ADDRESSES, command=0x20), ProxyHeader()),  # LOCAL
        (binary(ADDRESSES, family=0x12), ProxyHeader()),  # a datagram
        (binary(bytes(216), family=0x31), ProxyHeader()),  # a unix socket
    ],
)
def test_headers_are_read_to_their_end_and_no_further(data: bytes, header: ProxyHeader) -> None:
    assert read_header(data + b"GET /") == (header, len(data))


@pytest.mark.parametrize("data", [LINE, binary(ADDRESSES)])
def test_headers_may_come_in_parts(data: bytes) -> None:
    assert [read_header(data[:size]) for size in range(len(data))] == [None] * len(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"GET / HTTP/1.1\r\n", 'broken header: "GET / HTTP/1.1"'),
        (b"PROXX", 'broken header: "PROXX"'),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 65536\r\n", "broken header"),
        (b"PROXY TCP4 192.0.2.g 192.0.2.2 1234 5678\r\n", "broken header"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1234\r\n", "broken header"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 5678\n", "broken header"),
        (b"PROXY UNKNOWN " + b"x" * 107, "broken header"),
        (binary(ADDRESSES, command=0x11), "unknown PROXY protocol version: 1"),
        (binary(ADDRESSES[:-1]), "header is too short for its addresses"),
        (binary(bytes(LONGEST)), "header is too large"),
    ],
)
def test_what_is_none_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(BadProxyHeader) as caught:
        read_header(data)
    assert str(caught.value).startswith(message)


@given(st.binary(max_size=300))
def test_whatever_comes_is_read_or_waited_for_or_refused(data: bytes) -> None:
    for start in (b"", SIGNATURE + b"\x21\x11", b"PROXY TCP4 "):
        try:
            found = read_header(start + data)
        except BadProxyHeader:
            continue
        assert found is None or found[1] <= len(start + data)


def test_values_are_found_by_their_type() -> None:
    values = b"\x01\0\x02h2\x02\0\x06a.test\x01\0\x01x"
    assert find_value(values, Tlv.ALPN.value) == b"h2"
    assert find_value(values, Tlv.AUTHORITY.value) == b"a.test"
    assert find_value(values, Tlv.NETNS.value) is None
    for broken in (b"\x01\0", b"\x01\0\x05abc"):
        with pytest.raises(BadProxyHeader):
            find_value(broken, Tlv.NETNS.value)
