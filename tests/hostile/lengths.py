"""Two lengths, or one that can be read in two ways (RFC 9112 6.3): the ways of request smuggling."""

from __future__ import annotations

from tests.hostile.site import SMUGGLED, Case, head

CHUNKS = b"0\r\n\r\n"
CODINGS_501 = (
    "xchunked", "chunkedx", "chunke", "chunked chunked", "chunked,", ",chunked", "chunked, chunked", "cow", "gzip",
    "identity", "chunked, identity", "identity, chunked", "gzip, chunked", "chunked, gzip", "deflate", "none",
    '"chunked"', "'chunked'", "chunked;q=1", "chunked;", "x;chunked", "(chunked)", "chunked\x0b", "\x0bchunked",
    "\x0cchunked", "chunked\x0c", "\x1fchunked", "chunked\x7f", "\x85chunked", "\xa0chunked", "chunked\xa0", "",
    "chunk\xc3\xa9d", "\xef\xbb\xbfchunked", "ch\tunked", "Chunked, Chunked", "%63hunked", "c\\hunked", "\x01chunked",
    "ſchunked".encode().decode("latin-1"), "\u212achunKed".encode().decode("latin-1"),
)  # fmt: skip
# Fields that could be read as Transfer-Encoding.
NAMES_400 = (
    "Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked", "Transfer-Encoding\x00: chunked",
    "Transfer-Encoding\x0b: chunked", "\x00Transfer-Encoding: chunked", "Tra nsfer-Encoding: chunked",
    "\x0bTransfer-Encoding: chunked", "Transfer-Encoding\x7f: chunked", "\x08Transfer-Encoding: chunked",
    " Transfer-Encoding: chunked", "\tTransfer-Encoding: chunked", ":Transfer-Encoding: chunked", ": chunked",
    "X: y\r\n Transfer-Encoding: chunked", "X: y\r\n\tTransfer-Encoding: chunked", "Transfer-Encoding:\r\n chunked",
    "Transfer-Encoding: chunked\r\n , identity", "Transfer-Encoding:\r\n\tchunked", "X:\r\n Transfer-Encoding: chunked",
    "X: y\rTransfer-Encoding: chunked", "X: y\r\rTransfer-Encoding: chunked", "\rTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r", "Transfer-Encoding: chun\rked", "Transfer-Encoding: \rchunked", "X: y\r\r",
    "Transfer-Encoding: chunked\x00", "Transfer-Encoding: chun\x00ked", "Transfer-Encoding: \x00chunked",
)  # fmt: skip
# Nobody's Transfer-Encoding: left out, as all odd names are.
NAMES_DROPPED = (
    "Transfer_Encoding: chunked", "Transfer.Encoding: chunked", "Transfer-Encoding\xa0: chunked",
    "Transfer-Encoding\xad: chunked", "Transfer~Encoding: chunked", '"Transfer-Encoding": chunked',
    "\xa0Transfer-Encoding: chunked", "\xef\xbb\xbfTransfer-Encoding: chunked", "Transfer\xe2\x80\x90Encoding: chunked",
    "Transfer-Encoding;: chunked", "Transfer-Encoding,X: chunked", "(Transfer-Encoding): chunked",
    "/Transfer-Encoding: chunked", "Transfer-Encoding\xff: chunked", "Content_Length: 5", "Content.Length: 5",
    "Content-Length\xa0: 5", "Content-Length\xff: 5", "Content-Length@: 5",
)  # fmt: skip
NAMES_PLAIN = (
    "XTransfer-Encoding: chunked", "Transfer-Encodin: chunked", "TransferEncoding: chunked", "-Content-Length: 5",
)  # fmt: skip
CHUNKED = "Transfer-Encoding: chunked"
LENGTHS_400 = (
    "+5", "-5", "--5", "+ 5", "5 5", "5,5", "5, 5", "5;", ";5", "0x5", "5h", "5.0", "5e0", "", "five", "1_0", "'5'",
    '"5"', "5\x0b", "\x0b5", "\x0c5", "5\x1f", "5\t5", "5\xa0", "\xa05", "\xb2", "\xd9\xa5", "\xef\xbc\x95", "%35",
    "18446744073709551616", "18446744073709551621", "9223372036854775808", "9" * 25, "9" * 5000, "0" * 25, "-0",
    "00000000000000000000000005", "5, 6", "5 ,5", "5;5", "5\\", "=5", "5=", "NaN", "Infinity", "\x00", "5\x00", "\x005",
)  # fmt: skip
LENGTH_NAMES_400 = (
    "Content-Length : 5", "Content-Length\t: 5", "Content-Length\x00: 5", "\x00Content-Length: 5", " Content-Length: 5",
    "Content Length: 5", "Content-Length:\r\n 5", "Content-Length: 1\r\n 5", "X: y\rContent-Length: 5",
    "Content-Length: 5\r", "Content-Length: \r5", "X: y\r\n Content-Length: 5", "Content-Length",
)  # fmt: skip
TWICE = (
    ("Content-Length: 5", "Content-Length: 5"), ("Content-Length: 5", "content-length: 6"),
    ("Content-Length: 0", "Content-Length: 5"), ("Content-Length: 5", "X: y", "CONTENT-LENGTH: 0"), (CHUNKED, CHUNKED),
    (CHUNKED, "Transfer-Encoding: identity"), ("transfer-encoding: x", CHUNKED),
    (CHUNKED, "X: y", "TRANSFER-ENCODING: chunked"), ("Transfer-Encoding:", CHUNKED), (CHUNKED, "Transfer-Encoding:"),
)  # fmt: skip
BOTH = (
    ("Content-Length: 5", CHUNKED), (CHUNKED, "Content-Length: 5"), ("Content-Length: 0", CHUNKED),
    (CHUNKED, "Content-Length: 0"), ("content-length: 5", "transfer-encoding: CHUNKED"),
    ("Content-Length: 5", "X: y", CHUNKED), (CHUNKED, "X: y", "Content-Length: 5"), ("Content-Length: x", CHUNKED),
    (CHUNKED, "Content-Length:"), ("Content-Length: 5", "Transfer-Encoding: gzip"),
    ("Content-Length: 5", "Transfer-Encoding:"), ("Content-Length: 5", "Transfer-Encoding: identity"),
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
FIVE = b"a=bcd"


def post(*fields: str | bytes, body: bytes = CHUNKS, line: str = "POST /up") -> bytes:
    """A request with a body, and another that must never be one."""
    return head(line, *fields) + body + SMUGGLED


def _taken(fields: tuple[str, ...], body: bytes, content: bytes = b"", line: str = "POST /up") -> Case:
    return Case(head(line, *fields) + body, 200, ((f"{line} HTTP/1.1", content),))


CASES = {
    **{f"coding {coding!r}": Case(post(f"Transfer-Encoding: {coding}"), 501) for coding in CODINGS_501},
    **{
        f"stream, coding {coding!r}": Case(post(f"Transfer-Encoding: {coding}", line="POST /stream"), 501)
        for coding in CODINGS_501[::5]
    },
    **{f"field {field!r}": Case(post(field)) for field in NAMES_400},
    **{f"field {field!r} and a length": Case(post("Content-Length: 5", field)) for field in NAMES_400},
    **{
        f"dropped {field!r}": Case(head("POST /up", field) + CHUNKS, 200, (("POST /up HTTP/1.1", b""),), more=(400,))
        for field in NAMES_DROPPED
    },
    **{
        f"plain {field!r}": Case(head("POST /up", field) + CHUNKS, 200, (("POST /up HTTP/1.1", b""),), more=(400,))
        for field in NAMES_PLAIN
    },
    **{f"length {length!r}": Case(post(f"Content-Length: {length}", body=FIVE)) for length in LENGTHS_400},
    **{f"length field {field!r}": Case(post(field, body=FIVE)) for field in LENGTH_NAMES_400},
    **{f"twice {fields}": Case(post(*fields)) for fields in TWICE},
    **{f"both {fields}": Case(post(*fields)) for fields in BOTH},
    **{f"both, {method}": Case(post(*BOTH[0], line=f"{method} /up"), method=method) for method in METHODS},
    **{
        f"coding and length of nothing, {method}": Case(post(*BOTH[2], line=f"{method} /own"), method=method)
        for method in METHODS
    },
    **{
        f"length, {method}": _taken(("Content-Length: 5",), FIVE, FIVE, f"{method} /up")
        for method in METHODS if method != "HEAD"
    },
    **{
        f"chunks, {method}": _taken((CHUNKED,), b"5\r\na=bcd\r\n0\r\n\r\n", FIVE, f"{method} /up")
        for method in METHODS if method != "HEAD"
    },
    "HTTP/1.0 with chunks": Case(post(CHUNKED, line="POST /up HTTP/1.0")),
    "HTTP/1.0 with both": Case(post(*BOTH[0], line="POST /up HTTP/1.0")),
    "HTTP/1.0, kept, with chunks": Case(post(CHUNKED, "Connection: keep-alive", line="POST /up HTTP/1.0")),
    "a length in blanks": _taken(("Content-Length: \t 5 \t ",), FIVE, FIVE),
    "a length without a blank": _taken(("Content-Length:5",), FIVE, FIVE),
    "a length with zeros": _taken(("Content-Length: 005",), FIVE, FIVE),
    "coding in capitals": _taken(("TRANSFER-ENCODING: CHUNKED",), b"5\r\na=bcd\r\n0\r\n\r\n", FIVE),
    "coding in blanks": _taken(("Transfer-Encoding: \t chunked \t",), b"5\r\na=bcd\r\n0\r\n\r\n", FIVE),
    "coding named in Connection": _taken((CHUNKED, "Connection: transfer-encoding"), b"5\r\na=bcd\r\n0\r\n\r\n", FIVE),
    "length named in Connection": _taken(("Content-Length: 5", "Connection: content-length"), FIVE, FIVE),
    "a length in bare LF": Case(
        head("POST /up", "Content-Length: 5", end=b"\n") + FIVE, 200, (("POST /up HTTP/1.1", FIVE),),
    ),
}  # fmt: skip
