"""WebSocket frames that lie, where they are read: each ends its connection by the right code, and nobody else's."""

from __future__ import annotations

import socket
import struct
from contextlib import closing, suppress

import pytest

from tests.hostile.client import PATIENCE
from tests.hostile.site import FIRST, Site, head
from tests.hostile.upgrades import HANDSHAKE
from tests.support.daemon import until

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = b"\x37\xfa\x21\x3d"
BAD, NOT_TEXT, TOO_BIG = 1002, 1007, 1009


def frame(
    opcode: int, data: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bool = True, size: bytes = b""
) -> bytes:
    """A client's frame; `size` is put for what the length would be."""
    first = fin << 7 | rsv << 4 | opcode
    if not size:
        size = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data))
    length = bytes([size[0] | mask << 7]) + size[1:]
    if not mask:
        return bytes([first]) + length + data
    masked = bytes(byte ^ MASK[at % 4] for at, byte in enumerate(data))
    return bytes([first]) + length + MASK + masked


def close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack(">H", code) + reason)


OVERLONG = (
    b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xc1\xbf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff",
    b"\x80", b"a\xc3",
)  # fmt: skip
CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65535)
CONTROL = (CLOSE, PING, PONG)
FRAMES = {
    **{f"opcode {opcode}": (frame(opcode, b"a"), BAD) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    **{
        f"unmasked opcode {opcode}": (frame(opcode, b"a", mask=False), BAD)
        for opcode in (TEXT, BINARY, *CONTROL)
    },
    **{
        f"reserved bits {rsv} on opcode {opcode}": (frame(opcode, b"a", rsv=rsv), BAD)
        for rsv in range(1, 8) for opcode in (TEXT, PING)
    },
    **{f"a fragment of opcode {opcode}": (frame(opcode, b"", fin=False), BAD) for opcode in CONTROL},
    **{f"opcode {opcode} of 126 bytes": (frame(opcode, b"a" * 126), BAD) for opcode in CONTROL},
    **{f"close {code}": (close(code), BAD) for code in CODES},
    "close of one byte": (frame(CLOSE, b"\x03"), BAD),
    **{f"close for {reason!r}": (close(1000, reason), NOT_TEXT) for reason in OVERLONG},
    **{f"text {data!r}": (frame(TEXT, data), NOT_TEXT) for data in OVERLONG},
    **{
        f"text {data!r} in fragments": (frame(TEXT, data[:1], fin=False) + frame(CONT, data[1:]), NOT_TEXT)
        for data in OVERLONG
    },
    "a continuation of nothing": (frame(CONT, b"a"), BAD),
    "a continuation of nothing, and more": (frame(CONT, b"a", fin=False), BAD),
    "a continuation of what has ended": (frame(TEXT, b"a") + frame(CONT, b"b"), BAD),
    "text within fragments": (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), BAD),
    "binary within fragments": (frame(TEXT, b"a", fin=False) + frame(BINARY, b"b"), BAD),
    "a length of 2**63": (frame(BINARY, b"a", size=b"\x7f" + struct.pack(">Q", 2**63)), (BAD, TOO_BIG)),
    "a length of 2**64-1": (frame(BINARY, b"a", size=b"\x7f" + struct.pack(">Q", 2**64 - 1)), (BAD, TOO_BIG)),
    "a length of 2**62": (frame(BINARY, b"a", size=b"\x7f" + struct.pack(">Q", 2**62)), TOO_BIG),
    "a length beyond the limit": (frame(BINARY, b"a", size=b"\x7f" + struct.pack(">Q", 2**26)), TOO_BIG),
    "fragments beyond the limit": (
        frame(BINARY, b"a", fin=False) + frame(CONT, b"a", size=b"\x7f" + struct.pack(">Q", 2**26)), TOO_BIG),
    "not a frame at all": (b"GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n", BAD),
    "zeros": (b"\0" * 64, BAD),
    "ones": (b"\xff" * 64, BAD),
}  # fmt: skip
GOOD = {
    "an empty text": frame(TEXT),
    "a pong unasked": frame(PONG, b"a"),
    "a ping": frame(PING, b"a" * 125),
    "fragments with a ping within": frame(TEXT, b"a", fin=False) + frame(PING) + frame(CONT, b"b"),
    "many empty fragments": frame(TEXT, b"", fin=False) + frame(CONT, b"", fin=False) * 2000 + frame(CONT, b"a"),
}


