"""Random directives that let requests in or not: addresses, passwords, rates, referers, signed links."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from tests.oracle.random_words import URIS, Place, Texts, formed, one_of, template

# What stands in the http block. The zones leak so slowly that only the order of requests decides.
COMMON = """
    geo $arg_a $g { default none; 10.0.0.0/8 ten; 10.1.0.0/16 one; 127.0.0.1 lo; ::1 six; 10.1.2.3 "$x"; }
    geo $f { proxy 127.0.0.0/8; proxy 10.0.0.0/8; default far; 127.0.0.1 near; 10.0.0.0/8 ten; 192.0.2.0/24 net; }
    geo $arg_a $r { ranges; default no; 10.0.0.0-10.0.255.255 low; 10.1.0.0-10.1.2.3 "high"; }
    split_clients "$arg_a$arg_b" $p { 33% third; 50.5% half; * ""; }
    map $g$p $v { volatile; ~^(?<start>.)o $start; default "$p"; tenthird both; }
    limit_req_zone $arg_a zone=q:1m rate=1r/m;
    limit_req_zone $uri$http_x_y zone=w:1m rate=1r/m;
    limit_conn_zone $server_name zone=c:1m;
    auth_basic_user_file ROOT/users;
"""
ADDRESSES = one_of(
    *("all", "127.0.0.1", "127.0.0.0/8", "10.0.0.0/8", "192.0.2.1", "192.0.2.0/24", "::/0", "unix:", "0.0.0.0/0"),
    *("2001:db8::/32", "10.1.2.3", "all"),
)


@cache
def rules() -> Texts:
    """Addresses."""
    return formed("{} {};", one_of("allow", "deny"), ADDRESSES)


@cache
def guards(place: Place) -> Texts:
    """Directives, none of which may stand in an `if`."""
    choices = [
        rules(),
        rules(),
        one_of("satisfy any;", "satisfy any;", "satisfy all;"),
        formed('auth_basic "{}";', one_of("x", "r", "$arg_a", "off", "$m")),
        one_of('auth_basic "x";', "auth_basic off;"),
        formed("auth_basic_user_file {};", one_of("ROOT/users", "ROOT/none", "ROOT/$arg_a", "ROOT/dir")),
        formed("auth_request {};", st.one_of(one_of("off", "/a", "/b", "/c.txt", "/ask", "/ask"), URIS)),
        formed('auth_request_set {} "{}";', one_of("$s", "$t"), template()),
        formed("limit_req zone={};", one_of("q", "w", "q burst=1 nodelay", "w burst=2 nodelay", "q burst=1 delay=1")),
        one_of("limit_req_status 429;", "limit_req_dry_run on;", "limit_conn_status 429;", "limit_conn_dry_run on;"),
        one_of("limit_conn c 1;", "limit_conn c 2;"),
        formed("set_real_ip_from {};", one_of("127.0.0.1", "127.0.0.1", "127.0.0.0/8", "10.0.0.0/8", "::/0", "unix:")),
        one_of("real_ip_header X-Forwarded-For;", "real_ip_header X-Forwarded-For;", "real_ip_header X-Y;"),
        one_of("real_ip_recursive on;"),
        formed(
            "valid_referers{} {};",
            one_of("", " none", " blocked", " none blocked"),
            one_of(
                "server_names",
                "*.b.test a.test/a",
                "www.*",
                "z.test ~^x",
                "c.test ~a\\\\.test ~z",
                "xyz a.test/a/b",
                "a.test",
            ),
        ),
        formed('secure_link "{}";', one_of("$arg_a", "$arg_a,$arg_b", "$cookie_c,1")),
        formed('secure_link_md5 "{}";', one_of("k", "k$arg_b", "$secure_link_expires$arg_b")),
    ]
    if place.kind not in {"server", "named"}:
        inner = formed("{} {} {}", rules(), rules(), one_of("", "", 'auth_basic "l";', "auth_basic off;"))
        choices.append(formed("limit_except {} {{ {} }}", one_of("GET", "POST", "GET POST", "HEAD put"), inner))
    return st.one_of(*choices)
