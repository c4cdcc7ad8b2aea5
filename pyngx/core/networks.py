"""Addresses as numbers, the networks that they are in, and the address that proxies say they were asked from.

What is taken for an address and a network is what nginx takes (ngx_inet.c): IPv4 in four decimal parts, IPv6, a prefix
length behind a slash. An IPv4 address inside IPv6 (::ffff:192.0.2.1) is in the networks of the IPv4 one.
"""

from __future__ import annotations

import socket
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

UNIX = "unix:"  # how the address of a Unix socket is written
LENGTHS = {4: 32, 6: 128}
NO_ADDRESS = 0xFFFFFFFF  # 255.255.255.255, which nginx can't tell from an error
_MAPPED = 0xFFFF


@dataclass(frozen=True, slots=True)
class Network:
    """The addresses from `first` to `last` of an IP version; version 0 is all Unix sockets."""

    version: int
    first: int
    last: int

    @property
    def length(self) -> int:
        """Bits that all its addresses have in common."""
        return LENGTHS[self.version] - (self.first ^ self.last).bit_length()


UNIX_SOCKETS = Network(0, 0, 0)


def parse_address(text: str) -> tuple[int, int] | None:
    """The IP version and the number of an address; None for what is none."""
    if ":" in text:
        try:
            return 6, int.from_bytes(socket.inet_pton(socket.AF_INET6, text))
        except (OSError, ValueError):
            return None
    try:
        return 4, int.from_bytes(socket.inet_pton(socket.AF_INET, text))
    except (OSError, ValueError):
        return _with_zeros(text)


def _with_zeros(text: str) -> tuple[int, int] | None:
    """An IPv4 address whose parts have leading zeros; they are decimal all the same (ngx_inet_addr)."""
    parts = [part.lstrip("0") or part[-1:] for part in text.split(".")]
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts):
        return None
    numbers = [int(part) for part in parts]
    return (4, int.from_bytes(numbers)) if max(numbers) < 256 else None


def unmapped(version: int, number: int) -> tuple[int, int]:
    """The IPv4 address that is written as an IPv6 one, or the same."""
    return (4, number & 0xFFFFFFFF) if version == 6 and number >> 32 == _MAPPED else (version, number)


def show_number(version: int, number: int) -> str:
    """An address as text."""
    if version == 4:
        return socket.inet_ntop(socket.AF_INET, number.to_bytes(4))
    return socket.inet_ntop(socket.AF_INET6, number.to_bytes(16))


def parse_network(text: str) -> tuple[Network, bool] | None:
    """A network, and whether its address has no bits behind the prefix; None for what is none (ngx_ptocidr)."""
    address, slash, digits = text.partition("/")
    found = parse_address(address)
    if found is None or (slash and not (digits.isascii() and digits.isdigit())):
        return None
    version, number = found
    bits = LENGTHS[version]
    length = int(digits[-4:]) if slash and len(digits.lstrip("0")) < 4 else bits + bool(slash)
    if length > bits:
        return None
    host_part = (1 << bits - length) - 1
    return Network(version, number & ~host_part, number | host_part), not number & host_part


class Networks:
    """Some networks, asked whether an address is in any of them; a lookup is one bisection."""

    __slots__ = ("_ranges", "_unix")

    def __init__(self, networks: Iterable[Network]) -> None:
        networks = list(networks)
        self._unix = UNIX_SOCKETS in networks
        self._ranges = {version: _merged(each for each in networks if each.version == version) for version in LENGTHS}

    def __repr__(self) -> str:
        ranges = (
            f"{show_number(version, first)}-{show_number(version, last)}"
            for version, (starts, ends) in self._ranges.items()
            for first, last in zip(starts, ends, strict=True)
        )
        return f"<Networks {' '.join([*ranges, *([UNIX] if self._unix else [])])}>"

    def contains(self, address: str) -> bool:
        """Whether an address, as a connection or a header field has it, is in one of them."""
        if address == UNIX:
            return self._unix
        found = parse_address(address)
        return found is not None and self.contains_number(*found)

    def contains_number(self, version: int, number: int) -> bool:
        """The same for an address that has been read."""
        version, number = unmapped(version, number)
        starts, ends = self._ranges[version]
        at = bisect_right(starts, number) - 1
        return at >= 0 and number <= ends[at]


def _merged(networks: Iterable[Network]) -> tuple[list[int], list[int]]:
    """Where runs of addresses start and end; those that overlap or touch are one."""
    starts: list[int] = []
    ends: list[int] = []
    for network in sorted(networks, key=lambda network: network.first):
        if ends and network.first <= ends[-1] + 1:
            ends[-1] = max(ends[-1], network.last)
        else:
            starts.append(network.first)
            ends.append(network.last)
    return starts, ends


# what proxies say


def forwarded_address(
    peer: str, fields: Sequence[str], trusted: Networks, recursive: bool
) -> tuple[int, int, int] | None:
    """The address for which trusted proxies say they ask: version, number and port (0: none is named).

    `fields` are the values of the header fields, in order; the last address of the last one is what `peer` says. With
    `recursive` the first that is not trusted counts, from behind (ngx_http_get_forwarded_addr). None: there is no
    such address, or the peer is not trusted.
    """
    if not trusted.contains(peer):
        return None
    found: tuple[int, int, int] | None = None
    for field in reversed(fields):
        end = len(field)
        while True:
            if found is not None and not trusted.contains_number(*found[:2]):
                return found
            token, end = _last_address(field, end)
            address = _address_and_port(token)
            if address is None:
                return found
            found = address
            if not recursive:
                return found
            if end <= 0:
                break
    return found


def _last_address(field: str, end: int) -> tuple[str, int]:
    """The last word of a list that ends at `end`, and where the list before it ends.

    As in nginx, what stands first is never taken for a separator.
    """
    words = field[:end].rstrip(" ,") or field[:1]
    cut = max(words.rfind(" "), words.rfind(","))
    return (words[cut + 1 :], cut) if cut > 0 else (words, 0)


def _address_and_port(token: str) -> tuple[int, int, int] | None:
    """An address that may have a port: 192.0.2.1:80, [2001:db8::1]:80, [2001:db8::1] (ngx_parse_addr_port)."""
    if (found := parse_address(token)) is not None:
        return (*found, 0) if found != (4, NO_ADDRESS) else None
    is_bracketed = token.startswith("[")
    address, _, port = token[1:].partition("]") if is_bracketed else token.partition(":")
    if is_bracketed and not port:
        return (*found, 0) if token.endswith("]") and (found := parse_address(address)) is not None else None
    if is_bracketed:
        if not port.startswith(":"):
            return None
        port = port[1:]
    found = parse_address(address)
    if found is None or not (port.isascii() and port.isdigit() and len(port.lstrip("0")) < 6):
        return None
    return (*found, int(port)) if 0 < int(port) < 65536 and found != (4, NO_ADDRESS) else None
