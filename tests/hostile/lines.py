"""Request lines and field lines that two parsers would take for different things (RFC 9112 2.2, 3, 5)."""

from __future__ import annotations

from tests.hostile.site import FIRST, SMUGGLED, UNDERSCORES, Case, head

GET = ("GET /up HTTP/1.1", b"")
LINES_400 = (
    "get /up HTTP/1.1", "Get /up HTTP/1.1", "GET\t/up HTTP/1.1", "GET /up\tHTTP/1.1", " GET /up HTTP/1.1",
    "\tGET /up HTTP/1.1", "GET /up HTTP/1.1 x", "GET /up x HTTP/1.1", "GET /u p HTTP/1.1", "GET /up HTTP/1.1\tx",
    "GET /up HTTP/", "GET /up HTTP/1", "GET /up HTTP/1.", "GET /up HTTP/.1", "GET /up HTTP/x.1", "GET /up HTTP/1.x",
    "GET /up http/1.1", "GET /up Http/1.1", "GET /up HTTPS/1.1", "GET /up HTTP 1.1", "GET /up HTTP/1,1",
    "GET /up HTTP/-1.1", "GET /up HTTP/0.9", "GET /up HTTP/0.1", "GET /up HTTP/+1.1", "GET /up HTTP/1.1.1",
    "GET /up HTTP/11", "GET HTTP/1.1", "/up HTTP/1.1", " /up HTTP/1.1", "GET  HTTP/1.1", "GET up HTTP/1.1",
    "GET ?up HTTP/1.1", "GET * HTTP/1.1", "GET #up HTTP/1.1", "GET \\up HTTP/1.1", "GET %2Fup HTTP/1.1",
    "GET .. HTTP/1.1", "GET ../up HTTP/1.1", "GET :80 HTTP/1.1", "GET // HTTP/1.1 HTTP/1.1", "G\x00T /up HTTP/1.1",
    "GET\x00 /up HTTP/1.1", "GET /u\x00p HTTP/1.1", "GET /up\x00 HTTP/1.1", "GET /up HTTP/1.1\x00",
    "\x00GET /up HTTP/1.1", "GET /u\x01p HTTP/1.1", "GET /u\x0bp HTTP/1.1", "GET /u\x0cp HTTP/1.1",
    "GET /u\x7fp HTTP/1.1", "GET /u\x1fp HTTP/1.1", "G\xc9T /up HTTP/1.1", "G(T /up HTTP/1.1", "G1T /up HTTP/1.1",
    "GE:T /up HTTP/1.1", "GE\x0bT /up HTTP/1.1", "GET /up HTTP/1.1\r", "GET /up\r HTTP/1.1", "GET\r/up HTTP/1.1",
    "GE\rT /up HTTP/1.1", "GET /u\rp HTTP/1.1", "\x0bGET /up HTTP/1.1", "GET /up HTTP/1.1\x0b", "GET /up HTTP/1.1\xa0",
    "GET\xa0/up HTTP/1.1", "GET\x0b/up\x0bHTTP/1.1", "GET\x0c/up HTTP/1.1", "POST /up",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "PRI * HTTP/1.1", "\xef\xbb\xbfGET /up HTTP/1.1", "GET",
    "GET http:// HTTP/1.1", "GET http:///up HTTP/1.1", "GET http:/up HTTP/1.1", "GET http:up HTTP/1.1",
    "GET ://t/up HTTP/1.1", "GET 1http://t/up HTTP/1.1", "GET ht tp://t/up HTTP/1.1", "GET http//t/up HTTP/1.1",
    "GET http://t:x/up HTTP/1.1", "GET http://t:99999/up HTTP/1.1", "GET http://a@t/up HTTP/1.1",
    "GET http://a:b@t/up HTTP/1.1", "GET http://t\\up HTTP/1.1", "GET http://t%2Fup HTTP/1.1",
    "GET http://t%00/up HTTP/1.1", "GET http://[::1/up HTTP/1.1", "GET http://::1/up HTTP/1.1",
    "GET http://a..b/up HTTP/1.1", "GET http://t:80:80/up HTTP/1.1", "GET http://t,u/up HTTP/1.1",
    "GET http://t/../../up HTTP/1.1",
)  # fmt: skip
LINES_505 = (
    "GET /up HTTP/2.0", "GET /up HTTP/2.1", "GET /up HTTP/3.0", "GET /up HTTP/9.9", "PRI * HTTP/2.0",
    "GET /up HTTP/10.1", "GET /up HTTP/11.1",
)  # fmt: skip
FIELDS_400 = (
    " X: y", "\tX: y", "X : y", "X\t: y", ":", ": y", ":X: y", "X\x00: y", "\x00: y", "X\x0b: y", "X\x7f: y",
    "X\x1f: y", "X Y: z", "X: y\x00", "X: \x00", "X: y\x00z", "X:\x00", "X: y\rz", "X: \ry", "X:\ry", "X: y\r",
    "X\r: y", "\rX: y", "X\r", "\r", "X: \r\ry", "X: y\r\n z", "X: y\r\n\tz", "X: y\r\n ", "X: y\r\n\t", "X:\r\n y",
    "X: y\r\n  \r\n z", "X: y\r\n : z", "A: b\r\n \r\n C: d", "X: y\n z", "GET /smuggled HTTP/1.1", "HTTP/1.1 200 OK",
    "POST /up HTTP/1.1", "\x0bX: y", "\x0cX: y", "X\x08: y", "X\x1b[31m: y",
)  # fmt: skip
FIELDS_DROPPED = (
    "X_Y: z", "X.Y: z", "X@Y: z", '"X": y', "X/Y: z", "X[0]: y", "{X}: y", "X=Y: z", "X;Y: z", "X,Y: z", "(X): y",
    "X\\: y", "<X>: y", "X\xa0: y", "X\xff: y", "\x80: y", "X\xc3\xa9: y", "X~: y", "X!: y", "X#: y", "X$: y", "X%: y",
    "X&: y", "X': y", "X*: y", "X+: y", "X^: y", "X`: y", "X|: y", "$Version: 1", "%58: y",
)  # fmt: skip
FIELDS_PASSED = (
    "X:y", "X: y", "X:  y  ", "X:\ty\t", "X:", "X: ", "X", "X-Y", "x: y", "-: y", "-X-: y", "1: y", "X: y: z",
    "X: \xff\xfe", "X: \xc3\xa9", "X: \x01\x02\x1f\x7f", "X: \x0b", "X: \x08", "X: \x1b[31m", "X: y\tz", "X: ,", 'X: "',
    "X: (comment", "X: \\", "X: %0d%0aY: z", "X: \\r\\nY: z",
)  # fmt: skip
BLANKS = (b"\r\n", b"\n", b"\r\n\r\n", b"\n\n", b"\r\n\n\r\n", b"\r\n" * 100)
MIXED = (
    b"GET /up HTTP/1.1\r\nHost: t\n\r\n", b"GET /up HTTP/1.1\r\nHost: t\nX: y\r\n\r\n",
    b"GET /up HTTP/1.1\r\nHost: t\r\n\n", b"GET /up HTTP/1.1\r\nHost: t\n\n",
    b"GET /up HTTP/1.1\r\nX: y\nHost: t\r\n\r\n",
    b"POST /up HTTP/1.1\r\nHost: t\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /up HTTP/1.1\r\nHost: t\r\nX: y\nContent-Length: 5\r\n\r\nabcde",
    b"POST /up HTTP/1.1\r\nHost: t\r\nContent-Length: 5\n\r\nabcde",
    b"POST /up HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\nabcde", b"GET /up HTTP/1.1\r\nX: y\n\nHost: t\r\n\r\n",
    b"GET /up HTTP/1.1\r\nHost: t\r\nX: y\n\n",
)  # fmt: skip

