"""`rewrite`, `return`, `break` and `set`: what happens to a request."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyngx.core.generation import Generation
from pyngx.modules import core, rewrite, static
from tests.support.configure import ask, configure, messages
from tests.support.fake_client import FakeClient

MODULES = (core.MODULE, rewrite.MODULE, static.MODULE)


def serve(rules: str) -> Generation:
    return configure(f"http {{ server {{ listen 8080; {rules} }} }}", MODULES)


def get(rules: str, target: str) -> FakeClient:
    return ask(serve(rules), f"GET {target} HTTP/1.1")


SHOW = 'location /new/ { return 200 "$uri $args"; }'


@pytest.mark.parametrize(
    ("rule", "target", "shown"),
    [
        ("rewrite ^/a/(.*)$ /new/$1 last;", "/a/x", "/new/x "),
        ("rewrite ^/a/(.*)$ /new/$1 last;", "/a/x?q=1", "/new/x q=1"),
        ("rewrite ^/a/(.*)$ /new/$1? last;", "/a/x?q=1", "/new/x "),
        ("rewrite ^/a/(.*)$ /new/?id=$1 last;", "/a/x?q=1", "/new/ id=x&q=1"),
        ("rewrite ^/a/(.*)$ /new/?id=$1? last;", "/a/x?q=1", "/new/ id=x"),
        ("rewrite ^/a/(.*)$ /new/$1?id=$1 last;", "/a/x%26%20y", "/new/x& y id=x%26%20y"),  # the query alone is escaped
        ("rewrite ^/a/(.*)$ /new/?id=$1 last;", "/a/x&y", "/new/ id=x&y"),  # as the client didn't escape
        ("rewrite ^/a/(.*)$ /new/$1$is_args$args? last;", "/a/x?q=1", "/new/x?q=1 "),  # a variable's "?" is none
        ("rewrite ^/a/ /b/; rewrite ^/b/ /new/c;", "/a/x", "/new/c "),
        ("rewrite ^/a/ /new/; break; rewrite ^ /never last;", "/a/x", "/new/ "),
        ('rewrite ^/a/(?<rest>.*)$ "/new/$rest" last;', "/a/x", "/new/x "),
    ],
)
def test_a_rewrite_changes_uri_and_arguments(rule: str, target: str, shown: str) -> None:
    assert get(rule + SHOW, target).body.decode() == shown


@pytest.mark.parametrize(
    ("rule", "target", "code", "location"),
    [
        ("rewrite ^/a/(.*) http://other/$1;", "/a/x?q=1", 302, "http://other/x?q=1"),
        ("rewrite ^/a/(.*) https://other/$1? last;", "/a/x?q=1", 302, "https://other/x"),
        ("rewrite ^/a/(.*) $scheme://other/$1;", "/a/x", 302, "http://other/x"),
        ("rewrite ^/a/(.*) http://other/?k=$1 permanent;", "/a/x?q=1", 301, "http://other/?k=x&q=1"),
        ("rewrite ^/a/(.*) /b/$1 redirect;", "/a/x", 302, "http://localhost/b/x"),
        ("rewrite ^/a/(.*) http://other/$1 redirect;", "/a/x%20y%0D", 302, "http://other/x%20y%0D"),
        ("rewrite ^/a/ http://other/b%20c%2Fd redirect;", "/a/", 302, "http://other/b%20c/d"),
        ("rewrite ^ $arg_r? redirect;", "/?r=http%3A%2F%2Fother%0D%0Ax", 302, "http://other%0D%0Ax"),
        ("return 301 http://other$request_uri;", "/a%20b?q", 301, "http://other/a%20b?q"),
        ("return 303 /b;", "/", 303, "http://localhost/b"),
        ("return 307 b;", "/", 307, "b"),
        ("return 308 /b;", "/", 308, "http://localhost/b"),
        ("return https://other/;", "/", 302, "https://other/"),
        ("return 301;", "/", 301, ""),
    ],
)
def test_redirects_point_where_they_should(rule: str, target: str, code: int, location: str) -> None:
    client = get(rule, target)
    assert (client.status, client.header("location")) == (code, location)


@pytest.mark.parametrize(
    ("rule", "status", "body", "media_type"),
    [
        ("return 200;", 200, b"", "text/plain"),
        ("return 200 text;", 200, b"text", "text/plain"),
        ("default_type a/b; return 200 $host;", 200, b"localhost", "a/b"),
        ('default_type ""; return 200 x;', 200, b"x", None),
        ("types { text/x x; } rewrite ^ /a.x; return 200 x;", 200, b"x", "text/x"),
        ("return 204 x;", 204, b"", None),
        ("return 404 text;", 404, b"text", "text/plain"),
        ('return 404 "$arg_none";', 404, b"", "text/plain"),
        ("return 299 x;", 299, b"x", "text/plain"),
        ("return 444 x;", 444, b"x", "text/plain"),
    ],
)
def test_return_answers_with_a_text(rule: str, status: int, body: bytes, media_type: str | None) -> None:
    client = get(f"location / {{ {rule} }}", "/")
    assert (client.status, client.body, client.header("content-type")) == (status, body, media_type)
    assert client.header("content-length") == (None if status == 204 else str(len(body)))


@pytest.mark.parametrize("code", [408, 444, 499])
def test_some_statuses_close_the_connection_without_a_word(code: int) -> None:
    client = get(f"error_page 408 444 /page; return {code};", "/")
    assert client.aborted
    assert client.status == 0


def test_an_error_without_a_text_has_the_built_in_page() -> None:
    client = get("return 403;", "/")
    assert client.header("content-type") == "text/html"
    assert b"<h1>403 Forbidden</h1>" in client.body


def test_head_gets_the_length_of_the_text_only() -> None:
    client = ask(serve("return 200 text;"), "HEAD / HTTP/1.1")
    assert (client.header("content-length"), client.body) == ("4", b"")


PAGES = """
    location /404-405 { error_page 404 /405; return 404; }
    location /405-204 { error_page 405 /204; return 405; }
    location /405-text { error_page 405 /text; return 405; }
    location /405-302 { error_page 405 /302; return 405; }
    location /405-200 { error_page 405 =200 /text; return 405; }
    location /404-text { error_page 404 /405; return 404 text; }
    location /302-text { error_page 302 /text; return 302 /there; }
    location /405 { return 405; }
    location /204 { return 204; }
    location /302 { return 302 /there; }
    location /text { return 200 text; }
