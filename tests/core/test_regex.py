"""Regular expressions: PCRE's syntax, bytes, and patterns that would never end."""

from __future__ import annotations

import time

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.backtracking import longest_subject
from pyngx.core.pcre import translate
from pyngx.core.regex import PATIENCE, compile_regex
from pyngx.modules import core, map, referer, rewrite
from tests.support.configure import ask, configure, in_server, messages


def search(pattern: str, subject: str, *, ignore_case: bool = False) -> list[str | None] | None:
    groups = compile_regex(pattern, ignore_case=ignore_case).search(subject)
    return list(groups) if groups is not None else None


# What PCRE2 10.42 gives for each, as nginx asks it.
@pytest.mark.parametrize(
    ("pattern", "subject", "groups"),
    [
        (r"^(?<n>a)(?P<m>b)(?'o'c)\k<n>\k{m}\k'o'(?P=n)$", "abcabca", ["a", "b", "c"]),
        (r"(a)\g1\g{1}\g{-1}", "aaaa", ["a"]),
        (r"\h\H\v\V\R\N", "\ta\x0bb\r\nc", []),
        (r"(\R)x", "\r\nx", ["\r\n"]),
        (r"^(a++)a", "aaa", None),
        (r"^(?>a|ab)c", "abc", None),
        (r"a\Kb(c)", "abc", ["c"]),
        (r"\Qa.b*\E+$", "a.b**", []),
        (r"^[\Qa-]\E]+$", "a-]", []),
        (r"^[[:alpha:]][[:^alpha:]][[:punct:][:space:]]+$", "a1. ", []),
        (r"[[:<:]](b)[[:>:]]", "a b c", ["b"]),
        (r"^a(?i)b|c$", "aB", []),
        (r"^a(?i)b|^c$", "C", []),
        (r"^a(?i)b|^c$", "AB", None),
        (r"^(?:a(?i)b)c$", "aBC", None),
        (r"^(?i:a(?-i)b)C$", "AbC", []),
        (r"(?x) ^ a [ ] b # comment", "a b", []),
        (r"(?^)A(?s).", "A\n", []),
        (r"(?U)^(a+)", "aaa", ["a"]),
        (r"(?n)^(a)(?<b>b)", "ab", ["b"]),
        (r"^\x41\x{42}\103\o{104}\cA\e\0$", "ABCD\x01\x1b\0", []),
        (r"a$", "a\n", []),
        (r"a\Z", "a\n", []),
        (r"a\z", "a\n", None),
        (r"^a{,2}$", "a{,2}", []),
        (r"^a{1,2}{$", "aa{", []),
        (r"^[]a]+[^]a]$", "]ab", []),
        (r"^[\w-][a-]$", "--", []),
        (r"\B", "", []),
        (r"(a)?b\1", "b", None),
        (r"^(\((?:[^()]|(?1))*\))$", "(a(b)c)", ["(a(b)c)"]),
        (r"^(?<p>\d+)(?:\+(?&p))+$", "1+22+3", ["1"]),
        (r"^(?:(?=a)a|b)+(?<=a|bc)$", "ba", []),
        (r"^(a)?(?(1)b|c)$", "ab", ["a"]),
        (r"^(?<q>')?a(?(q)')$", "'a", None),
        (r"^(?(?=a)a1|b2)$", "b2", []),
        (r"(?|a(.)|b(.))c", "bxc", ["x"]),
        (r"(*pla:a)(a)", "a", ["a"]),
        (r"a(*FAIL)|b", "ab", []),
        (r"^\p{Lu}[\p{Ll}1]$", "A1", []),
    ],
)
def test_patterns_mean_what_they_mean_to_pcre(pattern: str, subject: str, groups: list[str | None] | None) -> None:
    assert search(pattern, subject) == groups


def test_a_pattern_is_about_bytes() -> None:
    assert search("^/(.)(.)$", "/é") == ["\udcc3", "\udca9"]
    assert search("^/.$", "/é") is None
    assert search("^/é+$", "/é\udca9") == []
    assert search(r"^/(\xc3\xa9[^é])", "/éa") == ["éa"]
    assert search("é", "É", ignore_case=True) is None
    assert search("^(.*)$", "\udcff") == ["\udcff"]
    assert search(r"\w|\bé", "é") is None


def test_a_pattern_may_be_about_characters() -> None:
    assert search("(*UTF8)^/(.)$", "/é") == ["é"]
    assert search("(*UTF)é", "É", ignore_case=True) == []
    assert search(r"(*UTF)\bé|\w", "é") is None
    assert search(r"(*UTF)^\x{20ac}[^a]$", "€é") == []


