"""What becomes of an upstream's answers: fields, framing, redirects, error pages, and the next upstream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle.backend import Reply
from tests.oracle.pair import VERSION, Pair, cases, needs_nginx, pair
from tests.oracle.wire import Ask, ask, chunked, shown, words

pytestmark = needs_nginx

DATED = "Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT"
REPLIES = {
    "fields": Reply.of(
        "200 OK",
        *("Server: backend", "Date: Tue, 14 Nov 2023 22:13:20 GMT", "X-Pad: x", "X-Accel-Expires: 5", "X-Hide: 1"),
        *("X-Accel-Limit-Rate: 0", "X-Accel-Buffering: no", "X-Accel-Charset: utf-8", "X-Two: a", "X-Two: b"),
        *("Set-Cookie: a=b; Path=/", "Set-Cookie: c=d", "Content-Type: text/x", DATED, 'ETag: "e"', "Via: 1.1 b"),
        *("Cache-Control: no-cache", "Cache-Control: private", "Expires: 0", "Vary: Accept", "Link: <a>", "Link: <b>"),
        *("Accept-Ranges: bytes", "Content-Encoding: x", "Content-Language: de", "WWW-Authenticate: Basic", "X-Empty:"),
        *("Keep-Alive: timeout=5", "Trailer: X-T", "Proxy-Authenticate: x", "x-lower: v", "Pragma: x"),
        *("Content-Disposition: attachment", "Age: 5", "Refresh: 5; url=/r", "Location: /l", "X-Bytes: \xff\xe9"),
        body=b"text",
    ),
    "connection": Reply.of("200 OK", "Connection: x-hop", "X-Hop: 1", "X-End: 2", body=b"x"),
    "chunked": Reply.raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n" + chunked(b"abc", b"def")
    ),
    "trailers": Reply.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: v\r\n\r\n"),
    "until close": Reply.raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/x\r\n\r\nuntil", b" close", close=True),
    "1.0": Reply.raw(b"HTTP/1.0 200 OK\r\nX-Old: 1\r\n\r\nold", close=True),
    "0.9": Reply.raw(b"just text", close=True),
    "reason": Reply.of("200 Very Fine", body=b"x"),
    "no reason": Reply.raw(b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx"),
    "odd status": Reply.of("299 Odd", body=b"x"),
    "600": Reply.of("600 Odd", body=b"x"),
    "999": Reply.of("999 Odd", body=b"x"),
    "early": Reply.raw(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
    "100": Reply.raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
    "204": Reply.raw(b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n"),
    "204 length": Reply.raw(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
    "304": Reply.raw(b'HTTP/1.1 304 Not Modified\r\nETag: "e"\r\n' + DATED.encode() + b"\r\n\r\n"),
    "304 length": Reply.raw(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nX-A: 1\r\n\r\n"),
    "empty": Reply.of("200 OK"),
    "large": Reply.of("200 OK", body=bytes(range(256)) * 2000),
    "large chunked": Reply.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(*[b"x" * 9999] * 60)),
    "short": Reply.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", close=True),
    "short chunked": Reply.raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n5\r\nsh", close=True
    ),
    "bad chunk": Reply.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nxyz\r\n", close=True),
    "long": Reply.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlonger", close=True),
    "stalled": Reply.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", 0.8, close=True),
    "both": Reply.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"abc")),
    "two lengths": Reply.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    "bad length": Reply.raw(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc"),
    "bad field": Reply.raw(b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 1\r\n\r\nx"),
    "slow": Reply.raw(0.8, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow", close=True),
    "gzip": Reply.of("200 OK", "Content-Encoding: gzip", body=b"\x1f\x8bnot really"),
    "cookies": Reply.of("200 OK", "Set-Cookie: a=b; Domain=x; Path=/p", "Set-Cookie: a=2; Secure", body=b"x"),
    "moved": Reply.of("302 Found", "Location: http://group/base/next?a=b", body=b"moved"),
    "moved door": Reply.of(
        "301 Moved", "Location: http://backend.example/one", "Refresh: 3;url=http://backend.example/r"
    ),
    "moved path": Reply.of("302 Found", "Location: /path/only", body=b"moved"),
    "moved odd": Reply.of("307 Temporary Redirect", "Location: //host/x", body=b"moved"),
    "created": Reply.of("201 Created", "Location: http://group/base/made", body=b"made"),
    "refresh": Reply.of("200 OK", "Refresh: 0; URL=http://group/base/r", body=b"x"),
    "ranges": Reply.of("200 OK", "Accept-Ranges: bytes", 'ETag: "r"', DATED, body=b"0123456789"),
    "no ranges": Reply.of("200 OK", 'ETag: "r"', body=b"0123456789"),
    "206": Reply.of("206 Partial Content", "Content-Range: bytes 0-1/10", body=b"01"),
    **{
        str(code): Reply.of(f"{code} Because", f"X-Code: {code}", "Content-Type: text/x", body=b"upstream's own page")
        for code in (400, 401, 403, 404, 405, 408, 410, 413, 416, 429, 444, 495, 499, 500, 501, 502, 503, 504, 507)
    },
    "401 auth": Reply.of(
        "401 Unauthorized", 'WWW-Authenticate: Basic realm="a"', "WWW-Authenticate: Digest x", body=b"no"
    ),
    "up503": Reply.of("503 Busy", "X-Up: first", body=b"busy"),
    "up404": Reply.of("404 None", "X-Up: first", body=b"none"),
    "closing": Reply.raw(close=True),
    "silent": Reply.raw(0.8, close=True),
    "garbage": Reply.raw(b"HTTP/1.1 200 OK\r\nX-A: \0\r\n\r\n", close=True),
    "dies later": Reply([b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nonce"], dies_later=True),
    "accel": Reply.of(
        "200 OK",
        "X-Accel-Redirect: /files/a.txt?x=y",
        "Content-Type: text/accel",
        "Content-Disposition: inline",
        "Set-Cookie: a=b",
        "Set-Cookie: c=d",
        "Cache-Control: max-age=5",
        "Expires: Thu, 01 Jan 2037 00:00:00 GMT",
        'ETag: "accel"',
        DATED,
        "X-Other: lost",
        "Content-Language: de",
        "Vary: X",
        "Link: <x>",
        "Content-Encoding: br",
        "Server: backend",
        "Location: /l",
        "Refresh: 1",
        "WWW-Authenticate: x",
        "Pragma: p",
        body=b"gone",
    ),
    "accel bare": Reply.of("200 OK", "X-Accel-Redirect: /files/a.txt", body=b"gone"),
    "accel dated": Reply.of("200 OK", "X-Accel-Redirect: /files/a.txt", DATED, body=b"gone"),
    "accel 404": Reply.of("404 Not Found", "X-Accel-Redirect: /files/a.txt", "Content-Type: text/accel", body=b"gone"),
    "accel named": Reply.of(
        "200 OK", "X-Accel-Redirect: @accel", "Content-Type: text/accel", "X-Other: 1", body=b"gone"
    ),
    "accel proxy": Reply.of(
        "200 OK", "X-Accel-Redirect: /again/x?reply=fields", "Content-Type: text/accel", "Set-Cookie: z=1", body=b"x"
    ),
    "accel echo": Reply.of("200 OK", "X-Accel-Redirect: /again/y%20z?q=1", body=b"x"),
    "accel none": Reply.of(
        "200 OK", "X-Accel-Redirect: /files/none", "Set-Cookie: a=b", "Content-Type: text/accel", body=b"x"
    ),
    "accel unsafe": Reply.of("200 OK", "X-Accel-Redirect: /files/../etc", body=b"x"),
    "accel return": Reply.of(
        "200 OK", "X-Accel-Redirect: /return", "Content-Type: text/accel", "Cache-Control: no-store", body=b"x"
    ),
    "accel escaped": Reply.of("200 OK", "X-Accel-Redirect: /files/a%2Etxt", body=b"x"),
    "accel url": Reply.of("200 OK", "X-Accel-Redirect: http://x/y", body=b"x"),
    "accel empty": Reply.of("200 OK", "X-Accel-Redirect:", body=b"x"),
    "accel limit": Reply.of("200 OK", "X-Accel-Redirect: /files/a.txt", "X-Accel-Limit-Rate: 100000", body=b"x"),
    "accel index": Reply.of("200 OK", "X-Accel-Redirect: /files/", body=b"x"),
}
DOORS = ("main", "up503", "up404", "closing", "silent", "garbage", "up", "kept")
TRIES = 'add_header X-Tries "$upstream_addr|$upstream_status|$upstream_response_length" always;'
CONFIGURATION = f"""
    proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_connect_timeout 5s; proxy_read_timeout 5s; proxy_send_timeout 5s;
    upstream group {{ server <main>; keepalive 8; }}
    upstream busy {{ server <up503> weight=9; server <up>; }}
    upstream missing {{ server <up404> weight=9; server <up>; }}
    upstream closing {{ server <closing> weight=9; server <up>; }}
    upstream silent {{ server <silent> weight=9; server <up>; }}
    upstream garbage {{ server <garbage> weight=9; server <up>; }}
    upstream refused {{ server <refused> weight=9; server <up>; }}
    upstream all {{ server <refused> weight=9; server <closing> weight=4; server <up503>; }}
    upstream dead {{ server <refused>; server <refused>; }}
    upstream three {{ server <up503> max_fails=0; server <up503> max_fails=0; server <up503> max_fails=0; }}
    upstream downed {{ server <main> down; server <main> down; }}
    upstream kept {{ server <kept>; keepalive 1; }}
    upstream kept2 {{ server <kept>; server <up>; keepalive 1; }}
    log_format tried '$request_method $uri|$status|$upstream_status|$upstream_addr|$upstream_response_length|'
        '$upstream_http_x_code|$upstream_cookie_a|$upstream_http_x_two|$upstream_http_set_cookie|$body_bytes_sent|'
        '$upstream_bytes_sent|$upstream_bytes_received|$proxy_host|$proxy_port|$request_completion';
    server {{
        listen LISTEN0; server_name localhost; access_log OWN/logs/tried.log tried;
        {TRIES}
        location /plain/ {{ proxy_pass http://group; }}
        location /timed/ {{ proxy_read_timeout 300ms; proxy_pass http://group; }}
        location /unbuffered/ {{ proxy_buffering off; proxy_pass http://group; }}
        location /hide/ {{
            proxy_hide_header X-Two; proxy_hide_header set-cookie; proxy_pass_header Server; proxy_pass_header X-Pad;
            proxy_pass_header X-Accel-Buffering; proxy_hide_header Content-Type; proxy_hide_header Date;
            proxy_hide_header Last-Modified; proxy_hide_header Refresh; proxy_pass http://group;
        }}
        location /ignore/ {{ proxy_ignore_headers X-Accel-Redirect Set-Cookie; proxy_pass http://group; }}
        location /addh/ {{ add_header X-Two mine always; add_header Cache-Control mine; expires 1h;
            proxy_pass http://group; }}
        location /base/ {{ proxy_pass http://group/base/; }}
        location /redirect/ {{
            proxy_redirect http://group/base/ http://front/$arg_x/;
            proxy_redirect ~^http://(\\w+)\\.example/(.*)$ /re/$1/$2;
            proxy_redirect / /slash/; proxy_pass http://group;
        }}
        location /redirectoff/ {{ proxy_redirect off; proxy_pass http://group/base/; }}
        location /redirectdefault/ {{
            proxy_pass http://group/base/; proxy_redirect default; proxy_redirect ~*EXAMPLE/(.*) $scheme://$host/$1;
        }}
        location ~ ^/redirectre/ {{ proxy_redirect http://group/ /; proxy_pass http://group; }}
        location /relative/ {{ absolute_redirect off; proxy_pass http://group/base/; }}
        location /intercept/ {{
            proxy_intercept_errors on; error_page 404 /errors/404.html; error_page 500 502 503 504 =200 /errors/5xx;
            error_page 401 /errors/401; error_page 302 = /errors/302; error_page 429 @named;
            error_page 403 http://e.example/x;
            proxy_pass http://group;
        }}
        location /notintercepted/ {{ error_page 404 500 502 504 /errors/404.html; proxy_pass http://group; }}
        location /errors/ {{ return 200 "page $uri $status $upstream_status"; }}
        location = /errors/404.html {{ root ROOT; }}
        location @named {{ return 200 "named $uri"; }}
        location /fallback/ {{ proxy_intercept_errors on; recursive_error_pages on; error_page 404 = @again;
            proxy_pass http://group; }}
        location @again {{ proxy_pass http://<up>; }}
        location /files/ {{ internal; root ROOT; }}
        location @accel {{ return 200 "accel $uri"; }}
        location /again/ {{ proxy_set_header X-Reply $arg_reply; proxy_set_header Connection "";
            proxy_pass http://<up>; }}
        location /return {{ return 200 "returned"; }}
        location /error502/ {{ error_page 502 @again; proxy_pass http://<closing>; }}
        location /error504/ {{ proxy_read_timeout 300ms; error_page 504 @again; proxy_pass http://<silent>; }}
        location /intercept502/ {{ proxy_intercept_errors on; error_page 502 =200 /errors/5xx;
            proxy_pass http://<closing>; }}
        location /kept/ {{ proxy_pass http://kept; }}
        location /kept2/ {{ proxy_pass http://kept2; }}
        location /busy/ {{ proxy_pass http://busy; proxy_next_upstream http_503; }}
        location /busyoff/ {{ proxy_pass http://busy; }}
        location /missing/ {{ proxy_pass http://missing; proxy_next_upstream http_404; }}
        location /closing/ {{ proxy_pass http://closing; }}
        location /closingoff/ {{ proxy_pass http://closing; proxy_next_upstream off; }}
        location /closingidem/ {{ proxy_pass http://closing; proxy_next_upstream error non_idempotent; }}
        location /silent/ {{ proxy_read_timeout 300ms; proxy_pass http://silent; }}
        location /silentoff/ {{ proxy_read_timeout 300ms; proxy_pass http://silent; proxy_next_upstream error; }}
        location /garbage/ {{ proxy_pass http://garbage; }}
        location /garbagenext/ {{ proxy_pass http://garbage; proxy_next_upstream invalid_header; }}
        location /refused/ {{ proxy_pass http://refused; }}
        location /refusedoff/ {{ proxy_pass http://refused; proxy_next_upstream off; }}
        location /all/ {{ proxy_pass http://all; proxy_next_upstream error timeout http_503; }}
        location /dead/ {{ proxy_pass http://dead; }}
        location /alone/ {{ proxy_pass http://<refused>; }}
        location /alone503/ {{ proxy_pass http://<up503>; proxy_next_upstream http_503; }}
        location /three/ {{ proxy_pass http://three; proxy_next_upstream http_503; }}
        location /tries/ {{ proxy_pass http://three; proxy_next_upstream http_503; proxy_next_upstream_tries 2; }}
        location /downed/ {{ proxy_pass http://downed; }}
        location /streamed/ {{ proxy_request_buffering off; proxy_pass http://closing; }}
    }}
"""
SPECIAL = {*DOORS, "slow", "stalled", "dies later"}
FRAMED = [name for name in REPLIES if not name.startswith("accel") and name not in SPECIAL]
ERRORS = [name for name in REPLIES if name[:1] in "45" and name[:3].isdigit()]
MOVED = ["created", "refresh", "moved", "moved door", "moved path", "moved odd"]
ACCELS = [name for name in REPLIES if name.startswith("accel")]
REQUESTS = [
    *(ask("GET /plain/x", f"X-Reply: {reply}") for reply in FRAMED),
    *(ask("GET /timed/x", f"X-Reply: {reply}") for reply in ("slow", "stalled")),
    *(ask("HEAD /plain/x", f"X-Reply: {reply}") for reply in ("fields", "204", "304", "304 length", "404")),
    *(
        ask("GET /unbuffered/x", f"X-Reply: {reply}")
        for reply in ("fields", "chunked", "short", "large", "until close")
    ),
    *(ask("GET /plain/x HTTP/1.0", f"X-Reply: {reply}") for reply in ("fields", "chunked", "short", "large chunked")),
    *(ask(f"GET /{place}/x", "X-Reply: fields") for place in ("hide", "ignore", "addh", "redirectoff")),
    *(ask("GET /ignore/x", f"X-Reply: {reply}") for reply in ("accel", "accel bare")),
    *(ask("GET /addh/x", f"X-Reply: {reply}") for reply in ("404", "304", "moved")),
    *(
        ask(f"GET /{place}/x?x=y", f"X-Reply: {reply}")
        for reply in MOVED
        for place in ("base", "plain", "redirect", "redirectoff", "redirectdefault", "redirectre", "relative")
    ),
    *(
        ask(f"GET /{place}/x", f"X-Reply: {reply}")
        for reply in (*ERRORS, "moved")
        for place in ("intercept", "notintercepted")
    ),
    *(ask("POST /intercept/x", f"X-Reply: {reply}", body=b"x") for reply in ("404", "429", "503")),
    *(ask("HEAD /intercept/x", f"X-Reply: {reply}") for reply in ("404", "429", "503")),
    *(ask("GET /fallback/x?a=b", f"X-Reply: {reply}") for reply in ("404", "200", "500")),
    *(
        ask(f"{method} /{place}/x", body=b"form" if method == "POST" else b"")
        for method in ("GET", "HEAD", "POST")
        for place in ("error502", "error504", "intercept502")
    ),
    *(ask("GET /plain/x", f"X-Reply: {reply}") for reply in ACCELS),
    *(ask("HEAD /plain/x", f"X-Reply: {reply}") for reply in ("accel", "accel echo")),
    *(
        ask("POST /plain/x", f"X-Reply: {reply}", body=b"form")
        for reply in ("accel", "accel echo", "accel proxy", "accel named")
    ),
    *(ask("GET /plain/x", "X-Reply: accel", field) for field in ("Range: bytes=0-1", 'If-None-Match: "accel"')),
    *(
        ask("GET /plain/x", f"X-Reply: {reply}", *fields)
        for reply in ("ranges", "no ranges", "chunked")
        for fields in (
            ("Range: bytes=2-3",),
            ("Range: bytes=20-",),
            ("Range: bytes=0-1,4-5",),
            ('If-None-Match: "r"',),
            ('If-Match: "x"',),
            ("If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT",),
            ("Range: bytes=2-3", 'If-Range: "r"'),
            ("Range: bytes=2-3", 'If-Range: "x"'),
        )
    ),
]
# Failures count, so these are asked once each, in order.
TRIED = [
    *(ask(f"GET /{place}/x") for place in words("busy busyoff missing closing silent refused garbage garbagenext all")),
    *(ask(f"GET /{place}/x") for place in words("dead alone alone503 three tries downed dead alone all")),
]
LATER = [
    *(ask(f"POST /{place}/x", body=b"abc") for place in words("closing closingidem streamed refused busy silent")),
    *(ask(f"GET /{place}/x") for place in words("closingoff refusedoff silentoff")),
]

REQUESTS += [*TRIED, *LATER]
# nginx passes on what Connection names, takes what is no HTTP for HTTP/0.9 and 1xx for the response, holds back what
# came before a failure, and sends a length with 204 and 304.
OURS = {
    *(f"GET /plain/x | X-Reply: {reply}" for reply in ("connection", "0.9", "early", "100", "bad chunk")),
    *(f"{method} /plain/x | X-Reply: 304 length" for method in ("GET", "HEAD")),
    *("GET /plain/x | X-Reply: 204 length", "GET /timed/x | X-Reply: stalled"),
}
# Old releases take broken lengths as they come, and keep the first only of several challenges and fields.
NEW = frozenset(f"GET /plain/x | X-Reply: {reply}" for reply in ("both", "two lengths", "bad length"))
NEW |= {f"GET /{place}/x | X-Reply: 401 auth" for place in ("intercept", "notintercepted")}


def lay_out(root: Path) -> None:
    """What is served."""
    for folder in ("files", "errors"):
        (root / folder).mkdir(parents=True)
    (root / "files" / "a.txt").write_text("0123456789")
    (root / "files" / "index.html").write_text("index")
    (root / "errors" / "404.html").write_text("our own page")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    tmp_path = tmp_path_factory.mktemp("responses")
    lay_out(tmp_path / "root")
    with pair(tmp_path, CONFIGURATION, DOORS, REPLIES) as running:
        yield running


@pytest.mark.parametrize("request_", cases(REQUESTS, (), OURS, NEW))
def test_answers_are_passed_as_nginx_does(servers: Pair, request_: Ask) -> None:
    theirs, ours = servers.ask(request_)
    if shown(ours) != shown(theirs):  # a second may have ended in between
        theirs, ours = servers.ask(request_)
    assert shown(ours) == shown(theirs)


# Over several peers nginx shows the dead connection as a try; here it was noticed before it was tried.
@pytest.mark.parametrize("place", ["kept"])
def test_a_kept_connection_that_dies_is_not_held_against_its_peer(servers: Pair, place: str) -> None:
    for request in (ask(f"GET /{place}/x", "X-Reply: dies later"), ask(f"GET /{place}/x"), ask(f"GET /{place}/x")):
        theirs, ours = servers.ask(request)
        assert shown(ours) == shown(theirs)


def test_posts_are_not_repeated_on_a_kept_connection_that_dies(servers: Pair) -> None:
    for request in (ask("GET /kept/x", "X-Reply: dies later"), ask("POST /kept/x", body=b"once")):
        theirs, ours = servers.ask(request)
        assert shown(ours) == shown(theirs)


@pytest.mark.skipif(VERSION < (1, 31), reason="old releases of nginx show one value of fields that are repeated")
def test_tries_are_logged_as_by_nginx(servers: Pair) -> None:
    for request in (ask("GET /error502/log"), ask("GET /plain/log", "X-Reply: fields"), ask("GET /three/log")):
        servers.ask(request)
    theirs, ours = servers.logged("logs/tried.log", 3)
    assert [line for line in ours if "/log|" in line] == [line for line in theirs if "/log|" in line]
