"""The PROXY protocol: who the client of a proxy in front of us is (haproxy's proxy-protocol.txt, versions 1 and 2).

Sans I/O. As nginx, what is not TCP over IP is accepted and tells nothing (ngx_proxy_protocol.c).
"""

from __future__ import annotations

import re
import socket
import struct
from dataclasses import dataclass
from enum import Enum

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LONGEST_V1 = 107  # bytes, with the line's end
LONGEST = 4096  # bytes that a header may have, nginx's NGX_PROXY_PROTOCOL_MAX_HEADER
_FIXED = struct.Struct("!12sBBH")
_COMMAND_PROXY = 1
_STREAM = 1
_IPV4, _IPV6 = 1, 2
_ADDRESS = rb"[0-9a-fA-F:.]*"
_LINE = re.compile(rb"PROXY TCP[46] (%s) (%s) ([0-9]+) ([0-9]+)" % (_ADDRESS, _ADDRESS)).fullmatch
_PREFIX = b"PROXY "


class Tlv(Enum):
    """Types of values behind the addresses; those of TLS_ stand inside the one named TLS."""

    ALPN = 0x01
    AUTHORITY = 0x02
    UNIQUE_ID = 0x05
    TLS = 0x20
    NETNS = 0x30
    TLS_VERSION = 0x21
    TLS_CN = 0x22
    TLS_CIPHER = 0x23
    TLS_SIG_ALG = 0x24
    TLS_KEY_ALG = 0x25


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """What a header says; a port is -1 and an address empty where it says nothing of them."""

    source_addr: str = ""
    source_port: int = -1
    server_addr: str = ""
    server_port: int = -1
    values: bytes = b""  # the TLVs, unread

    @property
    def tells(self) -> bool:
        """Whether it names a client at all."""
        return self.source_port >= 0


class BadProxyHeader(Exception):
    """What should be a header, and isn't; the message is nginx's."""


NOTHING = ProxyHeader()


def read_header(data: bytes) -> tuple[ProxyHeader, int] | None:
    """A header at the beginning of a connection, and its length; None where more has to come.

    Raises BadProxyHeader as soon as it can't become one.
    """
    if data[: len(SIGNATURE)] == SIGNATURE[: len(data)]:
        return _read_binary(data)
    return _read_line(data)


def find_value(values: bytes, kind: int) -> bytes | None:
    """The first TLV of a type; raises BadProxyHeader if they are broken before it."""
    at = 0
    while at < len(values):
        if at + 3 > len(values):
            raise BadProxyHeader("broken PROXY protocol TLV")
        found, length = values[at], int.from_bytes(values[at + 1 : at + 3], "big")
        end = at + 3 + length
        if end > len(values):
            raise BadProxyHeader("broken PROXY protocol TLV")
        if found == kind:
            return values[at + 3 : end]
        at = end
    return None


def _read_line(data: bytes) -> tuple[ProxyHeader, int] | None:
    end = data.find(b"\r\n", 0, LONGEST_V1)
    if end < 0:
        if len(data) >= LONGEST_V1 or data[: len(_PREFIX)] != _PREFIX[: len(data)] or b"\n" in data:
            raise _broken(data)
        return None
    line = data[:end]
    if line.startswith(b"PROXY UNKNOWN"):
        return NOTHING, end + 2
    if (match := _LINE(line)) is None:
        raise _broken(data)
    source, server, source_port, server_port = match.groups()
    ports = int(source_port), int(server_port)
    if max(ports) > 65535:
        raise _broken(data)
    return ProxyHeader(source.decode(), ports[0], server.decode(), ports[1]), end + 2


def _read_binary(data: bytes) -> tuple[ProxyHeader, int] | None:
    if len(data) < _FIXED.size:
        return None
    _, version_and_command, family_and_transport, length = _FIXED.unpack_from(data)
    if version_and_command >> 4 != 2:
        raise BadProxyHeader(f"unknown PROXY protocol version: {version_and_command >> 4}")
    end = _FIXED.size + length
    if end > LONGEST:
        raise BadProxyHeader("header is too large")
    if len(data) < end:
        return None
    if version_and_command & 0x0F != _COMMAND_PROXY or family_and_transport & 0x0F != _STREAM:
        return NOTHING, end
    return _read_addresses(family_and_transport >> 4, data[_FIXED.size : end]), end


def _read_addresses(family: int, rest: bytes) -> ProxyHeader:
    if family not in {_IPV4, _IPV6}:
        return NOTHING
    size, kind = (4, socket.AF_INET) if family == _IPV4 else (16, socket.AF_INET6)
    if len(rest) < 2 * size + 4:
        raise BadProxyHeader("header is too short for its addresses")
    source_port, server_port = struct.unpack_from("!HH", rest, 2 * size)
    source, server = (socket.inet_ntop(kind, rest[at : at + size]) for at in (0, size))
    return ProxyHeader(source, source_port, server, server_port, rest[2 * size + 4 :])


def _broken(data: bytes) -> BadProxyHeader:
    shown = re.split(rb"[\r\n]", data[:LONGEST_V1], maxsplit=1)[0].decode("utf-8", "backslashreplace")
    return BadProxyHeader(f'broken header: "{shown}"')
