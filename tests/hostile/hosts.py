"""Who is asked: Host, the authority of a target, and both at once (RFC 9112 3.2)."""

from __future__ import annotations

from tests.hostile.site import SMUGGLED, Case, head

HOSTS_400 = (
    "", " ", "a/b", "/", "a\\b", "a b", "a\tb", "a@b", "user@t", "user:pass@t", "a#b", "a?b", "a..b", "..", ".",
    "a\x00b", "a\rb", "a\x01b", "a\x7fb", "a:b", "a:-1", "a:99999", "a:65536", "a:1:2", "a:80:", ":", ":80", "[::1",
    "::1]", "[::1]x", "[::1]:x", "[", "]", "[]]", "a[::1]", "<a>", '"a"', "a\xc3\xa9", "http://a", "a\x0b", "\x0ba",
    "a^b", "a`b", "a{b}", "a|b", "a%zz\x00", "a:8 0", "a, b", "a;b c", "\xe2\x80\x8ba", "a\xa0", "a:0x50", "a:+80",
    "a:80\x0b",
)  # fmt: skip
HOSTS_TAKEN = (
    "t", "T", "t.", "t:80", "t:", "t:00080", "1.2.3.4", "[::1]", "[::1]:80", "t_t", "t~", "t!$&'()*+;=", "-",
    "xn--e1afmkfd", "a" * 250,
)  # fmt: skip
CONFLICTS = ("evil", "t:81", "T.evil", "evil.t", "[::1]", "127.0.0.1")
NAMED = "GET /named HTTP/1.1"

CASES = {
    **{f"host {host!r}": Case(head("GET /named", host=host) + SMUGGLED) for host in HOSTS_400},
    **{f"host {host!r} for ourselves": Case(head("GET /own", host=host) + SMUGGLED) for host in HOSTS_400[::3]},
    **{f"taken host {host[:20]!r}": Case(head("GET /named", host=host), 200, ((NAMED, b""),)) for host in HOSTS_TAKEN},
    **{f"absolute, host {host!r}": Case(head("GET http://t/named", host=host) + SMUGGLED) for host in HOSTS_400[::2]},
    **{
        f"absolute against {host!r}": Case(head("GET http://t/named", host=host), 200, ((NAMED, b""),))
        for host in CONFLICTS
    },
    **{
        f"absolute {target!r}": Case(head(f"GET {target}"), 200, ((NAMED, b""),))
        for target in ("http://t/named", "HTTP://T/named", "https://t/named", "http://t:80/named", "ftp://t/named", "h2c://t/named")
    },
    "absolute with dots": Case(head("GET http://t/x/../named"), 200, (("GET /x/../named HTTP/1.1", b""),)),
    "absolute without a path": Case(head("GET http://t"), 403),
    "absolute without a path, with a query": Case(head("GET http://t?/named"), 403),
    "absolute without Host": Case(head("GET http://t/named", host=None) + SMUGGLED),
    "absolute without Host, HTTP/1.0": Case(
        head("GET http://t/named HTTP/1.0", host=None), 200, ((NAMED, b""),), ends=True,
    ),
    "without Host": Case(head("GET /named", host=None) + SMUGGLED),
    "without Host, HTTP/1.0": Case(head("GET /named HTTP/1.0", host=None), 200, ((NAMED, b""),), ends=True),
    "two": Case(head("GET /named", "Host: t") + SMUGGLED),
    "two that differ": Case(head("GET /named", "Host: evil") + SMUGGLED),
    "two in another case": Case(head("GET /named", "hOST: evil") + SMUGGLED),
    "two, one of them empty": Case(head("GET /named", "Host:") + SMUGGLED),
    "two, the second in a fold": Case(head("GET /named", "X: y\r\n Host: evil") + SMUGGLED),
    "two, a blank before": Case(head("GET /named", " Host: evil") + SMUGGLED),
    "two, a blank behind": Case(head("GET /named", "Host : evil") + SMUGGLED),
    "two, a CR before": Case(head("GET /named", "X: y\rHost: evil") + SMUGGLED),
    "two, absolute": Case(head("GET http://t/named", "Host: evil") + SMUGGLED),
    "two, HTTP/1.0": Case(head("GET /named HTTP/1.0", "Host: evil") + SMUGGLED),
    "one that is dropped": Case(head("GET /named", "Host_: evil", "H_ost: evil"), 200, ((NAMED, b""),)),
    "named in Connection": Case(head("GET /named", "Connection: Host"), 200, ((NAMED, b""),)),
    "forwarded": Case(head("GET /named", "X-Forwarded-Host: evil", "Forwarded: host=evil"), 200, ((NAMED, b""),)),
}  # fmt: skip