"""


@pytest.mark.parametrize(
    ("target", "status", "location", "body"),
    [
        ("/405-204", 405, None, b""),
        ("/405-text", 405, None, b"text"),
        ("/405-200", 200, None, b"text"),
        ("/404-text", 404, None, b"text"),
        ("/302-text", 302, "http://localhost/there", b"text"),
    ],
)
def test_error_pages_answer_statuses_without_a_text(
    target: str, status: int, location: str | None, body: bytes
) -> None:
    client = get(PAGES, target)
    assert (client.status, client.header("location"), client.body) == (status, location, body)


@pytest.mark.parametrize(("target", "status"), [("/404-405", 405), ("/405-302", 302)])
def test_an_error_page_that_fails_or_redirects_has_its_own_status(target: str, status: int) -> None:
    assert get(PAGES, target).status == status


def test_last_looks_for_the_location_again_and_the_rules_behind_it_do_not_run() -> None:
    rules = """
        location /last { rewrite ^ /new/a last; return 200 never; }
        location /none { rewrite ^ /new/b; set $c 1; }
        location /return { rewrite ^ /new/c; return 200 "here $uri"; }
    """
    generation = serve(rules + SHOW)
    bodies = [ask(generation, f"GET {target} HTTP/1.1").body for target in ("/last", "/none", "/return")]
    assert bodies == [b"/new/a ", b"/new/b ", b"here /new/c"]


def test_break_stays_in_the_location(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    rules = f"""
        root {tmp_path};
        location /flag {{ rewrite ^ /file break; return 200 never; }}
        location /directive {{ rewrite ^ /file; break; return 200 never; }}
        location /file {{ return 200 elsewhere; }}
    """
    assert get(rules, "/flag").body == b"here"
    assert get(rules, "/directive").body == b"here"


def test_a_cycle_of_rewrites_ends_with_an_error() -> None:
    generation = serve("location / { rewrite ^ /again last; }")
    assert ask(generation, "GET / HTTP/1.1").status == 500
    assert messages(generation) == ['rewrite or internal redirection cycle while processing "/again"']


def test_a_rewrite_to_nothing_is_an_error() -> None:
    assert get("rewrite ^ $arg_none;", "/").status == 500


def test_a_rewritten_request_may_enter_internal_locations() -> None:
    rules = "location /in { internal; return 200 in; } location /out { rewrite ^ /in last; }"
    generation = serve(rules)
    assert ask(generation, "GET /in HTTP/1.1").status == 404
    assert ask(generation, "GET /out HTTP/1.1").body == b"in"


def test_rules_of_the_server_come_first_and_run_once() -> None:
    rules = """
        set $seen x$seen;
        error_page 404 @named;
        location / { rewrite ^ /b last; }
        location /b { return 404; }
        location @named { rewrite ^ /c last; }
        location /c { return 200 $seen; }
    """
    assert get(rules, "/").body == b"x"


def test_rules_are_not_inherited() -> None:
    rules = "location /a { return 200 outer; location /a/b { return 200 inner; } location /a/c { } }"
    assert get(rules, "/a/b").body == b"inner"
    assert get(rules, "/a/c").status == 404


def test_an_alias_is_refused_after_break_but_not_on_an_error_page(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("sorry")
    rules = f"""
        location /a {{ alias /nowhere/; rewrite ^ /a/b break; error_page 500 /pages/page; }}
        location /pages/ {{ alias {tmp_path}/; }}
    """
    client = get(rules, "/a/x")
    assert (client.status, client.body) == (500, b"sorry")


# set


def test_captures_are_escaped_in_values_until_a_rewrite_matched() -> None:
    rules = """
        location ~ /a/(.*) { set $value $1; return 200 "$value|$1"; }
        location /b { rewrite ^/b/(.*) /x/$1; set $value $1; return 200 "$value|$1"; }
    """
    assert get(rules, "/a/x%20y").body == b"x%20y|x y"
    assert get(rules, "/a/xy%2F").body == b"xy/|xy/"
    assert get(rules, "/b/x%20y").body == b"x y|x y"


def test_set_changes_the_arguments() -> None:
    assert get('set $args "a=1&$args"; return 200 $args;', "/?b").body == b"a=1&b"


def test_set_hides_a_field_only_where_it_ran() -> None:
    rules = 'location /a { set $http_foo set; return 200 $http_foo; } location /b { return 200 "$http_foo"; }'
    generation = serve(rules)
    assert ask(generation, "GET /a HTTP/1.1", [(b"Host", b"localhost"), (b"Foo", b"sent")]).body == b"set"
    assert ask(generation, "GET /b HTTP/1.1", [(b"Host", b"localhost"), (b"Foo", b"sent")]).body == b"sent"


def test_a_variable_that_was_never_set_is_empty_and_logged_once() -> None:
    rules = 'location /a { set $x 1; } location /b { return 200 "[$x$x]"; } location /c { %s return 200 "[$x]"; }'
    generation = serve(rules % "uninitialized_variable_warn off;")
    assert ask(generation, "GET /b HTTP/1.1").body == b"[]"
    assert ask(generation, "GET /c HTTP/1.1").body == b"[]"
    assert messages(generation) == ['using uninitialized "x" variable']


def test_rewrite_log_tells_what_happened() -> None:
    generation = serve("rewrite_log on; rewrite ^/no /x; rewrite ^/a(.) /b?c=$1; rewrite ^/b http://x/ redirect;")
    ask(generation, "GET /a1?q HTTP/1.1")
    assert messages(generation) == [
        '"^/no" does not match "/a1"',
        '"^/a(.)" matches "/a1"',
        'rewritten data: "/b", args: "c=1&q"',
        '"^/b" matches "/b"',
        'rewritten redirect: "http://x/?c=1&q"',
    ]