CASES = {
    **{f"line {line!r}": Case(line.encode("latin-1") + b"\r\nHost: t\r\n\r\n" + SMUGGLED) for line in LINES_400},
    **{
        f"line {line!r} in LF": Case(line.encode("latin-1") + b"\nHost: t\n\n" + SMUGGLED)
        for line in LINES_400[::4] if line[-1] != "\r"
    },
    **{f"line {line!r}": Case(line.encode() + b"\r\nHost: t\r\n\r\n" + SMUGGLED, 505) for line in LINES_505},
    **{f"field {field!r}": Case(head("GET /up", field) + SMUGGLED) for field in FIELDS_400},
    **{f"first field {field!r}": Case(head("GET /up", field, "Host: t", host=None) + SMUGGLED) for field in FIELDS_400},
    **{
        f"kept field {field!r}": Case(head("GET /up", field) + SMUGGLED, server=server)
        for field in FIELDS_400[:12] for server in (UNDERSCORES, 2)
    },
    **{f"field {field!r} for ourselves": Case(head("GET /own", field) + SMUGGLED) for field in FIELDS_400[::3]},
    **{f"dropped {field!r}": Case(head("GET /up", field), 200, (GET,)) for field in FIELDS_DROPPED},
    **{f"passed {field!r}": Case(head("GET /up", field), 200, (GET,)) for field in FIELDS_PASSED},
    **{f"blanks {blanks!r}": Case(blanks + head("GET /up"), 200, (GET,)) for blanks in BLANKS},
    "CR before a request": Case(b"\r" + head("GET /up"), 200, (GET,)),
    "blank lines between": Case(head("GET /up") + b"\r\n\r\n" + head("GET /up"), 200, (GET, GET), more=(200,)),
    "a blank before": Case(b" " + head("GET /up")),
    "a blank line that is not blank": Case(b" \r\n" + head("GET /up")),
    **{f"LF among CRLF {at}": Case(data + SMUGGLED) for at, data in enumerate(MIXED)},
    "CRLF among LF": Case(b"GET /up HTTP/1.1\nHost: t\r\nX: y\n\r\n", 200, (GET,)),
    "all in LF": Case(head("GET /up", "X: y", end=b"\n"), 200, (GET,)),
    "HTTP/0.9": Case(b"GET /own\r\n" + SMUGGLED, 0, ends=True, method="0.9"),
    "HTTP/0.9 to the upstream": Case(b"GET /up\r\nHost: t\r\n\r\n" + SMUGGLED, 0, (GET,), ends=True, method="0.9"),
    "HTTP/0.9 by a blank that is none": Case(
        b"GET /up\xa0HTTP/1.1\r\n" + SMUGGLED, 0, (("GET /up\xa0HTTP/1.1 HTTP/1.1", b""),), ends=True, method="0.9",
    ),
    "HTTP/0.9 by POST": Case(b"POST /up\r\n" + SMUGGLED),
    "HTTP/1.0": Case(head("GET /up HTTP/1.0") + SMUGGLED, 200, (GET,), ends=True),
    "HTTP/1.0, kept": Case(head("GET /up HTTP/1.0", "Connection: keep-alive"), 200, (GET,)),
    "HTTP/1.0, kept and closed": Case(
        head("GET /up HTTP/1.0", "Connection: keep-alive, close") + SMUGGLED, 200, (GET,), ends=True,
    ),
    "HTTP/1.1, closed": Case(head("GET /up", "Connection: close") + SMUGGLED, 200, (GET,), ends=True),
    "HTTP/1.1, closed among others": Case(
        head("GET /up", "Connection: x, CLOSE ,y") + SMUGGLED, 200, (GET,), ends=True,
    ),
    "HTTP/1.2": Case(head("GET /up HTTP/1.2"), 200, (GET,)),
    "HTTP/1.999": Case(head("GET /up HTTP/1.999"), 200, (GET,)),
    "blanks between the words": Case(head("GET   /up   HTTP/1.1"), 200, (GET,)),
    "blanks behind the version": Case(head("GET /up HTTP/1.1  "), 200, (GET,)),
    "TRACE": Case(head("TRACE /up") + SMUGGLED, 405),
    "CONNECT": Case(head("CONNECT t:80") + SMUGGLED, 405),
    "CONNECT to a path": Case(head("CONNECT /up") + SMUGGLED),
    "CONNECT to a URI": Case(head("CONNECT http://t/up") + SMUGGLED),
    "a method of nobody's": Case(head("FOO /up"), 200, (("FOO /up HTTP/1.1", b""),)),
    "a method with a hyphen": Case(head("M-SEARCH /up"), 200, (("M-SEARCH /up HTTP/1.1", b""),)),
    "a method of length": Case(head("A" * 1000 + " /up"), 200, (("A" * 1000 + " /up HTTP/1.1", b""),)),
    "a method beyond measure": Case(head("A" * 40000 + " /up") + SMUGGLED, 414),
    "a target beyond measure": Case(head("GET /" + "a" * 40000) + SMUGGLED, 414),
    "a value beyond measure": Case(head("GET /up", "X: " + "a" * 40000) + SMUGGLED, 400),
    "a name beyond measure": Case(head("GET /up", "X" * 40000 + ": y") + SMUGGLED, 400),
    "a line without an end": Case(b"a" * 40000, 414),
    "fields beyond number": Case(head("GET /up", *["X: y"] * 1001) + SMUGGLED, 400),
    "fields beyond measure": Case(head("GET /up", *["X: " + "a" * 100] * 900) + SMUGGLED, 400),
    "names only": Case(head("GET /up", *["X"] * 900), 200, (GET,)),
    "the same name": Case(head("GET /up", *["X: y"] * 900), 200, (GET,)),
    "twice what comes once": Case(head("GET /up", "Authorization: a", "Authorization: b") + SMUGGLED),
    "a range twice": Case(head("GET /up", "If-Range: a", "if-range: b") + SMUGGLED),
    "a server that keeps all names": Case(head("GET /up", "X_Y: z", "X.Y: z"), 200, (GET,), server=2),
    "a server that keeps underscores": Case(head("GET /up", "X_Y: z", "X.Y: z"), 200, (GET,), server=UNDERSCORES),
    "a server that keeps neither": Case(head("GET /up", "X_Y: z", "X.Y: z"), 200, (GET,), server=FIRST),
}  # fmt: skip
