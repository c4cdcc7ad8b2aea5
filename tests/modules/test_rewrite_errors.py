"""What is wrong with rewrite rules is said with its place."""

from __future__ import annotations

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.modules import core, rewrite
from tests.support.configure import configure

MODULES = (core.MODULE, rewrite.MODULE)


def complaints(rules: str) -> list[tuple[str, str]]:
    """Messages and the texts that they point at."""
    with pytest.raises(ConfigError) as caught:
        configure(f"http {{ server {{ {rules} }} }}", MODULES)
    return [(each.message, each.span.text if each.span is not None else "") for each in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("rule", "message", "place"),
    [
        ("return abc;", 'invalid return code "abc"', "abc"),
        ("return 1000;", 'invalid return code "1000"', "1000"),
        ("return 101;", 'invalid return code "101"', "101"),
        ("return http://x y;", 'invalid return code "http://x"', "http://x"),
        ("return 200 $nope;", 'unknown "nope" variable', "$nope"),
        ("rewrite ^ /x foo;", 'invalid parameter "foo"', "foo"),
        ("rewrite ^ '';", "empty replacement", "''"),
        ("rewrite ( /x;", 'invalid regular expression "(": missing closing parenthesis', "("),
        ("set x 1;", 'invalid variable name "x"', "x"),
        ("set $ 1;", 'invalid variable name "$"', "$"),
        ("set $uri 1;", 'the duplicate "uri" variable', "uri"),
        ("set $http_host 1;", 'the duplicate "http_host" variable', "http_host"),
        ("set $x $y;", 'unknown "y" variable', "$y"),
        ("if $uri { }", 'invalid condition "$uri"', "$uri"),
        ("if ($uri = a { }", 'invalid condition "a"', "a"),
        ("if () { }", 'invalid condition "()"', "()"),
        ("if ($uri = a b) { }", 'invalid condition "$uri"', "$uri"),
        ("if (uri = a) { }", 'invalid condition "uri"', "uri"),
        ("if (-z a) { }", 'invalid condition "-z"', "-z"),
        ("if (-f a b) { }", 'invalid condition "-f"', "-f"),
        ("if ($uri == a) { }", 'unexpected "==" in condition', "=="),
        ("if ($nope) { }", 'unknown "nope" variable', "nope"),
        ("if ($1) { }", 'unknown "1" variable', "1"),
        ("if ($uri ~ (?<host>a)) { }", 'the duplicate "host" variable', "(?<host>a)"),
    ],
)
def test_a_slip_is_named_and_shown(rule: str, message: str, place: str) -> None:
    assert complaints(f"location / {{ {rule} }}") == [(message, place)]
    assert complaints(rule) == [(message, place)]


def test_all_slips_are_found_at_once() -> None:
    found = complaints("rewrite ( a; rewrite [ b; location / { if ($a) { rewrite ) c; } return 200 $b; }")
    assert [place for _, place in found] == ["(", "[", ")", "a", "$b"]


@pytest.mark.parametrize("rule", ["if ($uri) { if ($uri) { } }", "if ($uri) { location / { } }"])
def test_an_if_holds_neither_ifs_nor_locations(rule: str) -> None:
    ((message, _),) = complaints(rule)
    assert message.endswith("directive is not allowed here")
