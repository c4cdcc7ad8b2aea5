"""`valid_referers`: pages that may link here."""

from __future__ import annotations

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.generation import Generation
from pyngx.modules import core, referer, rewrite
from tests.support.configure import ask, configure

MODULES = (core.MODULE, referer.MODULE, rewrite.MODULE)


def serve(location: str, server: str = "") -> Generation:
    text = f'http {{ server {{ {server} location / {{ {location} return 200 "[$invalid_referer]"; }} }} }}'
    return configure(text, MODULES)


def is_valid(generation: Generation, value: str | None) -> bool:
    fields = [(b"Host", b"a")] + ([(b"Referer", value.encode())] if value is not None else [])
    body = ask(generation, "GET / HTTP/1.1", fields).body
    assert body in {b"[]", b"[1]"}
    return body == b"[]"


def test_without_the_directive_all_are_valid() -> None:
    generation = serve("")
    assert is_valid(generation, None)
    assert is_valid(generation, "anything")


@pytest.mark.parametrize(
    ("pages", "valid", "invalid"),
    [
        ("a.example", ["http://a.example", "HTTPS://A.EXAMPLE/x", "http://a.example:81/"], ["http://b.example", None]),
        ("*.a.example", ["http://b.a.example/", "http://c.b.a.example"], ["http://a.example/"]),
        (".a.example", ["http://b.a.example/", "http://a.example/"], ["http://ba.example/"]),
        ("www.a.*", ["http://www.a.com/", "http://www.a.co.uk"], ["http://www.b.com/", "http://www.a/"]),
        (
            "a.example/x www.b.*/y/",
            ["http://a.example/x", "http://a.example:8/xy", "http://www.b.c/y/z"],
            ["http://a.example/y", "http://a.example", "http://www.b.c/y", "http://a.example/X"],
        ),
        ("~a\\.example/x$", ["http://b.a.example/x", "http://A.EXAMPLE/X"], ["http://a.example/x/", "a.example/x"]),
        ("none a.example", [None], ["", "x"]),
        ("blocked a.example", ["", "x", "ftp://b.example", "http://a"], [None, "http://b.example"]),
        ("server_names", ["http://s.example/", "http://x.w.example"], ["http://w.example/", "http://other/"]),
        (
            "server_names",
            ["http://re12.example/x", "http://RE3.example"],
            ["http://re.example/", "http://x/re3.example"],
        ),
    ],
)
def test_pages_are_told_apart(pages: str, valid: list[str | None], invalid: list[str | None]) -> None:
    generation = serve(f"valid_referers {pages};", "server_name s.example *.w.example ~^re\\d+\\.example$;")
    assert [is_valid(generation, value) for value in valid] == [True] * len(valid)
    assert [is_valid(generation, value) for value in invalid] == [False] * len(invalid)


def test_several_directives_of_a_block_are_one() -> None:
    generation = serve("valid_referers a.example; valid_referers b.example;")
    assert is_valid(generation, "http://a.example")
    assert is_valid(generation, "http://b.example")


def test_a_location_replaces_what_the_server_says_but_its_regexes_if_it_has_none() -> None:
    generation = serve("valid_referers a.example;", "valid_referers b.example ~c;")
    found = [is_valid(generation, f"http://{host}.example/") for host in "abc"]
    assert found == [True, False, True]


def test_blocks_inside_inherit() -> None:
    generation = serve("", "valid_referers b.example;")
    assert is_valid(generation, "http://b.example")
    assert not is_valid(generation, "http://a.example")


def test_the_rules_of_a_server_may_ask() -> None:
    server = "server_name s.example; valid_referers server_names; if ($invalid_referer) { return 403; }"
    generation = serve("", server)
    assert ask(generation, "GET / HTTP/1.1", [(b"Host", b"a"), (b"Referer", b"http://x.example/")]).status == 403
    assert is_valid(generation, "http://s.example/")


def test_it_is_found_out_once_for_a_request_and_may_be_set() -> None:
    generation = serve("valid_referers a.example;", 'set $x $invalid_referer; set $invalid_referer "2";')
    assert ask(generation, "GET / HTTP/1.1").body == b"[2]"
    assert is_valid(serve("valid_referers a.example;", "set $x $invalid_referer;"), None)


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ("none", 'the "none" or "blocked" referers are specified in the "valid_referers" directive without any'),
        ("blocked ~a", 'the "none" or "blocked" referers are specified in the "valid_referers" directive without any'),
        ("a.example a.example", 'conflicting parameter "a.example"'),
        ("s.example server_names", 'conflicting parameter "s.example"'),
        ("a.example/x a.example/y", 'conflicting parameter "a.example"'),
        ("a*b", 'invalid hostname or wildcard "a*b"'),
        ("a..b/x", 'invalid hostname or wildcard "a..b"'),
        ('""', 'invalid referer ""'),
        ("~", 'empty regex in "~"'),
        ('"~("', 'invalid regular expression "("'),
    ],
)
def test_a_slip_is_named(pages: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        serve(f"valid_referers {pages};", "server_name s.example;")
    assert caught.value.diagnostics[0].message.startswith(message)
    assert caught.value.diagnostics[0].span is not None
