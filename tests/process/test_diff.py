from __future__ import annotations

from pyngx.config.include import from_memory, load
from pyngx.config.scope import Scope
from pyngx.core.load import check_snapshot
from pyngx.modules import MODULES
from pyngx.process.diff import Difference, difference

SERVER = "server {{ listen 127.0.0.1:80; server_name a; {} }}"


def scope(text: str) -> Scope:
    read, find = from_memory({"/x.conf": text})
    return check_snapshot(load("/x.conf", read=read, find=find), MODULES).root


def between(before: str, after: str) -> Difference:
    return difference(scope(before), scope(after))


def within(before: str, after: str) -> Difference:
    return between(*(f"http {{ {SERVER.format(text)} }}" for text in (before, after)))


def test_lines_that_move_are_no_change() -> None:
    assert within("location / { return 200; }", "\n\n# x\nlocation / {\n return 200;\n}") == Difference()


def test_rules_for_redirects_and_cookies_move_as_others_do() -> None:
    text = "location / {{ {} proxy_pass http://127.0.0.1:1; proxy_redirect http://$host/ /; proxy_cookie_path / /a; }}"
    assert within(text.format(""), text.format("\n\n")) == Difference()


def test_a_changed_directive_is_named_with_its_block() -> None:
    found = within("location /a { root x; expires 1h; }", "location /a { root y; expires 1h; }")
    assert found == Difference(changed=("server 127.0.0.1:80 a / location /a: root",))


def test_a_directive_that_takes_anothers_place_is_named_with_it() -> None:
    found = within("location /a { root x; }", "location /a { alias x; }")
    assert found.changed == ("server 127.0.0.1:80 a / location /a: root, alias",)


def test_locations_come_and_go_nested_ones_too() -> None:
    found = within("location /a { } location ~ b { }", "location /a { location /a/b { } } location = /c { }")
    assert found.added == (
        "server 127.0.0.1:80 a / location /a / location /a/b",
        "server 127.0.0.1:80 a / location = /c",
    )
    assert found.removed == ("server 127.0.0.1:80 a / location ~ b",)


def test_a_new_server_is_told_once_without_its_locations() -> None:
    found = between("http { }", f"http {{ {SERVER.format('location / { }')} }}")
    assert found == Difference(added=("server 127.0.0.1:80 a",))


def test_servers_of_one_name_are_counted() -> None:
    one = SERVER.format("")
    assert between(f"http {{ {one} }}", f"http {{ {one} {one} }}").added == ("server 127.0.0.1:80 a (#2)",)


def test_upstreams_and_what_stands_outermost_are_told() -> None:
    found = between(
        "http { upstream a { server 127.0.0.1:1; } upstream b { server 127.0.0.1:1; } }",
        "env A=b; events { } http { default_type x/y; upstream a { server 127.0.0.1:2; } }",
    )
    assert found.added == ("events",)
    assert found.removed == ("upstream b",)
    assert found.changed == ("main: env", "http: default_type", "upstream a: server")


def test_what_stands_in_an_if_belongs_to_its_location() -> None:
    found = within("location / { if ($arg_a) { return 200; } }", "location / { if ($arg_a) { return 201; } }")
    assert found.changed == ("server 127.0.0.1:80 a / location /: if",)
