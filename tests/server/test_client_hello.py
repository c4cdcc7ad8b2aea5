"""The first message of a TLS client."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyngx.core.tls_facts import ClientHello
from pyngx.server.client_hello import HelloReader, is_tls


def hello(name: str | None = "a.test", **settings: object) -> bytes:
    """What Python's ssl says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for setting, value in settings.items():
        getattr(context, setting)(value)
    sent = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name).do_handshake()
    return sent.read()


def in_records(message: bytes, size: int) -> bytes:
    """The same in records of so many bytes."""
    content = message[5:]
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(message[:3] + len(part).to_bytes(2, "big") + part for part in parts)


def test_the_name_and_what_is_offered_are_read() -> None:
    found = HelloReader().read(hello(set_ciphers="ECDHE-RSA-AES128-GCM-SHA256"))
    assert found is not None
    assert found.server_name == "a.test"
    assert b"\xc0\x2f" in found.ciphers
    assert b"\x00\x1d" in found.groups
    assert b"\x08\x04" in found.signatures


def test_a_client_needn_t_name_the_server() -> None:
    found = HelloReader().read(hello(None))
    assert found is not None
    assert (found.server_name, bool(found.ciphers)) == ("", True)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_message_may_come_in_any_records(size: int) -> None:
    message = hello()
    assert HelloReader().read(in_records(message, size)) == HelloReader().read(message)


def test_more_is_waited_for_until_it_is_whole() -> None:
    message, reader = in_records(hello(), 7), HelloReader()
    assert [reader.read(message[:size]) for size in range(len(message))] == [None] * len(message)
    assert reader.read(message) == HelloReader().read(message)


@given(st.binary(max_size=200), st.integers(0, 300))
def test_nonsense_offers_nothing_and_harms_nobody(data: bytes, at: int) -> None:
    message = hello()
    for mangled in (b"\x16\x03\x01" + data, message[:at] + data + message[at + len(data) :]):
        found = HelloReader().read(mangled)
        assert found is None or isinstance(found, ClientHello)


def test_an_alert_is_no_hello() -> None:
    assert HelloReader().read(b"\x15\x03\x01\0\x02\x02\x28") == ClientHello()


def test_tls_begins_with_a_handshake_or_what_was_one_long_ago() -> None:
    assert [is_tls(first) for first in (0x16, 0x80, ord("G"), ord("\r"))] == [True, True, False, False]
