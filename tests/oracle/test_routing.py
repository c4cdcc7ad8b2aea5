"""Servers, locations, normalisation and redirects to the trailing slash, as nginx has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle.pair import Pair, cases, needs_nginx, pair
from tests.oracle.wire import Ask, ask, shown, words

pytestmark = needs_nginx

# The marks of locations are what they return; $uri and $args show what became of the target.
CONFIGURATION = """
    server {
        listen LISTEN0; server_name localhost;
        add_header X-Uri "$uri" always; add_header X-Args "$args" always; add_header X-Request "$request_uri" always;
        location = / { return 200 root; }
        location / { return 200 slash; }
        location = /exact { return 200 exact; }
        location /exact { return 200 "not exact"; }
        location /pre { return 200 pre; }
        location /prefix { return 200 prefix; }
        location ^~ /images/ { return 200 images; }
        location /docs/ { return 200 docs; }
        location ~ \\.php$ { return 200 php; }
        location ~* \\.(gif|JPG)$ { return 200 "picture $1"; }
        location ~ ^/named/(?<who>[a-z]+)$ { return 200 "hello $who"; }
        location /outer/ {
            location /outer/inner/ { return 200 inner; }
            location = /outer/exact { return 200 "inner exact"; }
            location ~ \\.txt$ { return 200 "inner regex"; }
            location ^~ /outer/keep/ { return 200 keep; }
            location ~ \\.php$ { return 200 "inner php"; }
            return 200 outer;
        }
        location ^~ /sealed/ {
            location ~ \\.php$ { return 200 "sealed php"; }
            location /sealed/deep { location ~ \\.gif$ { return 200 "deep gif"; } return 200 deep; }
            return 200 sealed;
        }
        location ~ ^/re/ {
            location ~ \\.css$ { return 200 "re css"; }
            location ~ ^/re/x { return 200 "re x"; }
            return 200 re;
        }
        location "/with space" { return 200 space; }
        location /%25 { return 200 percent; }
        location /é { return 200 accent; }
        location /int { internal; return 200 internal; }
        location /to_int { rewrite ^ /int last; }
        location /limited { limit_except GET { proxy_pass http://127.0.0.1:1; } root ROOT; }
        location /limited2 { limit_except POST { proxy_pass http://127.0.0.1:1; } root ROOT; }
        location /Case { return 200 Case; }
    }
    server {
        listen LISTEN0; server_name exact.example *.wild.example trail.* .dot.example "~^(?<sub>\\w+)\\.re\\.example$";
        return 200 "second sub=$sub name=$server_name host=$host";
    }
    server { listen LISTEN0; server_name *.long.wild.example www.trail.*; return 200 "third $server_name"; }
    server { listen LISTEN0; server_name ~^early; return 200 "fourth $host"; }
    server { listen LISTEN0; server_name ~^early2 "" plain; return 200 "fifth $host"; }
    server { listen LISTEN1; server_name a.example; return 200 first; }
    server { listen LISTEN1 default_server; server_name b.example; return 200 "default $host $http_host $server_port"; }
    server { listen 127.0.0.1:PORT1; server_name c.example; merge_slashes off; return 200 "c $uri"; }
    server {
        listen LISTEN2; server_name canonical.example; root ROOT;
        merge_slashes off;
        location /proxied/ { proxy_pass http://127.0.0.1:1; }
        location = /both/ { proxy_pass http://127.0.0.1:1; }
        location /both { return 200 both; }
        location "/spaced out/" { proxy_pass http://127.0.0.1:1; }
        location /relative { absolute_redirect off;
            location /relative/p/ { proxy_pass http://127.0.0.1:1; }
            location /relative/r { return 301 /elsewhere; }
            location /relative/e { return 302 elsewhere; }
        }
        location /portless { port_in_redirect off;
            location /portless/p/ { proxy_pass http://127.0.0.1:1; }
            location /portless/r { return 302 /elsewhere?$args; }
            location /portless/w { rewrite ^ /elsewhere redirect; }
        }
        location /canonical { server_name_in_redirect on;
            location /canonical/p/ { proxy_pass http://127.0.0.1:1; }
            location /canonical/r { return 307 /elsewhere; }
            location /canonical/w { rewrite ^ /elsewhere permanent; }
        }
        location /u { return 200 $uri; }
    }
"""
TARGETS = words("""
/ /? /?a=b /index /exact /exact/ /exact?x /exactly /pre /prefi /prefix /prefixed /preposterous
/images/a.gif /images/a.php /images /docs /docs/ /docs/x.php /a.php /a.PHP /a.gif /a.GIF /a.jpg /docs/a.Jpg
/named/bob /named/Bob /named/bob/
/outer /outer/ /outer/x /outer/inner /outer/inner/ /outer/inner/x.txt /outer/exact /outer/exact/ /outer/x.txt
/outer/keep/x.txt /outer/keep/x.php /outer/x.php /outer/inner/x.php /outer/inner/x.gif
/sealed/x.php /sealed/x.gif /sealed/deep /sealed/deep/x.gif /sealed/deep/x.php
/re/ /re/x /re/a.css /re/x.css /re/x.php
/with%20space /with+space /%25 /%2525 /%C3%A9 /%c3%a9x /é
/int /int/x /to_int /limited /Case /case /CASE
//  ///a //docs///x /docs//x?a//b
/./docs/ /docs/. /docs/./x /docs/.. /docs/../x /docs/../../x /.. /../ /a/../.. /docs/...
/docs/..x
/docs/%2e%2e/x /docs/%2E/ /docs%2Fx /docs%2f%2fx /%2e%2e/ /a%00b /a%zz /a% /a%2 /%23a /a%3Fb?c /a%26b /a#frag
/a?b#c /a#b?c
/a%7Eb /~a /a%0Ab /a%0d%0ab /a%20b?c%20d /a+b?c+d /a;b /a:b@c /a|b /a"b /a<b> /a{b} /a\\b /a^b /a`b
/?x=%zz /a?%00 /docs/%2e /docs/%2e%2e /docs/%2e%2e/ /a/b/../../docs/x /docs/x/%2e%2e%2fy
http://localhost/docs/ http://localhost http://localhost?x
http://exact.example/x http://exact.example:99/x https://localhost/x
HTTP://LOCALHOST/docs/ http://user@localhost/ http:/// http:// * foo ../x /%ff /%C0%80 /\x7fb
""")
HOSTS = words(
    "localhost LOCALHOST localhost. localhost:8080 exact.example Exact.Example exact.example. a.wild.example "
    "a.b.wild.example wild.example .wild.example a.long.wild.example long.wild.example trail.com trail.co.uk trail "
    "trail. www.trail.com xtrail.com dot.example www.dot.example a.b.dot.example foo.re.example foo.bar.re.example "
    "early.re.example early2 plain unknown [::1] [::1]:80 127.0.0.1 a/b a_b a..b .a -a a:b a:80:80 a:-1 a:99999 "
    "a\\b é a:"
)
SLASHLESS = words("""
/proxied /proxied?a=b /proxied/ //proxied /spaced%20out /both /both/ /both/x /dir /dir?x=y /relative/p /relative/p?a
/relative/r /relative/e /portless/p /portless/r?x=y /portless/w?x=y /canonical/p /canonical/r /canonical/w /dir%20x
/u//a/./b /u/..//c /u//../c /relative/p%20
""")
REQUESTS = [
    *(ask(f"GET {target}") for target in TARGETS),
    *(ask("GET /docs/", f"Host: {host}") for host in HOSTS),
    ask("GET /docs/", "Host:"),
    ask("GET /docs/ HTTP/1.0"),
    ask("GET http://plain/x", "Host: exact.example"),
    *(ask(f"{method} /limited") for method in ("GET", "HEAD", "POST", "OPTIONS", "PUT")),
    *(ask(f"{method} /limited2/a.txt") for method in ("GET", "HEAD", "POST")),
    *(
        ask("GET /x", f"Host: {host}", port=1)
        for host in ("a.example", "b.example", "c.example", "d", "b.example:PORT1")
    ),
    ask("GET //x//y", "Host: c.example", port=1),
    ask("GET //x//y", "Host: a.example", port=1),
    *(ask(f"GET {target}", port=2) for target in SLASHLESS),
    *(
        ask(f"GET {target}", "Host: other.example:PORT2", port=2)
        for target in ("/proxied", "/portless/p", "/dir", "/canonical/r")
    ),
    *(ask(f"{method} /dir", port=2) for method in ("HEAD", "POST", "PUT")),
]


# Malformed in ways that each answers by a 400 of its own looks.
UVICORN = frozenset(f"GET {target}" for target in ("/\x7fb", "http:///", "http://"))
OURS = frozenset({"GET /a%0Ab", "GET /a%0d%0ab"})  # nginx lets line breaks of a decoded URI into fields
NEW = frozenset(f"GET /docs/ | Host: {host}" for host in ("a:80:80", "a:-1", "a:99999", "a:b", "a\\b", "é"))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    tmp_path = tmp_path_factory.mktemp("routing")
    lay_out(tmp_path / "root")
    with pair(tmp_path, CONFIGURATION) as running:
        yield running


def lay_out(root: Path) -> None:
    """What is served."""
    for folder in ("dir", "dir x", "limited2"):
        (root / folder).mkdir(parents=True)
    (root / "dir" / "index.html").write_text("index")
    (root / "limited2" / "a.txt").write_text("text")


@pytest.mark.parametrize("request_", cases(REQUESTS, UVICORN, OURS, NEW))
def test_requests_are_routed_as_nginx_does(servers: Pair, request_: Ask) -> None:
    theirs, ours = servers.ask(request_)
    assert shown(ours) == shown(theirs)
