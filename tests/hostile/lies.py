"""What lying upstreams send, and what may come of it at the client."""

from __future__ import annotations

from dataclasses import dataclass

from tests.hostile.bombs import BOMBS
from tests.hostile.switches import EVIL, SWITCHES
from tests.hostile.upstream import Lie, Part

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True)
class Told:
    """A lie, and what a client gets: a status, and a body that is whole or visibly not."""

    lie: Lie
    status: int = 502
    body: bytes | None = None
    whole: bool = True
    method: str = "GET"
    fields: tuple[str, ...] = ()  # of the request


def told(*parts: Part, end: str = "close", status: int = 502, body: bytes | None = None, method: str = "GET") -> Told:
    """What is answered whole."""
    return Told(Lie(parts, end), status, body, method=method)


def cut(*parts: Part, end: str = "close", body: bytes | None = None, status: int = 200) -> Told:
    """What has begun when the lie comes out: the client must see that it is broken."""
    return Told(Lie(parts, end), status, body, whole=False)


def head(*fields: str, line: str = "HTTP/1.1 200 OK") -> bytes:
    return "\r\n".join([line, *fields, "", ""]).encode("latin-1")


def chunks(data: bytes) -> bytes:
    return head("Transfer-Encoding: chunked") + data


NO_HEADS = (
    b"", b"H", b"HTTP/1.1", b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
    b"garbage\r\n\r\n", b"\r\n\r\n", b"\n\n", b"\0\0\0\0\r\n\r\n", b"<html></html>", b"\x16\x03\x01\x02\0\r\n\r\n",
    b"\r\n" + GOOD, b" " + GOOD, b"\n" + GOOD, b"\xef\xbb\xbf" + GOOD, b"x" * 100_000,
    b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000, b"SSH-2.0-OpenSSH_9.2\r\n", b"220 smtp ready\r\n\r\n", b"\0" + GOOD,
    b"HTTP/1.1 200 OK\r\n\r", b"HTTP/1.1 200 OK\r\r\n\r\r\n",
)  # fmt: skip
LINES = (
    "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 2", "HTTP/1.1 20", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 20000",
    "HTTP/1.1 abc OK", "HTTP/1.1 -200 OK", "HTTP/1.1 +200 OK", "HTTP/1.1 000 OK", "HTTP/1.1 099 OK", "HTTP/1.1 001 OK",
    "HTTP/1.1 20x OK", "HTTP/1.1 2 0 0 OK", "HTTP/1.1 0x200 OK", "HTTP/1.1 \xb2\xb0\xb0 OK", "HTTP/2.0 200 OK",
    "HTTP/2 200 OK", "HTTP/0.9 200 OK", "HTTP/3.1 200 OK", "http/1.1 200 OK", "Http/1.1 200 OK", "HTTPS/1.1 200 OK",
    "HTTP/1 200 OK", "HTTP/1. 200 OK", "HTTP/.1 200 OK", "HTTP/1.x 200 OK", "HTTP/-1.1 200 OK", "HTTP/1.1200 OK",
    "HTTP/1.1\t200 OK", "HTTP/1.1 200OK", "HTTP/1.1 200\tOK", "HTTP/1.1 \t200 OK", "HTTP/1.1:200 OK", "ICY 200 OK",
    "200 OK", "OK", "HTTP/1.1 200 O\0K", "HTTP/1.1 200 O\rK", "HTTP/1.1 200 OK\r", "HTTP/1.1\0200 OK", "HTTP/11 200 OK",
    "HTTP/1.1.1 200 OK", "HTTP 1.1 200 OK", "GET / HTTP/1.1", "HTTP/1.1 200 \r", "HTTP/01.1 200 OK", "XHTTP/1.1 200 OK",
)  # fmt: skip
FIELDS = (
    ": y", ":", "X Y: z", " X: y", "\tX: y", "X: y\r\n z", "X: y\r\n\tz", "X: y\0", "X: \0", "X\0: y", "X: y\rz",
    "X\r: y", "\rX: y", "X: \ry", "X: y\r", "\x0bX: y", "X\x7f: y", "X\x01: y", "\xe9: y", "X(: y", "X@: y", "X[: y",
    "X/: y", "Set-Cookie: a\rSet-Cookie: b", "Location: /\r\n \r\nX: y", "X: y\r\n \r\nZ: a", '"X": y', "X;a: y", "X=y",
    "X,Y: z", "GET / HTTP/1.1", "X", "HTTP/1.1 200 OK",
)  # fmt: skip
LENGTHS = (
    "+2", "-2", "2,2", "2, 2", "2 2", "2;", "0x2", "2.0", "2e0", "", "two", "2\t2", "2\x0b", "\xb2", "%32", "--2", "2-",
    "99999999999999999999", "18446744073709551618", "9223372036854775808", "9" * 100, "9" * 5000, "-1", "2\xa0", "'2'",
)  # fmt: skip
CODINGS = (
    "gzip", "identity", "chunked, chunked", "gzip, chunked", "chunked, gzip", "chunked, identity", "identity, chunked",
    "xchunked", "chunkedx", "chunked;a=b", '"chunked"', "", "chunked,", ",chunked", "chunked\x0b", "\x0bchunked",
    "chunke", "deflate", "c hunked", "chunked chunked", "\xa0chunked",
)  # fmt: skip
DOUBLED = (
    ("Content-Length: 2", "Content-Length: 2"), ("Content-Length: 2", "Content-Length: 3"),
    ("content-length: 2", "CONTENT-LENGTH: 0"), ("Content-Length: 2", "Transfer-Encoding: chunked"),
    ("Transfer-Encoding: chunked", "Content-Length: 2"), ("Content-Length: 0", "Transfer-Encoding: chunked"),
    ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), ("Content-Length: 2", "Transfer-Encoding: gzip"),
    ("Transfer-Encoding: chunked", "Transfer-Encoding: gzip"), ("Content-Length: 2", "Content-Length:"),
    ("Content-Length: 2", "Content-Length : 3"), ("Content-Length : 2", "Transfer-Encoding\t: chunked"),
)  # fmt: skip
# After a good chunk.
CHUNKS = (
    b"x\r\n", b"-1\r\n", b"0x1\r\na\r\n", b"g\r\n", b"\r\n\r\n", b" 1\r\na\r\n", b"1\na\r\n0\r\n\r\n",
    b"1;\na\r\n0\r\n\r\n", b"fffffffffffffffff\r\na\r\n", b"8000000000000000\r\na\r\n", b"ffffffffffffffff\r\na",
    b"1 1\r\na\r\n", b"1\r\nab\r\n", b"1\r\na\n0\r\n\r\n", b"1\r\na\r\r\n0\r\n\r\n", b"1\r\na", b"1\r\na\r",
    b"1\r\na\r\n", b"1\r\n", b"1", b"1\r", b"5\r\nhel", b"0", b"0\r", b"0\r\n", b"0\r\n\r", b"0\n\n", b"0\n\r\n",
    b"0\r\n\n", b"0\r\nX\0: y\r\n\r\n", b"0\r\nX : y\r\n\r\n", b"0\r\nX: y\r\n", b"0\r\n: y\r\n\r\n",
    b"0\r\nX: y\rz\r\n\r\n", b"0\r\n X: y\r\n\r\n", b"1;" + b"a" * 20_000 + b"\r\na\r\n0\r\n\r\n",
    b"0\r\n" + b"X: y\r\n" * 5000 + b"\r\n", b"", GOOD, b"\0", b"1\0\r\na\r\n", b"1\r\na\r\n\r\n0\r\n\r\n",
)  # fmt: skip

