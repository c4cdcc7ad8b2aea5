"""What proxy_pass sends to an upstream, and what becomes of its answers, as nginx has it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.oracle.pair import Pair, cases, needs_nginx, pair
from tests.oracle.wire import Ask, ask, chunked, shown, words

pytestmark = needs_nginx

DOORS = ("main", "other", "/tmp/pyngx-oracle.sock")
CONFIGURATION = """
    proxy_http_version 1.1; proxy_set_header Connection "";
    upstream group { server <main>; }
    upstream sock { server unix:/tmp/pyngx-oracle.sock; }
    upstream with.dots { server <main>; }
    map $http_x_up $up { default group; other <other>; }
    server {
        listen LISTEN0; server_name localhost; resolver 127.0.0.1;
        location /plain/ { proxy_pass http://<main>; }
        location /slash/ { proxy_pass http://<main>/; }
        location /uri/ { proxy_pass http://<main>/base/; }
        location /uri2 { proxy_pass http://<main>/base; }
        location /query/ { proxy_pass http://<main>/base?fixed=1&; }
        location /queryonly/ { proxy_pass http://<main>?fixed=1; }
        location /escaped/ { proxy_pass "http://<main>/b%20s/%2F/"; }
        location = /exact { proxy_pass http://<main>/made; }
        location /group/ { proxy_pass http://group; }
        location /groupuri/ { proxy_pass http://group/base/; }
        location /dots/ { proxy_pass http://with.dots/; }
        location /sock/ { proxy_pass http://unix:/tmp/pyngx-oracle.sock; }
        location /sockuri/ { proxy_pass http://unix:/tmp/pyngx-oracle.sock:/base/; }
        location /sockgroup/ { proxy_pass http://sock; }
        location ~ ^/re/(.*)$ { proxy_pass http://<main>; }
        location ~ ^/reuri/(.*)$ { proxy_pass http://<main>/got/$1; }
        location ~ ^/reargs/(.*)$ { proxy_pass http://<main>/got/$1$is_args$args; }
        location /var/ { set $to http://<main>; proxy_pass $to; }
        location /varhost/ { proxy_pass http://$up; }
        location /varuri/ { proxy_pass http://$up/base/; }
        location /varrequest/ { proxy_pass http://$up$request_uri; }
        location /varwhole/ { proxy_pass http://$up$uri; }
        location /varsock/ { set $s /tmp/pyngx-oracle.sock; proxy_pass http://unix:$s:/x; }
        location /varbad/ { set $s ftp://x; proxy_pass $s; }
        location /varempty/ { proxy_pass $arg_none; }
        location /rwlast/ { rewrite ^/rwlast/(.*)$ /plain/$1 last; }
        location /rwbreak/ { rewrite ^/rwbreak/(.*)$ /new/$1 break; proxy_pass http://<main>; }
        location /rwbreakuri/ { rewrite ^/rwbreakuri/(.*)$ /new/$1 break; proxy_pass http://<main>/base/; }
        location /rwargs/ { rewrite ^/rwargs/(.*)$ /new/$1?a=$1 break; proxy_pass http://<main>; }
        location /rwnoargs/ { rewrite ^/rwnoargs/(.*)$ /new/$1? break; proxy_pass http://<main>; }
        location /rwsame/ { rewrite ^/rwsame/(.*)$ /slash/$1; }
        location /named/ { try_files /none @named; }
        location @named { proxy_pass http://<main>; }
        location /namedrw/ { try_files /none @namedrw; }
        location @namedrw { rewrite ^ /rewritten break; proxy_pass http://<main>; }
        location /outer/ { proxy_pass http://<main>/o/; location /outer/inner/ { proxy_pass http://<other>/i/; }
            location /outer/none/ { } location ~ \\.x$ { proxy_pass http://<main>; } }
        location /iff/ { if ($arg_if) { proxy_pass http://<other>; } proxy_pass http://<main>/else/; }
        location /ifnone/ { if ($arg_if) { set $x 1; } proxy_pass http://<main>/else/; }
        location /limit/ { limit_except GET { proxy_pass http://<other>; } proxy_pass http://<main>/get/; }
        location /args/ { set $args "new=1"; proxy_pass http://<main>; }
        location /method/ { proxy_method PATCH; proxy_pass http://<main>; }
        location /methodvar/ { proxy_method $arg_m; proxy_pass http://<main>; }
        location /get/ { proxy_method GET; proxy_pass_request_body off; proxy_set_header Content-Length "";
            proxy_pass http://<main>; }
        location /body/ { proxy_set_body "made $arg_b"; proxy_pass http://<main>; }
        location /bodyempty/ { proxy_set_body $arg_none; proxy_pass http://<main>; }
        location /nobody/ { proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://<main>; }
        location /noheaders/ { proxy_pass_request_headers off; proxy_pass http://<main>; }
        location /stream/ { proxy_request_buffering off; proxy_pass http://<main>; }
        location /10/ { proxy_http_version 1.0; proxy_pass http://<main>; }
        location /set/ {
            proxy_set_header Host "$http_host"; proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Empty "";
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header User-Agent "";
            proxy_set_header X-Var "$host:$scheme:$request_method"; proxy_set_header x-multi one;
            proxy_set_header X-Multi two; proxy_set_header Accept-Encoding identity; proxy_set_header Connection "";
            proxy_pass http://<main>;
        }
        location /hostless/ { proxy_set_header Host ""; proxy_set_header Connection ""; proxy_pass http://<main>; }
        location /hostvar/ { proxy_set_header Host $arg_none;
            proxy_set_header Connection ""; proxy_pass http://<main>; }
        location /proxyhost/ { proxy_set_header X-Proxy "$proxy_host|$proxy_port"; proxy_pass http://group; }
        location /upgrade/ { proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";
            proxy_pass http://<main>; }
        location /te/ { proxy_set_header TE trailers; proxy_set_header Connection ""; proxy_pass http://<main>; }
        location /small/ { client_max_body_size 10; proxy_pass http://<main>; }
        location /smallstream/ { client_max_body_size 10; proxy_request_buffering off; proxy_pass http://<main>; }
    }
"""
TARGETS = words("""
/plain/ /plain/x /plain/x?a=b /plain/a%20b /plain/%2F%2f /plain/a%2525 /plain//x//y /plain/./a/../b /plain/x?
/plain/é%C3 /plain/a+b /plain/~a%7E /plain/a%3Fb%23 /plain/x?a%20b&c /plain
/slash/ /slash/x /slash/x/y?a=b /slash/a%20b /slash/a%2Fb /slash/a%25 /slash//x /slash/./a/../b /slash/%3F%23?
/slash/a+b?+ /slash/a%3Bb;c /slash/%C3%A9 /slash/a%22b /slash/a&b=c,d@e:f /slash
/uri/ /uri/x?y=z /uri/a%20b /uri2 /uri2x /uri2/x /uri2?q /query/ /query/x /query/x?y=z /queryonly/x /queryonly/x?y
/escaped/ /escaped/x%20y /exact /exact?q /exact%3F
/group/x?y /groupuri/x?y /dots/x /sock/x?y /sockuri/x?y /sockgroup/x
/re/x%20y?z /re//x /reuri/x%20y?z /reuri/a%2Fb /reargs/x?y=z /reargs/x
/var/x?y=z /var//x%20 /varhost/x?y /varuri/x?y /varrequest/x%20y?z /varwhole/x%20y?z /varsock/a?b /varbad/ /varempty/
/rwlast/x%20y?z /rwbreak/x%20y?z /rwbreak/a%2Fb /rwbreakuri/x?y /rwargs/x%20?z=1 /rwnoargs/x?z /rwsame/a%20b?c
/rwbreak/a%25b /rwbreak/a%3Fb /rwbreak/a+b /rwbreak/%C3%A9
/named/x%20y?z /named//x /namedrw/x?y /outer/x /outer/inner/x /outer/none/x /outer/a.x /outer
/iff/x?if=1 /iff/x /iff/a%20b?if=1 /ifnone/x?if=1 /ifnone/x /limit/x /args/x?old=1 /args/x%20y
""")
FIELDS = (
    "X-One: 1",
    "X-Two: 2",
    "x-one: again",
    "User-Agent: tester/1",
    "Accept-Encoding: gzip, br",
    "Cookie: a=b",
    "Cookie: c=d",
    "X-Forwarded-For: 1.2.3.4",
    "X-Forwarded-For: 5.6.7.8",
    "Via: 1.0 x",
    "Keep-Alive: 5",
    "TE: trailers",
    "Trailer: X-T",
    "Upgrade: h2c",
    "Proxy-Connection: keep-alive",
    "X-Empty:",
    "X-Space:  a  b ",
    "X-Bytes: \udcff\udce9",
    "X_Under: score",
    "Authorization: Basic YTpi",
    "Range: bytes=0-1",
    'If-None-Match: "x"',
    "X-Real-IP: forged",
    "X-Multi: client",
    "Referer: http://x/",
    "Proxy-Authorization: Basic x",
)
PLACES = words("plain set hostless hostvar proxyhost noheaders te 10 body get upgrade")
BODIED = words("plain slash body bodyempty nobody noheaders stream get method 10 small smallstream named rwlast")
BODIES = (b"x=1", b"", bytes(range(256)) * 300)
METHODS = words("POST PUT DELETE PATCH OPTIONS GET PROPFIND")
TEXT = "Content-Type: text/plain"
CHUNKED = "Transfer-Encoding: chunked"
NAMED = ("close, x-one", "close, X-TWO, x-one", "close, host")
REQUESTS = [
    *(ask(f"GET {target}") for target in TARGETS),
    *(ask(f"GET /{place}/x", "X-Up: other") for place in ("varhost", "varuri")),
    *(ask(f"GET /{place}/x", *FIELDS) for place in PLACES),
    *(ask(f"HEAD /{place}/x") for place in PLACES),
    *(ask("GET /plain/x", f"Connection: {names}", "X-One: 1", "X-Two: 2", "Keep-Alive: 1") for names in NAMED),
    *(ask(f"{method} /{place}/x", body=b"abc") for method in METHODS for place in ("plain", "method", "limit")),
    *(ask(f"GET /methodvar/x?m={method}") for method in ("POST", "")),
    *(ask(f"POST /{place}/x?b=1", TEXT, body=body) for place in BODIED for body in BODIES),
    *(ask(f"POST /{place}/x?b=1", CHUNKED, body=chunked(b"abc", b"d" * 9)) for place in BODIED),
    *(ask(f"POST /{place}/x", CHUNKED, body=chunked()) for place in BODIED),
    *(ask(f"POST /{place}/x", "Expect: 100-continue", body=b"abc") for place in BODIED),
    *(ask(f"POST /{place}/x", "Content-Length: 0") for place in BODIED),
    *(ask(f"GET /{place}/x HTTP/1.0") for place in ("plain", "set")),
    *(ask(f"GET /{place}/x", "Host: Other.Example:81") for place in ("plain", "set")),
    *(ask(f"{method} /plain/x") for method in ("FOO", "get", "TRACE", "CONNECT")),
]


# A path is sent before the query of a URL that has none; what Connection names stays between the client and us
# (RFC 9110 7.6.1); and no upgrade to HTTP/2 gets past us.
OURS = frozenset(
    str(request)
    for request in REQUESTS
    if request.line.startswith("GET /queryonly/")
    or (request.line.startswith("GET /upgrade/") and "Upgrade: h2c" in request.fields)
    or any("x-one" in field and field.startswith("Connection") for field in request.fields)
)
# Old releases answer CONNECT otherwise, pass Proxy-Connection on, and send no Host where proxy_set_header empties it.
NEW = {str(r) for r in REQUESTS if len(r.fields) > 9 or "/hostless/" in r.line or "/hostvar/" in r.line}
NEW.add("CONNECT /plain/x")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with pair(tmp_path_factory.mktemp("proxy"), CONFIGURATION, DOORS) as running:
        yield running


@pytest.mark.parametrize("request_", cases(REQUESTS, (), OURS, NEW))
def test_requests_are_passed_as_nginx_does(servers: Pair, request_: Ask) -> None:
    theirs, ours = servers.ask(request_)
    assert shown(ours) == shown(theirs)
