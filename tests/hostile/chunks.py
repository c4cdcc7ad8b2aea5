"""Chunked bodies that two parsers would end in different places (RFC 9112 7.1), and trailers that would be fields."""

from __future__ import annotations

from tests.hostile.site import SMUGGLED, Case, head

CODED = "Transfer-Encoding: chunked"
END = b"0\r\n\r\n"
SIZES_400 = (
    b"", b" ", b"x", b"g", b"-1", b"+1", b"0x1", b"1h", b"1x", b"1,", b"1 1", b"1=", b"1:", b"1/", b"1_0", b"1.",
    b"1\x00", b"\x001", b" 1", b"\t1", b"\x0b1", b"1\x0b", b"\x0c1", b"1\x0c", b"1\x1f", b"1\xa0", b"\xef\xbc\x91",
    b"\xd9\xa1", b'"1"', b"'1'", b"%31", b"1\\", b"fffffffffffffffff", b"8000000000000000", b"ffffffffffffffff",
    b"10000000000000001", b"f" * 100, b"f" * 5000, b"7fffffffffffffff1", b"\r", b"1\r", b"1\r\r", b"1 \r", b"\r\n1",
    b"\n1", b"1;\r", b"1;a\rb", b"1;a\x00b", b"1;\x00", b"1;" + b"a" * 20000,
)  # fmt: skip
SIZES_LF = (b"1\n", b"1;\n", b"1;a\n", b"1;a=b\n", b"1 \n", b"1\t\n", b"1;a\nb\r\n", b"1;\n0\r\n\r\n", b"1;a\n\r\n")
SIZES_TAKEN = (
    b"1", b"01", b"001", b"0000000001", b"1;", b"1;a", b"1;a=b", b'1;a="b"', b"1;a=b;c=d", b"1 ", b"1\t", b"1 ;a",
    b"1; a = b", b"1;;;;", b"1;" + b"a" * 1000, b'1;a="\r'[:-1] + b'"', b"1;=", b"1;\xff",
)  # fmt: skip
# After a chunk of one byte.
ENDS_400 = (
    b"", b"\n", b"\r", b"\r\r\n", b" \r\n", b"x\r\n", b"\x00\r\n", b"\n\r\n", b"\r\n\r\n", b"\rx", b"ab", b"\t\r\n",
    b";\r\n",
)  # fmt: skip
LAST_400 = (
    b"0\n\r\n", b"0\r\n\n", b"0\n\n", b"0\r\r\n\r\n", b"0\r\n\r\r\n", b"0;a\n\r\n", b"0\r\nX: y\n\r\n",
    b"0\r\nX: y\n\n", b"0\r\n X: y\r\n\r\n", b"0\r\nX : y\r\n\r\n", b"0\r\nX\x00: y\r\n\r\n", b"0\r\nX: y\x00\r\n\r\n",
    b"0\r\nX: y\rz\r\n\r\n", b"0\r\n: y\r\n\r\n", b"0\r\nX: y\r\n z\r\n\r\n", b"0\r\nX\r\n\r\n",
    b"0\r\nGET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n", b"0\r\nX: " + b"a" * 20000 + b"\r\n\r\n",
    b"0\r\n" + b"X: y\r\n" * 5000 + b"\r\n", b"00x\r\n\r\n", b"0 0\r\n\r\n", b"-0\r\n\r\n", b"+0\r\n\r\n",
    b"0x0\r\n\r\n", b"0\x00\r\n\r\n", b"0;\x00\r\n\r\n", b"0\r\n\x00\r\n\r\n",
)  # fmt: skip
LAST_TAKEN = (b"0\r\n\r\n", b"00000\r\n\r\n", b"0;a=b\r\n\r\n", b"0 \r\n\r\n", b"0;\r\n\r\n")
TRAILERS = (
    "Host: evil", "Content-Length: 100", "Transfer-Encoding: chunked", "Transfer-Encoding: identity",
    "X-Real-IP: 6.6.6.6", "X-User: root", "Authorization: Basic cm9vdDo=", "Cookie: a=root", "Connection: close",
    "Connection: x-user", "Upgrade: h2c", "Expect: 100-continue", "X-Forwarded-For: 6.6.6.6", "Range: bytes=0-1",
    "Trailer: X", "TE: trailers", "Content-Type: x", "Content-Encoding: gzip", "Max-Forwards: 0",
)  # fmt: skip
A = b"1\r\na\r\n"


def post(body: bytes, target: str = "/up", *fields: str) -> bytes:
    return head(f"POST {target}", CODED, *fields) + body


def taken(body: bytes, content: bytes = b"a", target: str = "/up", *fields: str) -> Case:
    return Case(post(body, target, *fields), 200, ((f"POST {target} HTTP/1.1", content),))


CASES = {
    **{f"size {size[:40]!r}": Case(post(size + b"\r\na\r\n" + END) + SMUGGLED) for size in SIZES_400},
    **{f"second size {size[:40]!r}": Case(post(A + size + b"\r\na\r\n" + END) + SMUGGLED) for size in SIZES_400},
    **{f"size in LF {size[:40]!r}": Case(post(size + b"a\r\n" + END) + SMUGGLED) for size in SIZES_LF},
    **{f"second size in LF {size[:40]!r}": Case(post(A + size + b"a\r\n" + END) + SMUGGLED) for size in SIZES_LF},
    **{f"taken size {size[:20]!r}": taken(size + b"\r\na\r\n" + END) for size in SIZES_TAKEN},
    **{f"streamed size {size[:20]!r}": taken(size + b"\r\na\r\n" + END, target="/stream") for size in SIZES_TAKEN[::3]},
    **{f"end {end!r}": Case(post(b"1\r\na" + end + END) + SMUGGLED) for end in ENDS_400},
    **{f"last {last[:40]!r}": Case(post(A + last) + SMUGGLED) for last in LAST_400},
    **{f"last and only {last[:40]!r}": Case(post(last) + SMUGGLED) for last in LAST_400},
    **{f"taken last {last!r}": taken(A + last) for last in LAST_TAKEN},
    **{f"trailer {trailer!r}": taken(A + b"0\r\n" + trailer.encode() + b"\r\n\r\n") for trailer in TRAILERS},
    **{
        f"streamed trailer {trailer!r}": taken(A + b"0\r\n" + trailer.encode() + b"\r\n\r\n", b"a", "/stream")
        for trailer in TRAILERS
    },
    **{
        f"announced trailer {trailer!r}": (
            taken(
                A + b"0\r\n" + trailer.encode() + b"\r\n\r\n", b"a", "/set", f"Trailer: {trailer.split(':')[0]}",
            )
        )
        for trailer in TRAILERS
    },
    "a request in a chunk": taken(b"%x\r\n%b\r\n" % (len(SMUGGLED), SMUGGLED) + END, SMUGGLED),
    "a request in an extension": taken(b"1;GET /smuggled HTTP/1.1\r\na\r\n" + END),
    "an end in a chunk": taken(b"5\r\n" + END + b"\r\n" + END, END),
    "many small chunks": taken(b"1\r\na\r\n" * 3000 + END, b"a" * 3000),
    "capital digits": taken(b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    "small digits": taken(b"a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    "a chunk longer than its size": Case(post(b"1\r\nab\r\n" + END) + SMUGGLED),
    "no body for ourselves": Case(head("POST /own", CODED) + END, 200),
}  # fmt: skip