class Speaker:
    """A client whose handshake is done."""

    def __init__(self, site: Site, behind: bytes = b"") -> None:
        """`behind` goes with the handshake."""
        self.socket = socket.create_connection(("127.0.0.1", site.ports[FIRST]), PATIENCE)
        self.socket.sendall(head("GET /echo", *HANDSHAKE) + behind)
        self.heard = b""
        answer = self.until(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 ")

    def until(self, end: bytes) -> bytes:
        """What comes up to and with that."""
        while end not in self.heard:
            part = self.socket.recv(65536)
            assert part, self.heard
            self.heard += part
        data, end, self.heard = self.heard.partition(end)
        return data + end

    def rest(self) -> bytes:
        """What comes up to the end."""
        with suppress(ConnectionError):
            while part := self.socket.recv(65536):
                self.heard += part
        return self.heard

    def close(self) -> None:
        self.socket.close()


def codes(data: bytes) -> list[int]:
    """The codes of the Close frames that a server has sent, small as they are."""
    found = []
    while data:
        opcode, size, start = data[0] & 15, data[1], 2
        if size == 126:
            size, start = struct.unpack(">H", data[2:4])[0], 4
        if opcode == CLOSE:
            found.append(struct.unpack(">H", data[start : start + 2])[0] if size else 1005)
        data = data[start + size :]
    return found


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_that_lies_ends_its_connection(site: Site, name: str, at_once: bool) -> None:
    data, expected = FRAMES[name]
    with closing(Speaker(site, data if at_once else b"")) as client:
        if not at_once:
            client.socket.sendall(data)
        (code,) = codes(client.rest())
    assert code in (expected if isinstance(expected, tuple) else (expected,))
    assert site.serves_others()


@pytest.mark.parametrize("name", GOOD)
def test_what_is_odd_and_allowed_goes_on(site: Site, name: str) -> None:
    with closing(Speaker(site)) as client:
        client.socket.sendall(GOOD[name] + frame(TEXT, b"last"))
        client.until(b"\x81\x04last")
        client.socket.sendall(close(1000))
        assert codes(client.rest()) == [1000]


def test_pings_that_nobody_wants_answers_to_fill_no_memory(site: Site) -> None:
    before = site.memory
    with closing(Speaker(site)) as client:
        client.socket.settimeout(0.5)
        pings = frame(PING, b"a" * 125) * 5000
        sent = 0
        with suppress(TimeoutError):
            while sent < 64 * 2**20:
                sent += client.socket.send(pings)
        assert site.serves_others()
        assert site.memory - before < 16 * 2**20
        assert sent < 32 * 2**20


def test_messages_that_nobody_takes_back_fill_no_memory(site: Site) -> None:
    before = site.memory
    with closing(Speaker(site)) as client:
        client.socket.settimeout(0.5)
        messages = frame(BINARY, b"a" * 1000) * 500
        sent = 0
        with suppress(TimeoutError):
            while sent < 64 * 2**20:
                sent += client.socket.send(messages)
        assert site.serves_others()
        assert site.memory - before < 16 * 2**20
        assert sent < 32 * 2**20


def test_who_leaves_in_the_middle_of_a_frame_costs_nothing(site: Site) -> None:
    for cut in (1, 2, 4, 7):
        with closing(Speaker(site)) as client:
            client.socket.sendall(frame(TEXT, b"abc")[:cut])
    until(site.serves_others)
