"""Random configurations: servers and locations whose words meet those of random requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache

from hypothesis import strategies as st

from tests.oracle import random_filters, random_guards
from tests.oracle.random_filters import filters
from tests.oracle.random_guards import guards
from tests.oracle.random_words import PATHS, STATUSES, URIS, Place, Texts, attached, formed, one_of, template

Draw = Callable[[st.SearchStrategy[str]], str]

COMMON = """
    map $arg_a $m { default "d$arg_b"; x one; ~^b(.*)$ "r$1"; ~*^C(?<got>.) "g$got"; "" none; }
    map $host$uri $n { volatile; ~^a\\.test(/.*)$ $1; default $arg_a; localhost/a exact; }
    map $host $h { hostnames; .test dot; *.b.test star; www.* trail; a.test a; default ""; }
    upstream u { server <echo>; }
    server { listen LISTEN1; listen LISTEN2; server_name ~^(?<sub>[a-z]+)\\.sub\\.test$;
        set $s ""; set $t ""; location ~ ^/(?<name>[a-z]+)$ { return 200 "$s$t$name$sub$m$n$h"; } }
"""


SEVERAL = {"add_header", "set", "rewrite", "if", "return", "break;", "error_page", "allow", "deny", "set_real_ip_from"}
FIELDS = {"proxy_set_header", "proxy_hide_header", "proxy_pass_header"}


def distinct(directives: Sequence[str], between: str = " ") -> str:
    """Directives that may stand together: of single ones, and of locations of one name, the first."""
    found: dict[str, str] = {}
    for directive in directives:
        for one in _apart(directive):
            found.setdefault(_key(one), one)
    return between.join(found.values())


def _apart(directives: str) -> list[str]:
    """Several that were drawn together."""
    return directives.replace("; ", ";\n").split("\n") if not set(directives) & set('{"') else [directives]


def _key(directive: str) -> str:
    """What may stand once."""
    name, _, rest = directive.partition(" ")
    if name in SEVERAL or name in FIELDS:
        return directive
    if name in {"limit_req", "auth_request_set"}:
        return " ".join(directive.rstrip(";").split()[:2])
    if name == "location":
        return rest.partition(" {")[0].removeprefix("^~").strip()
    return "root" if name == "alias" else name


# parts of directives

REGEXES = one_of(
    *("^/a/(.*)$", "^(.*)$", "^/(.+)/(.+)$", "\\\\.txt$", "^/b", "(?<name>[a-z]+)$", "^/(a|b)(/.*)?$", "/x(.)", "c"),
    *("^/dir(/|$)", "B", "(\\\\w)\\\\.(\\\\w)", " ", "^/$"),
)
SAYING = ("<moved>", "<failing>", "<fields>", "<accel>", "<gone>", "<asking>", "<packed>")
NAMED = one_of("@one", "@two", "@missing")
CONDITIONS = st.one_of(
    one_of("$arg_a", "$arg_b", "$s", "$m", "$http_x_y", "$cookie_c", "$args", "$is_args", "!-e $request_filename"),
    one_of("-f $request_filename", "-d $request_filename", "!-f ROOT$uri", "-e ROOT/c.txt", "$request_method = POST"),
    one_of("$arg_a = x", "$arg_a != x", "$host = a.test", "$s = $arg_a", "$request_method != GET", "$uri = /a"),
    formed('$uri ~ "{}"', REGEXES),
    formed('$arg_a !~* "{}"', one_of("b(.)", "^x")),
    formed('$request_uri ~* "{}"', REGEXES),
    formed('$http_x_y ~ "{}"', one_of("(.)(.)", "y", "^(?<name>[a-z])")),
)


@cache
def returns() -> Texts:
    return st.one_of(
        formed('return {} "{}";', st.sampled_from(STATUSES), template()),
        formed('return {} "{}";', one_of("200", "200", "404", "500"), template()),
        formed("return {};", st.sampled_from(STATUSES)),
        formed('return 200 "<!--#include virtual=\\"{}\\" --><!--# echo var=\\"{}\\"-->";', URIS, one_of("s", "uri")),
        formed('return {} "{}{}";', one_of("301", "302", "303", "307", "308"), attached(), template()),
        formed('return "{}{}";', one_of("http://", "https://", "$scheme://"), template()),
    )


@cache
def rewrites() -> Texts:
    to = st.one_of(
        URIS,
        formed("{}$1", PATHS),
        formed("{}?{}", URIS, template()),
        formed("/{}", template()),
        formed("{}?", URIS),
        formed("$1{}", PATHS),
        formed("{}{}", attached(), template()),
    )
    flag = one_of("", " last", " break", " redirect", " permanent", " last", " break")
    return formed('rewrite "{}" "{}"{};', REGEXES, to, flag)


@cache
def settings() -> Texts:
    return st.one_of(
        formed('set {} "{}";', one_of("$s", "$t"), template()),
        formed('set {} "{}";', one_of("$s", "$t", "$args"), template()),
    )


@cache
def scripts(place: Place) -> Texts:
    """Directives of the rewrite module."""
    choices = [settings(), settings(), rewrites(), one_of("break;")]
    if place.in_if:
        choices.append(returns())
    else:
        choices += [conditions(place), conditions(place)]
    return st.one_of(*choices)


@cache
def conditions(place: Place) -> Texts:
    inner = Place(place.kind, place.depth, in_if=True)
    some = [scripts(inner), scripts(inner)]
    if place.kind != "server":
        some += [decorations(inner), contents(inner), filters(inner)]
    return formed("if ({}) {{ {} }}", CONDITIONS, st.lists(st.one_of(*some), max_size=3).map(distinct))


@cache
def decorations(place: Place) -> Texts:
    """Directives that change answers."""
    field = one_of("X-A", "X-B", "Cache-Control", "ETag", "Last-Modified", "Content-Type", "Location", "Link", "Via")
    value = st.one_of(template(), template(), one_of("", "Thu, 01 Jan 2015 00:00:00 GMT", '\\"e\\"', "no-store"))
    usual = [
        formed('add_header {} "{}"{};', field, value, one_of("", " always", "")),
        formed('add_header {} "{}"{};', one_of("X-A", "X-B", "X-C"), template(), one_of("", " always")),
        formed("add_header_inherit {};", one_of("on", "off", "merge")),
        formed("expires {};", one_of("off", "epoch", "max", "-1", "0", "1h", "$m", "modified 1h", "$arg_a", "1d")),
        formed("error_page {} {}{};", codes(), one_of("", "", "= ", "=200 ", "=404 ", "=302 "), pages()),
        formed("error_page {} {}{};", codes(), one_of("", "", "= "), pages()),
    ]
    others = [
        one_of("recursive_error_pages on;", "proxy_intercept_errors on;", "proxy_intercept_errors on;"),
        one_of("absolute_redirect off;", "port_in_redirect off;", "server_name_in_redirect on;", "etag off;"),
        one_of("proxy_http_version 1.0;", "proxy_pass_request_headers off;"),
        one_of("default_type text/x-y;", "types { text/plain txt; }", "default_type '';", "max_ranges 0;"),
        one_of("if_modified_since before;", "if_modified_since off;", "log_not_found off;", "max_ranges 1;"),
        formed('proxy_set_header {} "{}";', one_of("Host", "X-Y", "X-A", "Connection", "Cookie", "Accept"), value),
        formed('proxy_set_header {} "{}";', one_of("Host", "X-A", "X-B"), template()),
        formed("proxy_hide_header {};", one_of("X-Up", "ETag", "Set-Cookie", "Content-Type", "Location", "x-a")),
        formed("proxy_pass_header {};", one_of("Server", "Date", "X-Accel-Redirect", "X-Pad")),
        formed("proxy_ignore_headers {};", one_of("X-Accel-Redirect", "Expires", "Cache-Control Set-Cookie")),
        formed("proxy_redirect {};", one_of("off", "http://<moved>/ /m/", "~^http://[^/]+(/.*)$ $1", "/ /n/")),
        formed('proxy_redirect {} "{}";', one_of("http://<moved>/x", "/", "~*(x)"), template()),
        formed("proxy_method {};", one_of("POST", "$request_method", "$arg_a")),
        formed('proxy_set_body "{}";', template()),
        formed("proxy_cookie_path {};", one_of("/ /k/", "~^/(.)(.*)$ /$1", "off")),
        formed("proxy_cookie_domain {};", one_of("up.test $host", "off")),
        formed("root {};", one_of("ROOT", "ROOT/dir", "ROOT/dir/", "ROOT/$arg_a", "ROOT$s")),
        formed(
            "index {};", one_of("index.html", "c.txt index.html", "/c.txt", "$arg_a c.txt", "missing index.html /a")
        ),
    ]
    if place.in_if:
        return st.one_of(*usual, formed("root {};", one_of("ROOT", "ROOT/dir")))
    return st.one_of(*usual, *others)


@cache
def codes() -> Texts:
    some = st.lists(
        st.sampled_from(("400", "403", "404", "404", "405", "302", "301", "500", "502", "503")),
        min_size=1,
        max_size=3,
        unique=True,
    )
    return some.map(" ".join)


@cache
def pages() -> Texts:
    return st.one_of(
        URIS, NAMED, NAMED, formed('"/{}"', template()), one_of("http://a.test/x", "$m", '"/e?$args"', "/e")
    )


@cache
def contents(place: Place) -> Texts:
    """What answers."""
    plain = [
        formed("proxy_pass http://{};", one_of("<echo>", "u", *SAYING)),
        formed("proxy_pass http://{};", one_of("<echo>", "u", "<echo>")),
    ]
    variable = formed(
        'proxy_pass "http://{}{}";',
        one_of("<echo>", "u"),
        one_of("$request_uri", "/v$uri", "/$1", "$uri$is_args$args", "$s", "/x?$args", "?$args"),
    )
    mapped = formed(
        "proxy_pass http://{}{};",
        one_of("<echo>", "u", "<moved>"),
        one_of("/", "/base", "/base/", "/base/x", "/?q", "/b%20x/", "/base/?q=1"),
    )
    choices = [*plain, variable, returns()]
    if place.may_have_uri:
        choices += [mapped, mapped]
    if not place.in_if:
        choices += [tries(), tries()]
        if place.kind != "named":
            choices.append(aliases(place))
        if place.kind not in {"server", "named"}:
            choices.append(one_of("internal;"))
            choices.append(
                formed(
                    "limit_except {} {{ {} }}",
                    one_of("GET", "POST", "GET POST"),
                    one_of("proxy_pass http://<echo>;", "proxy_pass http://u;"),
                )
            )
    return st.one_of(*choices, one_of(""))


@cache
def tries() -> Texts:
    file = one_of("$uri", "$uri/", "$uri.txt", "/c.txt", "/dir/", "$arg_a", "/dir$uri", "$s", "c.txt", "/a/$1")
    last = st.one_of(
        one_of("=404", "=403", "=204", "/e", "/e?$args", "@one", "@two", "$s", "/a$uri", "/c.txt", "@$arg_a"), URIS
    )
    return formed("try_files {} {};", st.lists(file, min_size=1, max_size=3).map(" ".join), last)


@cache
def aliases(place: Place) -> Texts:
    if place.kind == "regex":
        return formed("alias {};", one_of("ROOT/c.txt", "ROOT/$1", "ROOT/dir/$1", "ROOT/dir", "ROOT/dir/", "ROOT"))
    return formed("alias {};", one_of("ROOT/dir/", "ROOT/dir", "ROOT/", "ROOT/$arg_a/", "ROOT/c.txt"))


# blocks


@cache
def body(place: Place) -> Texts:
    """What stands in a location."""
    script = st.lists(scripts(place), max_size=3)
    decoration = st.lists(decorations(place), max_size=3)
    some = [script, decoration, st.lists(guards(place), max_size=2), st.lists(filters(place), max_size=2)]
    some.append(st.lists(contents(place), min_size=1, max_size=1))
    if place.depth < 2 and place.kind in {"prefix", "regex"}:
        some.append(st.lists(location(place.kind, place.depth + 1), max_size=2))
    return st.tuples(*some).map(lambda found: distinct([each for part in found for each in part]))


@cache
def location(outer: str = "server", depth: int = 0) -> Texts:
    """A location block; OUTER in one that is nested in a prefix stands for that."""
    regex = st.tuples(formed('{} "{}"', one_of("~", "~*"), REGEXES), st.deferred(lambda: body(Place("regex", depth))))
    choices = [regex.map(lambda drawn: _block(*drawn))]
    if outer != "regex":
        paths = (
            PATHS.map(lambda path: f"OUTER{path}")
            if outer == "prefix"
            else st.one_of(PATHS, one_of("/", "/a", "/a/", "/dir/"))
        )
        for kind, modifiers in (("exact", one_of("=")), ("prefix", one_of("", "", "^~"))):
            drawn = st.tuples(modifiers, paths, st.deferred(lambda kind=kind: body(Place(kind, depth))))
            choices += [
                drawn.map(
                    lambda drawn: _block(f'{drawn[0]} "{drawn[1]}"', drawn[2].replace("OUTER", drawn[1].rstrip("/")))
                )
            ] * (2 if kind == "prefix" else 1)
    return st.one_of(*choices)


def _block(head: str, inside: str) -> str:
    return f"location {head} {{ {inside} }}"


IN_SERVER = Place("server")
ONE_OF_TWO = one_of("0", "1")
DEFAULT = one_of("", " default_server")
ASKED = st.lists(
    st.one_of(
        settings(),
        formed("if ({}) {{ return {}; }}", CONDITIONS, one_of("200", "204", "401", "403", "500", "302")),
        formed('add_header WWW-Authenticate "{}"{};', template(), one_of("", " always")),
        formed("proxy_pass http://{};", one_of("<echo>", "<fields>", "<failing>", "<gone>", "<moved>", "<asking>")),
        filters(Place("exact")),
    ),
    min_size=1,
    max_size=3,
).map(distinct)
# what is asked by the way has no body, and the upstream must not wait for one
BODILESS = 'proxy_pass_request_body off; proxy_set_header Content-Length ""; error_page 418 /;'
NAMED_BODY = body(Place("named"))
SERVER = st.tuples(
    st.lists(one_of("root ROOT;", "root ROOT/dir;", "merge_slashes off;"), max_size=1),
    st.lists(decorations(IN_SERVER), max_size=2),
    st.lists(guards(IN_SERVER), max_size=2),
    st.lists(filters(IN_SERVER), max_size=1),
    st.lists(scripts(IN_SERVER), max_size=2),
    st.lists(location(), min_size=2, max_size=7),
).map(lambda parts: distinct([each for part in parts for each in part], "\n        "))
COUNT = st.integers(1, 3)
SHARED = COMMON + random_guards.COMMON + random_filters.COMMON
EVERYWHERE = st.tuples(
    st.lists(filters(Place("http")), max_size=2),
    st.lists(guards(Place("server")), max_size=1),
    st.lists(one_of("gzip on;", "ssi on;", "autoindex on;", "charset utf-8;", "gzip on; gzip_types *;"), max_size=2),
).map(lambda parts: in_http(distinct([each for part in parts for each in part])))


def in_http(directives: str) -> str:
    """Without what stands in the http block anyway, or may not."""
    return re.sub(r"(?:auth_basic_user_file|valid_referers|gzip_min_length) [^;]*;", "", directives)


@st.composite
def server(draw: Callable[..., str], number: int) -> str:
    names = ("localhost a.test", "*.b.test www.*", "~^(.)(?<sub>.*)\\.sub\\.test$ .c.test")[number]
    parts = [
        f"listen LISTEN{draw(ONE_OF_TWO) if number else 0}{draw(DEFAULT) if number == 1 else ''};",
        f"server_name {names};",
        draw(SERVER),
        f"location = /ask {{ {BODILESS} {draw(ASKED)} }}",
        f"location @one {{ {draw(NAMED_BODY)} }}",
        f"location @two {{ {draw(NAMED_BODY)} }}",
    ]
    return "server { " + "\n        ".join([part for part in parts if part]) + "\n    }"


SERVERS = [server(number) for number in range(3)]


QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
CAPTURES = re.compile(r"\$(?:[1-9]|got|name|sub)")
MAPPED = re.compile(r"\$[mnv](?!\w)")


def _unmapped(text: re.Match[str]) -> str:
    """A text without the maps that match, if it has captures: they would change under it, and nginx answers 500."""
    return MAPPED.sub("", text[0]) if CAPTURES.search(text[0]) else text[0]


@st.composite
def sites(draw: Callable[..., str]) -> str:
    """The inside of an http block."""
    servers = "\n    ".join(draw(SERVERS[number]) for number in range(draw(COUNT)))
    return "\n    ".join(["", "root ROOT;", draw(EVERYWHERE), SHARED]) + QUOTED.sub(_unmapped, servers)
