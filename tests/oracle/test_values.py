"""Addresses behind proxies, tables of addresses, parts of clients and pages that link here, as nginx has them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.oracle.pair import Pair, cases, needs_nginx, pair
from tests.oracle.wire import Ask, ask, shown, words

pytestmark = needs_nginx

SHARES = "".join(f"{number}% {number}; " for number in (1, 2, 3, 5, 7, 11, 13, 17)) + "0.05% few; .5% half; * rest;"
CONFIGURATION = f"""
    map "$remote_port=$realip_remote_port" $port {{ "~^(\\d*)=\\1$" same; "~^(?<said>\\d*)=" "$said"; }}
    geo $arg_ip $net {{
        default none; 10.0.0.0/8 ten; 10.1.0.0/16 ten-one; 10.1.2.3 host; 255.255.255.255 last; delete 10.2.0.0/16;
        2001:db8::/32 doc; ::1 loop6; 0.0.0.0/1 low;
    }}
    geo $arg_ip $range {{
        ranges; default none; 10.0.0.0-10.3.0.255 all; 10.0.0.9-10.0.0.20 in; 10.0.0.9-10.0.0.9 first;
        10.2.0.0-10.2.255.255 two; delete 10.2.0.0-10.2.255.255; 9.0.0.0-9.255.255.255 nine;
    }}
    geo $bare {{ 127.0.0.0/8 loop; }}
    geo $said {{ proxy 127.0.0.1; proxy 10.0.0.0/8; default none; 192.0.2.0/24 net; 10.0.0.0/8 ten; 127.0.0.1 loop; }}
    geo $deep {{
        proxy_recursive;
        proxy 127.0.0.1; proxy 10.0.0.0/8; default none; 192.0.2.0/24 net; 10.0.0.0/8 ten; 127.0.0.1 loop;
    }}
    split_clients $arg_s $share {{ {SHARES} }}
    split_clients "a${{arg_s}}b" $other {{ 50% a; 49.99% b; * c; }}
    server {{
        listen LISTEN0; server_name localhost *.names.example ~^re\\d+\\.example$;
        set_real_ip_from 127.0.0.1; set_real_ip_from 10.0.0.0/8; set_real_ip_from 2001:db8::/32;
        add_header X-Port "$realip_remote_addr" always;
        location /xff {{ real_ip_header X-Forwarded-For; return 200 "$remote_addr"; }}
        location / {{ return 200 "$remote_addr $port|$net $range $bare $said $deep|$share $other"; }}
        location /r/plain {{
            valid_referers a.example *.b.example c.example/x www.d.* .e.example; return 200 "$invalid_referer";
        }}
        location /r/none {{ valid_referers none a.example; return 200 "$invalid_referer"; }}
        location /r/blocked {{ valid_referers blocked a.example; return 200 "$invalid_referer"; }}
        location /r/names {{ valid_referers server_names; return 200 "$invalid_referer"; }}
        location /r/regex {{ valid_referers ~a\\.example/x$ ~^[b-d]\\.; return 200 "$invalid_referer"; }}
    }}
    server {{
        listen LISTEN1; set_real_ip_from 127.0.0.1; set_real_ip_from 10.0.0.0/8; set_real_ip_from 2001:db8::/32;
        real_ip_header X-Forwarded-For; real_ip_recursive on;
        return 200 "$remote_addr $port $realip_remote_addr|$said $deep";
    }}
    server {{
        listen LISTEN2; set_real_ip_from 127.0.0.1; real_ip_header X-Client;
        return 200 "$remote_addr $port $realip_remote_addr $http_x_client";
    }}
