"""Random requests, raw: targets in all spellings, hosts, fields and bodies."""

from __future__ import annotations

from hypothesis import strategies as st

from pyngx.http.target import BadTarget, parse_target
from tests.oracle.random_words import NAMES, pieces
from tests.oracle.wire import Ask, chunked

ODD = (
    *("//", "/./", "/../", "/%2e%2e/", "/%2F", "/%61", "/%20", "/%", "/%zz", "/..", "/.", "/%C3%A9", "/é", "/a+b"),
    *("/%3F", "/%23", "/a;b", "/&", "/%25", "/%00", "/~", "/%5C", "/'", "/%22", "/:", "/x x"),
)
QUERIES = (
    *("", "", "", "?", "?a=x", "?a=b1", "?b=2&a=x", "?a", "?a=", "?A=x", "?a=/c.txt", "?a=%41&a=2", "?x=y&&a=C9"),
    *(
        "?a=dir",
        "?empty=&a=1h",
        "?a=x?b=y",
        "?a=one",
        "?a+b=c",
        "?%61=x",
        "?a=GET",
        "?b=%zz",
        "?a=é",
        "?a=10.1.2.3",
        "?a=10.0.9.9&b=7",
        "?a=127.0.0.1",
        "?a=::1",
        "?a=utf-8",
        "?a=off",
        "?a=users",
        # signed: what secure_link_md5 makes of k, of k2, and of a date far away
        "?a=jOSxayK1iJSqhsQh6HWd8w",
        "?a=YWIJV6FEPJRqFDz5mn0k-g&b=2",
        "?a=YxjLDNmPGXEknxaAKYU9kw&b=2147483647",
        "?a=jOSxayK1iJSqhsQh6HWd8w&b=1",
    ),
)
FIELDS = (
    *("Cookie: c=1", "Cookie: b=2; c=3", "Cookie: C=4", "X-Y: yes", "X-Y: b9", "X-Y:", "X_Y: under", "Accept: */*"),
    *("Range: bytes=0-1", "Range: bytes=1-", "Range: bytes=-2,0-0", "Range: bytes=9-", "Authorization: Basic dTpw"),
    *("If-Modified-Since: Thu, 01 Jan 2015 00:00:00 GMT", 'If-None-Match: "e"', "If-None-Match: *", 'If-Match: "q"'),
    *(
        "Connection: keep-alive, close, X-Z",
        "X-Forwarded-For: 1.2.3.4",
        "Content-Type: text/x",
        "User-Agent: t",
        "Via: v",
    ),
    *("Upgrade: h2c", "TE: trailers", "Referer: http://a.test/", "X-Y: one", "X.Y: dot", "Link: <a>", "Keep-Alive: 3"),
    *("If-Unmodified-Since: Thu, 01 Jan 2015 00:00:00 GMT", "If-Range: x", "Accept-Encoding: gzip"),
    *("Accept-Encoding: gzip", "Accept-Encoding: deflate, gzip;q=0.5", "Accept-Encoding: gzip;q=0, *", "Via: 1.0 x"),
    *(
        "Authorization: Basic dTpw",
        "Authorization: Basic dTpx",
        "Authorization: Basic djpw",
        "Authorization: basic eA==",
    ),
    *("X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 10.1.2.3, 127.0.0.1", "X-Forwarded-For: 192.0.2.1:80, 10.0.0.9"),
    *("X-Forwarded-For: x, 127.0.0.1", "X-Y: 192.0.2.1", "Referer: https://x.b.test/a", "Referer: -", "Referer: xyz"),
    *("Referer: http://a.test/a/b", "Referer: http://www.a.test:80", "Authorization: Bearer x"),
)
METHODS = ("GET", "GET", "GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "FOO")


SEGMENTS = pieces(1, 3).map("".join)
TAILS = st.one_of(
    *[st.sampled_from(("",) * each) for each in range(1, 5)],
    st.tuples(st.sampled_from(ODD), st.sampled_from(("", "", "a", "/b", "/c.txt"))).map("".join),
)
AUTHORITIES = st.integers(0, 15).flatmap(
    lambda at: st.just("") if at else st.sampled_from(NAMES).map(lambda name: f"http://{name}")
)
TARGETS = st.tuples(AUTHORITIES, SEGMENTS, TAILS, st.sampled_from(QUERIES)).map("".join)
HOSTS = st.tuples(st.sampled_from(NAMES), st.sampled_from(("", "", ":8080", ":PORT0"))).map(
    lambda host: f"Host: {''.join(host)}"
)
PACKED = st.sampled_from(([], [], ["Accept-Encoding: gzip"]))
SOME_FIELDS = st.tuples(
    st.lists(HOSTS, max_size=1), st.lists(st.sampled_from(FIELDS), max_size=3, unique=True), PACKED
).map(lambda parts: [*parts[0], *parts[1], *parts[2]])
BODIES = st.sampled_from((b"", b"", b"x=1", b"longer body\r\n"))
CHUNKED = st.sampled_from((False, False, False, True))
VERSIONS = st.sampled_from(("HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"))


def made(drawn: tuple[str, str, list[str], bytes, bool, str, int]) -> Ask:
    method, target, fields, body, in_chunks, version, port = drawn
    try:
        parse_target(target.encode(), merge_slashes=True)
    except BadTarget:  # nginx answers before it reads the fields, which we know by then
        target = target.replace("%", "").replace("/..", "").replace("..", "")
    if method not in {"POST", "PUT", "FOO"}:
        body = b""
    elif in_chunks:
        fields = [*fields, "Transfer-Encoding: chunked"]
        body = chunked(body) if body else chunked()
    return Ask(f"{method} {target} {version}", tuple(fields), body, port)


REQUESTS = st.tuples(
    st.sampled_from(METHODS), TARGETS, SOME_FIELDS, BODIES, CHUNKED, VERSIONS, st.sampled_from((0, 0, 0, 1))
).map(made)


def requests() -> st.SearchStrategy[Ask]:
    """Requests."""
    return REQUESTS
