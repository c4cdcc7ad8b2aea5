"""Upstreams that say 101 to a handshake, with and without the proof that they have read it."""

from __future__ import annotations

from tests.hostile.upgrades import ACCEPT, KEY
from tests.hostile.upstream import Lie

EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Evil: yes\r\n\r\nevil"


def _head(*fields: str, line: str) -> bytes:
    return "\r\n".join([line, *fields, "", ""]).encode("latin-1")


def switching(*fields: str) -> Lie:
    """A 101, and bytes that only a tunnel would carry."""
    return Lie((_head(*fields, line="HTTP/1.1 101 Switching Protocols") + EVIL,))


UPGRADED = ("Upgrade: websocket", "Connection: Upgrade")
PROOF = f"Sec-WebSocket-Accept: {ACCEPT.decode()}"
SWITCHES: dict[str, tuple[Lie, int]] = {
    "switch-proven": (switching(*UPGRADED, PROOF), 101),
    "switch-proven-in-capitals": (
        switching("UPGRADE: WEBSOCKET", "CONNECTION: UPGRADE", PROOF.replace("Sec", "SEC")),
        101,
    ),
    "switch-without-a-proof": (switching(*UPGRADED), 502),
    "switch-with-another-proof": (switching(*UPGRADED, "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="), 502),
    "switch-with-an-empty-proof": (switching(*UPGRADED, "Sec-WebSocket-Accept:"), 502),
    "switch-with-the-key": (switching(*UPGRADED, f"Sec-WebSocket-Accept: {KEY[19:]}"), 502),
    "switch-with-two-proofs": (switching(*UPGRADED, PROOF, PROOF), 502),
    "switch-bare": (switching(), 502),
    "switch-without-upgrade": (switching("Connection: Upgrade", PROOF), 502),
    "switch-to-h2c": (switching("Upgrade: h2c", "Connection: Upgrade"), 502),
    "switch-to-h2c-with-a-proof": (switching("Upgrade: h2c", "Connection: Upgrade", PROOF), 502),
    "switch-to-both": (switching("Upgrade: websocket, h2c", "Connection: Upgrade", PROOF), 502),
    "switch-after-another": (Lie((_head(line="HTTP/1.1 100 C"), *switching("Upgrade: h2c").parts)), 502),
}
