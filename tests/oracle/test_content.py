"""Files, error pages, rewrite rules, maps and the fields that are added, as nginx has them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle.pair import Pair, cases, needs_nginx, pair
from tests.oracle.wire import Ask, ask, shown, words

pytestmark = needs_nginx

MODIFIED = "Tue, 14 Nov 2023 22:13:20 GMT"
CONFIGURATION = """
    map $arg_m $mapped { default none; a first; ~^b(?<rest>.*)$ "regex $rest"; *.x.y wild; hostnames; "" empty; }
    map $arg_m$arg_n $joined { volatile; ab both; ~*^AB "ci"; default $arg_n; }
    log_format line '$remote_addr "$request" $status $body_bytes_sent "$http_referer" $uri $args $is_args $request_uri '
        '$document_root $request_filename $host $server_name $server_port $scheme $request_length $content_type '
        '$content_length $sent_http_location $sent_http_content_type $sent_http_x_a $request_completion $http_x_q';
    server {
        listen LISTEN0; server_name localhost; root ROOT; access_log OWN/logs/line.log line;
        error_page 404 /missing.html;
        location /missing.html { internal; }
        location /plain/ { error_page 404 /nowhere; }
        location /alias/ { alias ROOT/dir/; }
        location /aliasnone { alias ROOT/dir; }
        location ~ ^/aliasre/(.*)$ { alias ROOT/dir/$1; }
        location = /aliasfile { alias ROOT/a.txt; }
        location /aliastry/ { alias ROOT/dir/; try_files $uri $uri/ /aliastry/x.html =405; }
        location /idx/ { alias ROOT/; index none.html dir/x.html /a.txt; }
        location /idxvar/ { alias ROOT/dir/; index $arg_i x.html; }
        location /noindex/ { alias ROOT/empty/; }
        location /typed/ { alias ROOT/; types { } default_type application/x; }
        location /notype/ { alias ROOT/; types { } default_type ""; }
        location /etagless/ { alias ROOT/; etag off; if_modified_since off; max_ranges 0; }
        location /before/ { alias ROOT/; if_modified_since before; max_ranges 1; }
        location /try { try_files /none $uri /a.txt; }
        location /try404 { try_files /none =404; }
        location /try503 { try_files /none =503; }
        location /trynamed { try_files /none @named; }
        location /tryargs { try_files /none /echo?made=1&$args; }
        location /tryvar/ { try_files $uri$arg_s /dir/$arg_f /fall; }
        location /trydir/ { try_files /dir/ =404; }
        location /tryredirect { try_files /none/ /dir; }
        location /tryself/ { try_files /none /tryself/x; }
        location @named { return 200 "named $uri $args"; }
        location @chain { return 503; }
        location /echo { return 200 "$uri|$args|$request_uri|$is_args"; }
        location /e/ {
            location /e/plain { return 404; }
            location /e/same { error_page 403 /echo; return 403; }
            location /e/eq { error_page 403 = /echo; return 403; }
            location /e/code { error_page 403 =202 /echo?x=$arg_x; return 403; }
            location /e/named { error_page 403 @named; return 403; }
            location /e/namedeq { error_page 403 = @named; return 403; }
            location /e/url { error_page 403 http://e.example/x?$args; return 403; }
            location /e/url301 { error_page 403 =301 http://e.example/x; return 403; }
            location /e/url200 { error_page 403 =200 http://e.example/x; return 403; }
            location /e/var { error_page 403 $arg_to; return 403; }
            location /e/file { error_page 403 /a.txt; return 403; }
            location /e/fileeq { error_page 403 =200 /a.txt; return 403; }
            location /e/none { error_page 403 /none; return 403; }
            location /e/loop { error_page 403 404 /e/loop; return 403; }
            location /e/recursive { recursive_error_pages on; error_page 403 /e/second; return 403; }
            location /e/second { recursive_error_pages on; error_page 402 = @third; return 402; }
            location /e/shallow { error_page 403 /e/second; return 403; }
            location /e/chain { error_page 403 @chain; return 403; }
            location /e/several { error_page 401 402 403 =200 /echo; error_page 403 /a.txt; return 403; }
            location /e/301 { error_page 301 302 /echo; return 301 /to; }
            location /e/301eq { error_page 301 =200 /echo; return 301 /to; }
            location /e/405 { error_page 405 =200 /echo; }
            location /e/413 { error_page 413 @named; client_max_body_size 1; proxy_pass http://127.0.0.1:1; }
            location /e/204 { error_page 403 =204 /echo; return 403; }
            location /e/500 { error_page 500 /a.txt; set $x ""; return 500; }
            location /e/text { error_page 403 /echo; return 403 "own text"; }
            location /e/497 { error_page 497 /echo; return 497; }
            location /e/if { if ($arg_x) { error_page 403 =200 /echo; return 403; } return 403; }
            location /e/method { error_page 403 /e/shows; return 403; }
            location /e/shows { return 200 "$request_method $status $uri"; }
        }
        location @third { return 200 "third $status"; }
        location /r/ {
            location /r/200 { return 200; } location /r/text { return 200 "text $arg_x"; }
            location /r/204 { return 204; } location /r/204text { return 204 "text"; }
            location /r/201 { return 201 made; } location /r/206 { return 206 part; }
            location /r/301 { return 301 /to; } location /r/301url { return 301 http://x.example/y; }
            location /r/302 { return 302 to; } location /r/303 { return 303 /to?$args; }
            location /r/307 { return 307 $arg_x; }
            location /r/308 { return 308 https://$host$request_uri; } location /r/304 { return 304; }
            location /r/300 { return 300 text; } location /r/301none { return 301; }
            location /r/302empty { return 302 ""; }
            location /r/400 { return 400; } location /r/401 { return 401; }
            location /r/404text { return 404 "not here"; }
            location /r/418 { return 418; } location /r/444 { return 444; } location /r/499 { return 499; }
            location /r/500 { return 500; } location /r/503text { return 503 busy; } location /r/599 { return 599; }
            location /r/url { return http://x.example/; } location /r/scheme { return $scheme://y/$uri; }
            location /r/413 { return 413; } location /r/405 { return 405; } location /r/416 { return 416; }
            location /r/426 { return 426; } location /r/451 { return 451; } location /r/494 { return 494; }
            location /r/json { default_type application/json; return 200 '{"a":"$arg_x"}'; }
            location /r/page.html { return 200 "<p>"; }
            location /r/empty { return 200 ""; }
            location /r/304etag { add_header ETag '"x"'; return 304; }
        }
        location /w/ {
            location /w/last { rewrite ^/w/last/(.*)$ /echo/$1 last; return 200 no; }
            location /w/break { rewrite ^/w/break/(.*)$ /dir/$1 break; return 200 no; }
            location /w/redirect { rewrite ^/w/redirect/(.*)$ /to/$1 redirect; }
            location /w/permanent { rewrite ^/w/permanent/(.*)$ /to/$1? permanent; }
            location /w/url { rewrite ^/w/url/(.*)$ http://u.example/$1; }
            location /w/args { rewrite ^ /echo?a=$uri&b=$arg_x? last; }
            location /w/argsq { rewrite ^ /echo?x=y last; }
            location /w/captures { rewrite ^/w/captures/(.*)/(.*)$ /echo/$2?c=$1 last; }
            location /w/named { rewrite ^/w/named/(?<n>\\w+)$ /echo/$n last; }
            location /w/chain { rewrite ^/w/chain/a /w/chain/b; rewrite ^/w/chain/b /echo/c; return 200 "end $uri"; }
            location /w/loop { rewrite ^ /w/loop/x last; }
            location /w/none { rewrite ^/nothing /x last; return 200 "none $uri"; }
            location /w/case { rewrite (?i)^/W/CASE /echo/ci last; }
            location /w/decoded { rewrite ^/w/decoded/(.*)$ /echo/$1 last; }
            location /w/redirdec { rewrite ^/w/redirdec/(.*)$ /to/$1?q=$1 redirect; }
            location /w/set { set $a "1$arg_x"; set $b "$a$a"; set $a changed; return 200 "$a $b"; }
            location /w/setcap { if ($uri ~ ^/w/setcap/(.*)$) { set $c $1; } return 200 "[$c]"; }
            location /w/undef { return 200 "[$undefined_here]"; set $undefined_here 1; }
            location /w/brk { set $a 1; break; set $a 2; return 200 never; }
            location /w/outer { if ($arg_x = 1) { return 201 one; } if ($arg_x != 2) { return 202 "not two";
            } return 203 two; }
            location /w/truth { if ($arg_x) { return 200 true; } return 200 false; }
            location /w/regex { if ($arg_x ~ "^(a|b)$") { return 200 "match $1";
            } if ($arg_x !~* z) { return 200 "no z"; }
                return 200 z; }
            location /w/ifci { if ($http_x ~* "ABC") { return 200 ci; } return 200 no; }
            location /w/method { if ($request_method = POST) { return 405; } return 200 fine; }
            location /w/file { if (-f $document_root/$arg_f) { return 200 file;
            } if (-d $document_root/$arg_f) { return 200 dir; }
                if (!-e $document_root/$arg_f) { return 200 absent; } return 200 other; }
            location /w/ifheader { add_header X-Outer o; if ($arg_x) { add_header X-Inner i; } if ($arg_y) { set $q 1; }
                return 200 end; }
            location /w/iffile { root ROOT/dir; if ($arg_x) { root ROOT; } }
            location /w/ifbreak { set $t a; if ($arg_x) { set $t b; break; } set $t c; return 200 $t; }
            location /w/escape { set $x "q=$arg_x"; return 302 /to?$x; }
            location /w/dollar { return 200 "${arg_x}c ${host}"; }
            location /w/quote { return 200 'single "double" \\'esc\\' \\\\'; }
            location /w/lines { return 200 "one\\ntwo\\ttab"; }
        }
        location /m { return 200 "$mapped|$joined|$rest"; }
        location /h/ {
            add_header X-A "a $arg_x"; add_header X-B b always; add_header X-Empty ""; add_header X-A second;
            location /h/ok { return 200 ok; } location /h/404 { return 404; } location /h/304 { return 304; }
            location /h/301 { return 301 /x; } location /h/201 { return 201 x; } location /h/500 { return 500; }
            location /h/own { add_header X-C c; return 200 own; }
            location /h/special { add_header Content-Type text/special; add_header Server mine; add_header ETag '"own"';
                add_header Last-Modified "Tue, 14 Nov 2023 22:13:20 GMT"; add_header Cache-Control a;
            add_header Cache-Control b;
                add_header Link x; add_header Location /somewhere; return 200 special; }
            location /h/file { alias ROOT/a.txt; }
        }
        location /x/ {
            location /x/epoch { expires epoch; return 200 x; } location /x/max { expires max; return 200 x; }
            location /x/off { expires off; return 200 x; } location /x/neg { expires -1; return 200 x; }
            location /x/var { expires $arg_e; return 200 x; } location /x/404 { expires max; return 404; }
            location /x/cc { expires max; add_header Cache-Control private; return 200 x; }
        }
    }
"""
PATHS = words("""
/ /a.txt /a.txt/ /a.html /empty/ /empty /dir /dir/ /dir/x.html /none /none/ /dir/none /dir/none/ /b%20c.txt /none?x=y
/image.PNG
/missing.html /plain/none /plain/ /link.txt /unreadable.txt /a.txt%00 /a%2Etxt /dir%2Fx.html /noext /dir.x /UPPER.TXT
/alias/x.html /alias/ /alias /alias/none /aliasnone/x.html /aliasnone /aliasnonesub /aliasre/x.html /aliasre/
/aliasre/none /aliasfile
/aliastry/x.html /aliastry/none /aliastry/ /idx/ /idxvar/ /idxvar/?i=none /idxvar/?i=x.html /noindex/ /typed/a.txt
/typed/a.html
/notype/a.txt /etagless/a.txt /before/a.txt
/try /try/x /try404 /try503 /trynamed?q /tryargs?z=1 /tryvar/a /tryvar/a.t?s=xt /tryvar/q?f=x.html /trydir/ /trydir/x
/tryredirect
/tryself/y /echo /echo/a%20b?c%20d=%zz
/e/plain /e/same?x=y /e/eq?x=y /e/code?x=5 /e/named?q /e/namedeq /e/url?a=b /e/url301 /e/url200 /e/var?to=/echo
/e/var?to=/echo?z=1
/e/var?to=@named /e/var?to=http://z/ /e/var?to= /e/var?to=rel /e/file /e/fileeq /e/none /e/loop /e/recursive
/e/shallow /e/chain
/e/several /e/301 /e/301eq /e/405 /e/413 /e/204 /e/500 /e/text /e/497 /e/if /e/if?x=1 /e/method /e/second
/r/200 /r/text?x=%20y /r/204 /r/204text /r/201 /r/206 /r/301 /r/301url /r/302 /r/303?a=b /r/307?x=/y%20z /r/308?q
/r/304 /r/300
/r/301none /r/302empty /r/400 /r/401 /r/404text /r/418 /r/444 /r/499 /r/500 /r/503text /r/599 /r/url /r/scheme /r/413
/r/405 /r/416
/r/426 /r/451 /r/494 /r/json?x=1 /r/page.html /r/empty /r/304etag
/w/last/a?b /w/last /w/break/x.html /w/break/none /w/redirect/a%20b?c=d /w/redirect/a%3Fb /w/permanent/x?y
/w/url/p%20q?r=s
/w/args?x=1 /w/argsq?z=1 /w/captures/a%20b/c%26d?e /w/named/joe /w/chain/a /w/chain/b?x /w/loop /w/none/x /w/case
/w/Case /w/decoded/a%20b%2Fc
/w/decoded/%25 /w/redirdec/a%20b%26c /w/redirdec/%C3%A9 /w/redirdec/a+b /w/set?x=y /w/setcap/a%20b /w/setcap/x+y
/w/setcap /w/undef /w/brk
/w/outer?x=1 /w/outer?x=2 /w/outer?x=3 /w/outer /w/truth?x=0 /w/truth?x=1 /w/truth?x= /w/truth?x=00 /w/truth
/w/regex?x=a /w/regex?x=q
/w/regex?x=Z /w/ifci /w/method /w/file?f=a.txt /w/file?f=dir /w/file?f=none /w/ifheader /w/ifheader?x=1
/w/ifheader?y=1 /w/ifheader?x=1&y=1
/w/iffile/a.txt /w/iffile/x?x=1 /w/ifbreak /w/ifbreak?x=1 /w/escape?x=%20a%26 /w/dollar?x=1 /w/quote /w/lines
/m /m?m=a /m?m=b /m?m=bcd /m?m=q.x.y /m?m=A /m?m=a&n=b /m?m=AB /m?n=zz
/h/ok?x=1 /h/404 /h/304 /h/301 /h/201 /h/500 /h/own /h/special /h/file
/x/epoch /x/max /x/off /x/neg /x/var?e=epoch /x/var?e=off /x/var?e=bad /x/var /x/404 /x/cc
""")
FIELDS = (
    ("Range: bytes=0-1",),
    ("Range: bytes=-3",),
    ("Range: bytes=5-",),
    ("Range: bytes=99-",),
    ("Range: bytes=0-0,2-3",),
    ("Range: bytes=0-1, 0-1,0-1",),
    ("Range: bytes=3-1",),
    ("Range: bytes=a-b",),
    ("Range: octets=0-1",),
    ("Range: bytes=",),
    ("Range: bytes=0-,-1",),
    ("Range: BYTES=0-1",),
    ("Range: bytes= 0-1 ",),
    ("Range: bytes=0-1,",),
    ("Range: bytes=0-99999999999999999999",),
    ("Range: bytes=0-1", f"If-Range: {MODIFIED}"),
    ("Range: bytes=0-1", 'If-Range: "6553f100-a"'),
    ("Range: bytes=0-1", 'If-Range: W/"6553f100-a"'),
    ("Range: bytes=0-1", "If-Range: bad"),
    (f"If-Modified-Since: {MODIFIED}",),
    ("If-Modified-Since: Tue, 14 Nov 2024 22:13:20 GMT",),
    ("If-Modified-Since: Tue, 14 Nov 2022 22:13:20 GMT",),
    ("If-Modified-Since: bad",),
    ("If-Modified-Since: Tuesday, 14-Nov-23 22:13:20 GMT",),
    (f"If-Unmodified-Since: {MODIFIED}",),
    ("If-Unmodified-Since: Tue, 14 Nov 2022 22:13:20 GMT",),
    ('If-None-Match: "6553f100-a"',),
    ('If-None-Match: W/"6553f100-a"',),
    ("If-None-Match: *",),
    ('If-None-Match: "x", "6553f100-a"',),
    ('If-None-Match: "x"', f"If-Modified-Since: {MODIFIED}"),
    ('If-Match: "6553f100-a"',),
    ('If-Match: W/"6553f100-a"',),
    ("If-Match: *",),
    ('If-Match: "x"',),
    ('If-Match: "6553f100-a"', 'If-None-Match: "6553f100-a"'),
    ('If-None-Match: "6553f100-a"', "Range: bytes=0-1"),
)
REQUESTS = [
    *(ask(f"GET {path}") for path in PATHS),
    *(
        ask(f"HEAD {path}")
        for path in ("/a.txt", "/none", "/r/text", "/r/204", "/dir", "/e/named", "/e/same", "/h/304")
    ),
    *(
        ask(f"{method} {path}")
        for method in ("POST", "PUT", "DELETE", "OPTIONS")
        for path in ("/a.txt", "/none", "/dir/", "/r/text", "/e/method", "/e/405", "/w/method", "/trynamed")
    ),
    *(ask(f"POST {path}", body=b"form") for path in ("/a.txt", "/e/413", "/r/text")),
    *(ask(f"GET {place}/a.txt", *fields) for place in ("", "/before", "/etagless") for fields in FIELDS),
    *(ask("HEAD /a.txt", *fields) for fields in FIELDS[:5]),
    ask("GET /w/ifci", "X: xabcx"),
    ask("GET /echo", 'X-Q: a"b\\c\x01d'),
    ask("GET /a.txt HTTP/1.0"),
    ask("GET /none HTTP/1.0", "Host:"),
    ask("GET /dir HTTP/1.0", "Host: x:81"),
]
# nginx sends a length with 304.
OURS = {*(f"GET {path}" for path in ("/r/304", "/r/304etag", "/h/304")), "HEAD /h/304"}


def lay_out(root: Path) -> None:
    """What is served."""
    for folder in ("dir", "empty", "dir.x"):
        (root / folder).mkdir(parents=True)
    for name in ("a.txt", "a.html", "b c.txt", "image.PNG", "noext", "missing.html", "dir/x.html", "UPPER.TXT"):
        (root / name).write_text(f"{name[:10]:10}")
        os.utime(root / name, (1_700_000_000, 1_700_000_000))
    (root / "link.txt").symlink_to("a.txt")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    tmp_path = tmp_path_factory.mktemp("content")
    lay_out(tmp_path / "root")
    with pair(tmp_path, CONFIGURATION) as running:
        yield running


@pytest.mark.parametrize("request_", cases(REQUESTS, (), OURS))
def test_requests_are_answered_as_by_nginx(servers: Pair, request_: Ask) -> None:
    theirs, ours = servers.ask(request_)
    assert shown(ours) == shown(theirs)


def test_requests_are_logged_as_by_nginx(servers: Pair) -> None:
    log = servers.nginx.own / "logs/line.log"
    count = log.read_bytes().count(b"\n") if log.exists() else 0
    for path in ("/log", "/dir?log", "/w/last/log?x=y", "/e/file?log", "/a.txt?log=%20x"):
        servers.ask(ask(f"GET {path}", "Referer: http://x/", 'X-Q: é"\\t'))
    theirs, ours = servers.logged("logs/line.log", count + 5)
    assert [line for line in ours if "log" in line] == [line for line in theirs if "log" in line]
