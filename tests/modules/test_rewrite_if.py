"""`if`: conditions, and which settings are in force afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyngx.modules import core, rewrite, static
from tests.support.configure import ask, configure, messages

MODULES = (core.MODULE, rewrite.MODULE, static.MODULE)


def get(rules: str, target: str) -> bytes:
    return ask(configure(f"http {{ server {{ {rules} }} }}", MODULES), f"GET {target} HTTP/1.1").body


@pytest.mark.parametrize("place", ["{}", "location / {{ {} }}"])
@pytest.mark.parametrize(
    ("condition", "query", "expected"),
    [
        ("($arg_c)", "c=1", True),
        ("($arg_c)", "c=00", True),
        ("($arg_c)", "c=0", False),
        ("($arg_c)", "c=", False),
        ("($arg_c)", "", False),
        ("( $arg_c )", "c=1", True),
        ("($arg_c = 1)", "c=1", True),
        ("($arg_c = 1)", "c=2", False),
        ('($arg_c = "")', "", True),
        ("($arg_c = $arg_d)", "c=1&d=1", True),
        ("($arg_c != 2)", "c=1", True),
        ("($arg_c != 2)", "c=2", False),
        ("($arg_c ~ foo)", "c=food", True),
        ("($arg_c ~ foo)", "c=FooD", False),
        ("($arg_c ~* foo)", "c=FooD", True),
        ("($arg_c !~ foo)", "c=FooD", True),
        ("($arg_c !~ foo)", "c=food", False),
        ("($arg_c !~* foo)", "c=bar", True),
        ("($arg_c !~* foo)", "c=FooD", False),
        ('( $arg_c ~ "^a b|(c)$" )', "c=c", True),
    ],
)
def test_variables_are_compared(place: str, condition: str, query: str, expected: bool) -> None:
    rules = place.format(f"if {condition} {{ return 200 yes; }} return 200 no;")
    assert get(rules, f"/?{query}") == (b"yes" if expected else b"no")


@pytest.mark.parametrize(
    ("name", "true"),
    [("file", "-f -e"), ("directory", "-d -e -x"), ("program", "-f -e -x"), ("nothing", ""), ("file/x", "")],
)
def test_files_are_tested(tmp_path: Path, name: str, true: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "program").touch(0o700)
    (tmp_path / "directory").mkdir()
    for test in ("-f", "-d", "-e", "-x"):
        for operator in (test, f"!{test}"):
            rules = f"if ({operator} {tmp_path}/$arg_f) {{ return 200 yes; }} return 200 no;"
            assert (get(rules, f"/?f={name}") == b"yes") is ((test in true.split()) is (operator == test)), operator


def test_the_settings_of_the_last_if_that_was_true_are_in_force() -> None:
    rules = """
        location / {
            error_page 404 /none;
            if ($arg_a) { error_page 404 /a; }
            if ($arg_b) { error_page 404 /b; }
            if ($arg_x) { set $x 1; }
        }
        location ~ /(none|a|b) { return 200 $1; }
    """
    assert [get(rules, f"/x?{query}") for query in ("", "a=1", "b=1", "a=1&b=1", "b=1&x=1")] == [
        b"none",
        b"a",
        b"b",
        b"b",
        b"none",
    ]


def test_an_if_of_the_server_leaves_the_location_alone() -> None:
    rules = "if ($arg_a) { set $x 1; rewrite ^ /b; } location /a { return 200 a; } location /b { return 200 b$x; }"
    assert get(rules, "/a") == b"a"
    assert get(rules, "/a?a=1") == b"b1"


def test_rules_behind_a_block_that_was_true_still_run() -> None:
    rules = "location / { if ($arg_a) { set $x 1; } if ($arg_b) { set $x 2$x; } return 200 [$x]; }"
    assert [get(rules, f"/?{query}") for query in ("", "a=1", "b=1", "a=1&b=1")] == [b"[]", b"[1]", b"[2]", b"[21]"]


def test_break_in_an_if_ends_all_rules() -> None:
    rules = "location / { if ($arg_a) { break; } return 200 end; }"
    assert b"404" in get(rules, "/none?a=1")
    assert get(rules, "/none") == b"end"


def test_a_condition_keeps_its_captures_and_one_that_fails_leaves_none() -> None:
    rules = """
        location /a { if ($uri ~ /a/(.)(?<second>.)) { return 200 "$1 $second"; } }
        location ~ /b/(.) { if ($uri ~ no) { } return 200 "[$1]"; }
        location /c { if ($uri !~ /c/(.)) { return 200 no; } return 200 $1; }
    """
    assert get(rules, "/a/xy") == b"x y"
    assert get(rules, "/b/x") == b"[]"
    assert get(rules, "/c/x") == b"x"


def test_excepted_methods_skip_the_rules() -> None:
    # they are answered by the limit_except block, which has no rules
    text = 'http { server { location / { limit_except POST { } return 200 "rules"; } } }'
    generation = configure(text, MODULES)
    assert ask(generation, "POST / HTTP/1.1").body == b"rules"
    assert ask(generation, "GET /none HTTP/1.1").status == 404


def test_a_capture_that_was_never_made_is_not_worth_a_warning() -> None:
    text = 'http { server { location / { if ($uri ~ (?<x>nothing)) { set $x 2; } return 200 "[$x]"; } } }'
    generation = configure(text, MODULES)
    assert ask(generation, "GET / HTTP/1.1").body == b"[]"
    assert messages(generation) == []