BODILESS = (
    ("a body", ("Content-Length: 4",), b"evil"), ("a response", (), EVIL),
    ("a length and a response", ("Content-Length: 2",), EVIL),
    ("chunks", ("Transfer-Encoding: chunked",), b"4\r\nevil\r\n0\r\n\r\n"), ("bytes", (), b"evil"),
    ("nothing", ("Content-Length: 4",), b""), ("an end", ("Content-Length: 0",), b""),
)  # fmt: skip
BEHIND = (
    ("a response", EVIL), ("bytes", b"evil"), ("a blank line", b"\r\n"), ("a zero", b"\0"),
    ("half a response", EVIL[:20]), ("a 408", b"HTTP/1.1 408 T\r\nContent-Length: 0\r\n\r\n"), ("an end", b"0\r\n\r\n"),
)  # fmt: skip
WHEN: tuple[tuple[str, tuple[Part, ...]], ...] = (("at once", ()), ("later", (0.02,)))

TOLD: dict[str, Told] = {
    **{f"no head {at}": told(data) for at, data in enumerate(NO_HEADS)},
    "no head, reset": told(b"HTTP/1.1 200", end="reset"),
    "nothing, reset": told(end="reset"),
    **{f"line {at}": told(head("Content-Length: 2", line=line) + b"ok") for at, line in enumerate(LINES)},
    **{f"field {at}": told(head(field, "Content-Length: 2") + b"ok") for at, field in enumerate(FIELDS)},
    **{f"last field {at}": told(head("Content-Length: 2", field) + b"ok") for at, field in enumerate(FIELDS)},
    **{f"length {at}": told(head(f"Content-Length: {length}") + b"ok") for at, length in enumerate(LENGTHS)},
    **{
        f"coding {at}": told(head(f"Transfer-Encoding: {coding}") + b"2\r\nok\r\n0\r\n\r\n")
        for at, coding in enumerate(CODINGS)
    },
    **{f"doubled {at}": told(head(*fields) + b"2\r\nok\r\n0\r\n\r\n") for at, fields in enumerate(DOUBLED)},
    **{
        f"doubled {at}, open": told(head(*fields) + b"2\r\nok\r\n0\r\n\r\n" + EVIL, end="open")
        for at, fields in enumerate(DOUBLED)
    },
    "a field larger than the buffer": told(head("X: " + "a" * 100_000, "Content-Length: 2") + b"ok"),
    "a reason larger than the buffer": told(head("Content-Length: 2", line="HTTP/1.1 200 " + "O" * 100_000) + b"ok"),
    "no reason": told(head("Content-Length: 2", line="HTTP/1.1 200") + b"ok", status=200, body=b"ok"),
    "an empty reason": told(head("Content-Length: 2", line="HTTP/1.1 200 ") + b"ok", status=200, body=b"ok"),
    "a status of nobody's": told(head("Content-Length: 2", line="HTTP/1.1 999 No") + b"ok", status=999, body=b"ok"),
    "a status above 599": told(head("Content-Length: 2", line="HTTP/1.1 600 No") + b"ok", status=600, body=b"ok"),
    "all in LF": told(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", status=200, body=b"ok"),
    "a blank before the colon": told(head("X : y", "Content-Length: 2") + b"ok", status=200, body=b"ok"),
    "a length in blanks": told(head("Content-Length: \t 2 \t") + b"ok", status=200, body=b"ok"),
    "a length in zeros": told(head("Content-Length: 0002") + b"ok", status=200, body=b"ok"),
    "a coding in capitals": told(
        chunks(b"").replace(b"chunked", b"CHUNKED") + b"2\r\nok\r\n0\r\n\r\n", status=200, body=b"ok",
    ),
    "chunks by HTTP/1.0": told(
        head("Transfer-Encoding: chunked", line="HTTP/1.0 200 OK") + b"2\r\nok\r\n0\r\n\r\n" + EVIL, end="open",
        status=200, body=b"ok",
    ),
    "nothing by word": told(GOOD, status=200, body=b"ok"),
    "up to the end": told(head() + b"ok", status=200, body=b"ok"),
    "up to the end by HTTP/1.0": told(head(line="HTTP/1.0 200 OK") + b"ok", status=200, body=b"ok"),
    "up to the end, another response in it": told(head() + EVIL, status=200, body=EVIL),
    "kept, and closed all the same": told(
        head("Connection: keep-alive", "Content-Length: 2") + b"ok", status=200, body=b"ok",
    ),
    "100 first": told(head(line="HTTP/1.1 100 Continue") + GOOD, status=200, body=b"ok"),
    "100 with a length": told(head("Content-Length: 2", line="HTTP/1.1 100 Continue") + b"ok" + GOOD),
    "100 with a length of nothing": told(
        head("Content-Length: 0", line="HTTP/1.1 100 Continue") + GOOD, status=200, body=b"ok",
    ),
    "100 in chunks": told(head("Transfer-Encoding: chunked", line="HTTP/1.1 100 Continue") + b"0\r\n\r\n" + GOOD),
    "hints that frame": told(
        head("Content-Length: 5", "Transfer-Encoding: chunked", "Connection: close", line="HTTP/1.1 103 Hints")
        + GOOD,
        status=200, body=b"ok",
    ),
    "102 and 199": told(head(line="HTTP/1.1 102 P") + head(line="HTTP/1.1 199 P") + GOOD, status=200, body=b"ok"),
    "some 1xx": told(head(line="HTTP/1.1 102 P") * 20 + GOOD, status=200, body=b"ok"),
    "endless 1xx": told(head(line="HTTP/1.1 102 P") * 5000, end="open"),
    "endless 100": told(*[head(line="HTTP/1.1 100 Continue")] * 1000, end="open"),
    "only 100": told(head(line="HTTP/1.1 100 Continue")),
    "a broken 1xx": told(b"HTTP/1.1 100 Continue\r\nX\0: y\r\n\r\n" + GOOD),
    "101 unasked": told(head("Upgrade: websocket", "Connection: Upgrade", line="HTTP/1.1 101 S") + EVIL, end="open"),
    "101 unasked, bare": told(head(line="HTTP/1.1 101 S") + EVIL, end="open"),
    "101 after 100": told(head(line="HTTP/1.1 100 C") + head("Upgrade: h2c", line="HTTP/1.1 101 S") + EVIL, end="open"),
    **{
        f"{status} with {what}": told(
            head(*fields, line=f"HTTP/1.1 {status} No") + data, end="open", status=status, body=b""
        )
        for status in (204, 304) for what, fields, data in BODILESS
    },
    **{
        f"HEAD with {what}": told(head(*fields) + data, end="open", status=200, body=b"", method="HEAD")
        for what, fields, data in BODILESS
    },
    "HEAD with two lengths": told(head("Content-Length: 2", "Content-Length: 3"), method="HEAD"),
    "HEAD in late bytes": Told(Lie((head("Content-Length: 4"), 0.02, EVIL), "open"), 200, b"", method="HEAD"),
    "204 in late bytes": told(head(line="HTTP/1.1 204 No"), 0.02, EVIL, end="open", status=204, body=b""),
    **{
        f"{what} behind a body, {when}": told(GOOD, *pause, data, end="open", status=200, body=b"ok")
        for what, data in BEHIND for when, pause in WHEN
    },
    **{
        f"{what} behind chunks, {when}": told(
            chunks(b"2\r\nok\r\n0\r\n\r\n"), *pause, data, end="open", status=200, body=b"ok"
        )
        for what, data in BEHIND for when, pause in WHEN
    },
    "a response in a trailer": told(chunks(b"2\r\nok\r\n0\r\nX: y\r\n\r\n") + EVIL, end="open", status=200, body=b"ok"),
    "trailers that would be fields": told(
        chunks(b"2\r\nok\r\n0\r\nContent-Length: 9\r\nSet-Cookie: a\r\nConnection: close\r\n\r\n"), end="open",
        status=200, body=b"ok",
    ),
    "closed by word, not by deed": told(
        head("Content-Length: 2", "Connection: close") + b"ok" + EVIL, end="open", status=200, body=b"ok",
    ),
    "a short body": cut(head("Content-Length: 10") + b"short", body=b"short"),
    "a short body, reset": cut(head("Content-Length: 10") + b"short", end="reset"),
    "no body": cut(head("Content-Length: 10"), body=b""),
    "a body of exabytes": cut(head("Content-Length: 9223372036854775807") + b"short", body=b"short"),
    "a short body, late": cut(head("Content-Length: 10"), 0.02, b"short", body=b"short"),
    "up to a reset": cut(head() + b"short", 0.02, end="reset"),
    "up to a reset by HTTP/1.0": cut(head(line="HTTP/1.0 200 OK") + b"short", 0.02, end="reset"),
    "an error that is short": cut(head("Content-Length: 10", line="HTTP/1.1 500 No") + b"short", status=500),
    **{f"chunks {at}": cut(chunks(b"2\r\nok\r\n" + data)) for at, data in enumerate(CHUNKS)},
    **{f"late chunks {at}": cut(chunks(b"2\r\nok\r\n"), 0.01, data) for at, data in enumerate(CHUNKS[::4])},
    **{f"first chunk {at}": cut(chunks(data)) for at, data in enumerate(CHUNKS[::3])},
    "Connection names fields": told(
        head("Connection: X-Mine, Content-Length", "X-Mine: a", "Content-Length: 2") + b"ok", end="open", status=200,
        body=b"ok",
    ),
    "a field for line breaks": told(
        head("X: %0d%0aSet-Cookie: a", "Content-Length: 2") + b"ok", status=200, body=b"ok",
    ),
    "many cookies": told(head(*["Set-Cookie: a"] * 100, "Content-Length: 2") + b"ok", status=200, body=b"ok"),
    "an upgrade that wasn't": told(
        head("Upgrade: h2c", "Connection: Upgrade", "Content-Length: 2") + b"ok", end="open", status=200, body=b"ok",
    ),
    "redirected within to a climb": told(head("X-Accel-Redirect: /../../secret.txt", "Content-Length: 0"), status=404),
    "redirected within to a hidden climb": told(
        head("X-Accel-Redirect: /%2e%2e/secret.txt", "Content-Length: 0"), status=404,
    ),
    "redirected within to nothing": told(head("X-Accel-Redirect:", "Content-Length: 0"), status=404),
    "redirected within for ever": told(
        head("X-Accel-Redirect: /lie/redirected-within-for-ever", "Content-Length: 0"), status=500,
    ),
    "a rate of nothing": told(head("X-Accel-Limit-Rate: x", "Content-Length: 2") + b"ok", status=200, body=b"ok"),
    "a rate beyond measure": told(
        head("X-Accel-Limit-Rate: " + "9" * 100, "Content-Length: 2") + b"ok", status=200, body=b"ok",
    ),
}  # fmt: skip
# They say something, and then nothing for longer than anybody waits: the status, and the bytes of a body before.
SILENT: dict[str, tuple[Lie, int, bytes]] = {
    "silent": (Lie((b"", 5.0)), 504, b""),
    "silent-in-a-line": (Lie((b"HTTP/1.1 20", 5.0)), 504, b""),
    "silent-in-a-head": (Lie((b"HTTP/1.1 200 OK\r\nX: y\r\n", 5.0)), 504, b""),
    "silent-after-100": (Lie((head(line="HTTP/1.1 100 Continue"), 5.0)), 504, b""),
    "silent-after-a-head": (Lie((head("Content-Length: 10"), 5.0)), 200, b""),
    "silent-in-a-body": (Lie((head("Content-Length: 10") + b"short", 5.0)), 200, b"short"),
    "silent-in-chunks": (Lie((chunks(b"5\r\nshort\r\n"), 5.0)), 200, b"short"),
    "silent-in-a-chunk": (Lie((chunks(b"a\r\nshort"), 5.0)), 200, b"short"),
    "silent-before-the-end": (Lie((head() + b"short", 5.0)), 200, b"short"),
    "silent-in-trailers": (Lie((chunks(b"5\r\nshort\r\n0\r\nX: "), 5.0)), 200, b"short"),
}
LIES: dict[str, Lie] = {
    **{name.replace(" ", "-"): told.lie for name, told in TOLD.items()},
    **{name: lie for name, (lie, _, _) in SILENT.items()},
    **{name: lie for name, (lie, _) in SWITCHES.items()},
    **{name: Lie((bomb.response,)) for name, bomb in BOMBS.items()},
}