"""
ADDRESSES = words("""
10.0.0.0 10.0.0.8 10.0.0.9 10.0.0.10 10.0.0.20 10.0.0.21 10.1.2.3 10.1.2.4 10.2.0.0 10.2.1.1 10.3.0.255 10.3.1.0
11.0.0.0 9.255.255.255 128.0.0.1 255.255.255.255 255.255.255.254 0.0.0.0 010.001.002.003 1.2.3 1.2.3.4.5 256.1.1.1 x
10.0.0.1/8
2001:db8::1 2001:DB8::1 ::1 :: ::ffff:10.1.2.3 ::ffff:0a01:0203 [::1] 2001:db9:: ::10.1.2.3 1::2::3 ::1%25lo unix:
""")
FORWARDED = [
    *words("192.0.2.1 10.0.0.1 192.0.2.1:81 [2001:db8::1]:82 [2001:db8::1] 2001:db8::1 x 192.0.2.1: 192.0.2.1:0 [::1"),
    *words("192.0.2.1:65535 192.0.2.1:65536 ,192.0.2.1 192.0.2.1, 255.255.255.255 ::ffff:192.0.2.9 192.0.2.1:8x"),
    "192.0.2.1, 10.0.0.1",
    "192.0.2.1,10.0.0.1 , 10.0.0.2",
    "192.0.2.1 10.0.0.1",
    "x, 10.0.0.1",
    "10.0.0.1, x",
    "192.0.2.1, 2001:db8::1, 10.0.0.3",
    "192.0.2.9, 192.0.2.1:99, 10.0.0.3:5",
    "10.0.0.1, 10.0.0.2",
    ", , 192.0.2.1",
    ",",
    "unknown",
]
REFERERS = [
    *words(
        "http://a.example http://a.example/ HTTPS://A.EXAMPLE:81/x http://b.example http://x.b.example/y http://xb.example"
    ),
    *words(
        "http://c.example/x http://c.example/xy http://c.example/X http://c.example:80/x http://c.example:80 a.example"
    ),
    *words(
        "http://www.d.com http://www.d. http://www.d http://e.example http://x.e.example http://localhost/ http://a"
    ),
    *words(
        "http://n.names.example http://names.example http://re1.example http://RE22.EXAMPLE/x http://re.example ftp://a.example"
    ),
    *words(
        "http://a.example/x http://a.example/x/ http://xa.example/x http://b.com http://c. http:///x http://i.ru http://i.r"
    ),
    f"http://{'a' * 255}.example",
    f"http://{'a' * 300}/",
    "",
]
REQUESTS = [
    *(ask(f"GET /?ip={address}") for address in ADDRESSES),
    ask("GET /"),
    *(ask(f"GET /?s={number:x}&ip=1") for number in range(0, 100_000, 1237)),
    ask("GET /?s=%C3%A9%FF"),
    ask("GET /?s=é"),
    *(ask("GET /", f"X-Real-IP: {value}") for value in FORWARDED),
    *(
        ask(target, f"X-Forwarded-For: {value}", port=port)
        for value in FORWARDED
        for target, port in (("GET /xff", 0), ("GET /", 1))
    ),
    ask("GET /", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 10.0.0.1", port=1),
    ask("GET /", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: x", "X-Forwarded-For: 10.0.0.1", port=1),
    ask("GET /", "X-Real-IP: 192.0.2.1", "X-Real-IP: 192.0.2.2"),
    ask("GET /", "X-Client: 192.0.2.1:7", "X-Client: 192.0.2.2", port=2),
    ask("GET /", "x-client: 192.0.2.1, 192.0.2.2", port=2),
    *(
        ask(f"GET /r/{place}", f"Referer: {value}")
        for place in ("plain", "none", "blocked", "names", "regex")
        for value in REFERERS
    ),
    *(ask(f"GET /r/{place}") for place in ("plain", "none", "blocked", "names", "regex")),
]


# an address in brackets without a port, and which of several fields counts
NEW = frozenset(
    {
        *(
            f"GET {target} | {name}: [2001:db8::1]"
            for target, name in (("/", "X-Real-IP"), ("/xff", "X-Forwarded-For"))
        ),
        "GET / | X-Forwarded-For: [2001:db8::1]",
        "GET / | X-Client: 192.0.2.1:7 | X-Client: 192.0.2.2",
    }
)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with pair(tmp_path_factory.mktemp("values"), CONFIGURATION) as running:
        yield running


@pytest.mark.parametrize("request_", cases(REQUESTS, new=NEW))
def test_values_are_those_of_nginx(servers: Pair, request_: Ask) -> None:
    theirs, ours = servers.ask(request_)
    assert shown(ours) == shown(theirs)
