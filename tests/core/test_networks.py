"""Addresses, networks, and what proxies say."""

from __future__ import annotations

import pytest

from pyngx.core.networks import (
    UNIX_SOCKETS,
    Network,
    Networks,
    forwarded_address,
    parse_address,
    parse_network,
    show_number,
)


def networks(*texts: str) -> Networks:
    found = [parse_network(text) for text in texts]
    return Networks(each[0] for each in found if each is not None)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", (4, 0xC0000201)),
        ("010.0.0.09", (4, 0x0A000009)),
        ("0.0.0.0", (4, 0)),
        ("::1", (6, 1)),
        ("::ffff:1.2.3.4", (6, 0xFFFF01020304)),
        ("1.2.3", None),
        ("1.2.3.256", None),
        ("1.2.3.4.5", None),
        ("1.2.3.x", None),
        ("1.2.3.٤", None),
        ("::1%lo", None),
        ("::x", None),
        ("1.2.3.4\0", None),
        ("", None),
        ("unix:", None),
    ],
)
def test_addresses_are_read_as_nginx_reads_them(text: str, address: tuple[int, int] | None) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.0/8", (Network(4, 0x0A000000, 0x0AFFFFFF), True)),
        ("10.1.0.0/8", (Network(4, 0x0A000000, 0x0AFFFFFF), False)),
        ("10.1.0.0", (Network(4, 0x0A010000, 0x0A010000), True)),
        ("0.0.0.0/0", (Network(4, 0, 0xFFFFFFFF), True)),
        ("::/127", (Network(6, 0, 1), True)),
        ("10.0.0.0/008", (Network(4, 0x0A000000, 0x0AFFFFFF), True)),
        ("10.0.0.0/33", None),
        ("10.0.0.0/", None),
        ("10.0.0.0/-1", None),
        ("::/129", None),
        ("::/12a", None),
        ("host/8", None),
    ],
)
def test_networks_have_a_prefix_length(text: str, network: tuple[Network, bool] | None) -> None:
    assert parse_network(text) == network


def test_a_network_knows_its_length() -> None:
    assert [found[0].length for text in ("10.0.0.0/8", "::/0", "::1") if (found := parse_network(text))] == [8, 0, 128]


def test_addresses_are_found_in_networks_that_overlap() -> None:
    found = networks("10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8", "192.0.2.1", "2001:db8::/32")
    inside = ["10.0.0.0", "10.1.2.3", "11.255.255.255", "192.0.2.1", "::ffff:10.0.0.1", "2001:db8::1"]
    outside = ["9.255.255.255", "12.0.0.0", "192.0.2.0", "192.0.2.2", "2001:db9::", "::", "unix:", "nonsense"]
    assert [address for address in inside + outside if found.contains(address)] == inside
    assert repr(found).startswith("<Networks 10.0.0.0-11.255.255.255 192.0.2.1-192.0.2.1 2001:db8::-2001:db8:ffff:")


def test_unix_sockets_are_a_network_of_their_own() -> None:
    assert Networks([UNIX_SOCKETS]).contains("unix:")
    assert not networks("0.0.0.0/0", "::/0").contains("unix:")


@pytest.mark.parametrize(
    ("fields", "last", "recursive"),
    [
        (["192.0.2.1"], "192.0.2.1", "192.0.2.1"),
        (["10.0.0.1, 192.0.2.1"], "192.0.2.1", "192.0.2.1"),
        (["192.0.2.1, 10.0.0.1, 10.0.0.2"], "10.0.0.2", "192.0.2.1"),
        (["192.0.2.1", "10.0.0.1"], "10.0.0.1", "192.0.2.1"),
        (["192.0.2.1,10.0.0.1 , "], "10.0.0.1", "192.0.2.1"),
        (["10.0.0.1, 10.0.0.2"], "10.0.0.2", "10.0.0.1"),
        (["unknown, 10.0.0.1"], "10.0.0.1", "10.0.0.1"),
        (["unknown", "10.0.0.1"], "10.0.0.1", "10.0.0.1"),
        (["10.0.0.1, unknown"], None, None),
        ([",192.0.2.1"], None, None),
        ([", 192.0.2.1"], "192.0.2.1", "192.0.2.1"),
        (["192.0.2.1:123"], "192.0.2.1 123", "192.0.2.1 123"),
        (["[2001:DB8::0:1]:123"], "2001:db8::1 123", "2001:db8::1 123"),
        (["[2001:db8::1]"], "2001:db8::1", "2001:db8::1"),
        (["2001:db8::1"], "2001:db8::1", "2001:db8::1"),
        (["192.0.2.1:0"], None, None),
        (["192.0.2.1:65536"], None, None),
        (["192.0.2.1:"], None, None),
        (["[::1]x"], None, None),
        (["[::1"], None, None),
        (["255.255.255.255"], None, None),
        ([" "], None, None),
        ([""], None, None),
        ([], None, None),
    ],
)
def test_the_address_that_proxies_say(fields: list[str], last: str | None, recursive: str | None) -> None:
    trusted = networks("10.0.0.0/8")
    found = [forwarded_address("10.9.9.9", fields, trusted, recursive) for recursive in (False, True)]
    shown = [each and show_number(*each[:2]) + (f" {each[2]}" if each[2] else "") for each in found]
    assert shown == [last, recursive]


def test_who_is_not_trusted_says_nothing() -> None:
    assert forwarded_address("192.0.2.9", ["192.0.2.1"], networks("10.0.0.0/8"), recursive=True) is None