def test_case_of_ascii_letters_may_be_ignored() -> None:
    assert search("^/[a-c]x[^d]$", "/BXe", ignore_case=True) == []
    assert search("^/[a-c]x[^d]$", "/BXD", ignore_case=True) is None
    assert search("^a(?-i)b$", "AB", ignore_case=True) is None


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("(", "missing closing parenthesis"),
        (")", "unmatched closing parenthesis"),
        ("[a", "missing terminating ] for character class"),
        ("*a", "quantifier does not follow a repeatable item"),
        ("a**", "quantifier does not follow a repeatable item"),
        ("a{2}{3}", "quantifier does not follow a repeatable item"),
        ("^*", "quantifier does not follow a repeatable item"),
        ("a{3,2}", "numbers out of order in {} quantifier"),
        ("a{65536}", "number too big in {} quantifier"),
        ("[z-a]", "range out of order in character class"),
        (r"[\w-.]", "invalid range in character class"),
        (r"[a-\d]", "invalid range in character class"),
        ("[[:foo:]]", "unknown POSIX class name"),
        ("[:alpha:]", "POSIX named classes are supported only within a class"),
        ("[[.a.]]", "POSIX collating elements are not supported"),
        (r"\j", "unrecognized character follows \\"),
        (r"\u0041", r"PCRE2 does not support \F, \L, \l, \N{name}, \U, or \u"),
        ("a\\", "\\ at end of pattern"),
        (r"\x{100}", r"character code point value in \x{} or \o{} is too large"),
        (r"(a)\2", "reference to non-existent subpattern"),
        (r"\k<n>", "reference to non-existent subpattern"),
        ("(?1)", "reference to non-existent subpattern"),
        ("(?<n>a)(?<n>b)", "two named subpatterns have the same name (PCRE2_DUPNAMES not set)"),
        ("(?<1>a)", "subpattern name expected, not beginning with a digit"),
        ("(?<n", "syntax error in subpattern name (missing terminator?)"),
        ("(?z)", "unrecognized character after (? or (?-"),
        ("(?#a", "missing ) after (?# comment"),
        ("(a)(?(1)a|b|c)", "conditional subpattern contains more than two branches"),
        ("(" * 9999, "too many groups in each other"),
    ],
)
def test_a_pattern_that_is_wrong_is_told_in_pcre_s_words(pattern: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compile_regex(pattern)
    assert caught.value.diagnostics[0].message == f'invalid regular expression "{pattern}": {problem}'


# how long a search may take


def longest(pattern: str) -> int | None:
    translated = translate(pattern)
    return longest_subject(translated.shape, translated.is_anchored)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\.php$",
        r"\.(gif|jpg|png)$",
        r"^/(.*)$",
        r"^/([^/]+)/([^/]+)/(.*)$",
        r"^/user/(\d+)/([a-z]+)$",
        r"^/.*\.(php|html)$",
        r"^(?:/[^/]+)+$",
        r"^(?<host>[^.]+\.)+example\.com$",
    ],
)
def test_usual_patterns_have_no_limit(pattern: str) -> None:
    assert longest(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+$",
        "(a|aa)+$",
        r"^(\w+\s?)*$",
        "(.*)*x",
        "(.*,)*x",
        "(a*a*)*b",
        "(?=(a+)+$)a",
        "(a?){30}a{30}",
        "(a+){20}b",
        r"^([a-z0-9]+-?)*$",
    ],
)
def test_loops_in_which_a_character_does_not_decide_are_always_limited(pattern: str) -> None:
    assert longest(pattern) == 0


@pytest.mark.parametrize("pattern", ["^(.*)x(.*)y(.*)z$", r"\s+$", "^/(.*)/(.*)x(.*)y$", "^(a.*){3}$"])
def test_repeats_of_the_same_characters_are_limited_for_long_subjects(pattern: str) -> None:
    limit = longest(pattern)
    assert limit is not None
    assert 100 < limit < 10_000


def test_a_search_without_an_end_is_stopped() -> None:
    expression = compile_regex("^(a|aa)+$")
    assert expression.search("aaa") is not None
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        expression.search("a" * 80 + "b")
    assert time.monotonic() - started < 20 * PATIENCE


ENDLESS = "/" + "a" * 80 + "b"
MODULES = (core.MODULE, map.MODULE, referer.MODULE, rewrite.MODULE)
TOLD = [f'regular expression "(a|aa)+$" took too long on "{ENDLESS}"']


def test_a_location_whose_regex_takes_too_long_answers_500() -> None:
    generation = configure(in_server("location ~ (a|aa)+$ { return 200; }"), MODULES)
    assert ask(generation, f"GET {ENDLESS} HTTP/1.1").status == 500
    assert messages(generation) == TOLD


def test_a_map_whose_regex_takes_too_long_has_its_default() -> None:
    maps = "map $uri $x { default d; ~(a|aa)+$ a; ~^/a b; }"
    generation = configure(f"http {{ {maps} server {{ return 200 $x; }} }}", MODULES)
    assert ask(generation, f"GET {ENDLESS} HTTP/1.1").body == b"d"
    assert messages(generation) == TOLD


def test_a_referer_that_takes_too_long_is_invalid() -> None:
    generation = configure(in_server('valid_referers ~(a|aa)+$; return 200 "[$invalid_referer]";'), MODULES)
    fields = [(b"Host", b"a"), (b"Referer", f"http:/{ENDLESS}".encode())]
    assert ask(generation, "GET / HTTP/1.1", fields).body == b"[1]"
