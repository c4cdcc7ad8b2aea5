"""Requests to talk something else: cleartext HTTP/2, halves of WebSocket handshakes, and what hides behind them."""

from __future__ import annotations

from tests.hostile.site import SMUGGLED, Case, head

SETTINGS = "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
HANDSHAKE = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", KEY)
H2C = (
    "h2c", "H2C", " h2c ", "h2c,", ",h2c", "h2c, websocket", "websocket, h2c", "websocket,h2c", "h2c/1", "h2c;q=1",
    "h2", "h2c\t", "\th2c", "x, H2c", '"h2c"', "websocket h2c", "h2c\xa0", "websocket\x0b, h2c", "HTTP/2.0", "h2c-17",
)  # fmt: skip
OPTIONS = (
    "Upgrade", "upgrade", "Upgrade, HTTP2-Settings", "HTTP2-Settings, Upgrade", "close, Upgrade", "Upgrade,",
    "keep-alive, Upgrade, HTTP2-Settings", "HTTP2-Settings", "\tUpgrade",
)  # fmt: skip
TARGETS = ("/up", "/recipe")
# Each lacks something of a handshake, or has too much.
HALVES = {
    "no key": HANDSHAKE[:3],
    "no version": (*HANDSHAKE[:2], KEY),
    "no Upgrade": HANDSHAKE[1:],
    "no Connection": (HANDSHAKE[0], *HANDSHAKE[2:]),
    "an empty Upgrade": ("Upgrade:", *HANDSHAKE[1:]),
    "another version": (*HANDSHAKE[:2], "Sec-WebSocket-Version: 777", KEY),
    "version 8": (*HANDSHAKE[:2], "Sec-WebSocket-Version: 8", KEY),
    "two versions": (*HANDSHAKE, "Sec-WebSocket-Version: 13"),
    "a short key": (*HANDSHAKE[:3], "Sec-WebSocket-Key: x"),
    "an empty key": (*HANDSHAKE[:3], "Sec-WebSocket-Key:"),
    "a long key": (*HANDSHAKE[:3], KEY + "AAAA"),
    "two keys": (*HANDSHAKE, KEY),
    "another protocol": ("Upgrade: websockets", *HANDSHAKE[1:]),
    "a protocol with a version": ("Upgrade: websocket/13", *HANDSHAKE[1:]),
    "two protocols": ("Upgrade: websocket, foo", *HANDSHAKE[1:]),
    "close, too": (HANDSHAKE[0], "Connection: keep-alive, x", *HANDSHAKE[2:]),
}


def _plain(target: str, *fields: str, line: str = "GET", body: bytes = b"", content: bytes = b"") -> Case:
    """Answered as any other request, and whatever comes behind it is a request of its own."""
    seen = (f"{line} {target} HTTP/1.1", content)
    return Case(head(f"{line} {target}", *fields) + body, 200, (seen,), sees={"upgrade": []})


def _smuggling(target: str, *fields: str) -> Case:
    """The answer is no 101: what is behind must go through us again."""
    raw = head(f"GET {target}", *fields) + SMUGGLED
    passed = ((f"GET {target} HTTP/1.1", b""), ("GET /smuggled HTTP/1.1", b""))
    return Case(raw, 200, passed, more=(200,))


CASES = {
    **{
        f"{protocol!r}": _plain("/up", f"Upgrade: {protocol}", "Connection: Upgrade, HTTP2-Settings", SETTINGS)
        for protocol in H2C
    },
    **{
        f"by the recipe, {protocol!r}": Case(
            head("GET /recipe", f"Upgrade: {protocol}", "Connection: Upgrade, HTTP2-Settings", SETTINGS), 200,
            (("GET /recipe HTTP/1.1", b""),),
        )
        for protocol in H2C
    },
    **{
        f"{target}, h2c by {options!r}": Case(
            head(f"GET {target}", "Upgrade: h2c", f"Connection: {options}", SETTINGS), 200,
            ((f"GET {target} HTTP/1.1", b""),), ends="close" in options, sees={"upgrade": [], "http2-settings": []},
        )
        for options in OPTIONS for target in TARGETS
    },
    **{
        f"{target}, h2c in two fields": Case(
            head(f"GET {target}", "Upgrade: websocket", "Upgrade: h2c", "Connection: Upgrade", SETTINGS), 200,
            ((f"GET {target} HTTP/1.1", b""),),
        )
        for target in TARGETS
    },
    **{f"half: {what}": _plain("/up", *fields) for what, fields in HALVES.items()},
    **{f"half, and a request behind: {what}": _smuggling("/up", *fields) for what, fields in HALVES.items()},
    "refused, and a request behind": _smuggling("/up", *HANDSHAKE),
    "refused by the recipe, and a request behind": _smuggling("/recipe", *HANDSHAKE),
    "by HTTP/1.0": Case(
        head("GET /up HTTP/1.0", *HANDSHAKE) + SMUGGLED, 200, (("GET /up HTTP/1.1", b""),), ends=True,
        sees={"upgrade": []},
    ),
    "by POST": _plain("/up", *HANDSHAKE, "Content-Length: 0", line="POST"),
    "with a body": _plain("/up", *HANDSHAKE, "Content-Length: 3", body=b"abc", content=b"abc"),
    "with a chunked body": _plain(
        "/up", *HANDSHAKE, "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n", content=b"abc"
    ),
    "with both lengths": Case(
        head("GET /up", *HANDSHAKE, "Content-Length: 3", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + SMUGGLED
    ),
    "of ourselves": Case(head("GET /own", *HANDSHAKE), 200),
    "prior knowledge": Case(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0", 505),
}  # fmt: skip
