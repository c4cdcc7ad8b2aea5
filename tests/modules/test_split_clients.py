"""`split_clients`: parts of all clients."""

from __future__ import annotations

from collections import Counter

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.generation import Generation
from pyngx.modules import core, rewrite, split_clients
from pyngx.modules.split_clients import murmur_hash2
from tests.support.configure import ask, configure

MODULES = (core.MODULE, split_clients.MODULE, rewrite.MODULE)


def serve(lines: str) -> Generation:
    return configure(f"http {{ split_clients $args $x {{ {lines} }} server {{ return 200 $x; }} }}", MODULES)


@pytest.mark.parametrize(
    ("data", "hashed"),
    # what nginx's own function gives
    [
        (b"", 0),
        (b"a", 0x92685F5E),
        (b"ab", 0x1AA14063),
        (b"abc", 0x13577C9B),
        (b"abcd", 0x26873021),
        (b"abcdefg\xff", 0xAA2267AF),
    ],
)
def test_the_hash_is_murmur_hash_2(data: bytes, hashed: int) -> None:
    assert murmur_hash2(data) == hashed


def test_each_part_gets_its_share() -> None:
    generation = serve("0.5% few; 30% some; 20.25% more; * rest;")
    found = Counter(ask(generation, f"GET /?{number} HTTP/1.1").body.decode() for number in range(4000))
    shares = {name: round(count / 40) for name, count in found.items()}
    assert shares == {
        "few": pytest.approx(0.5, abs=1),
        "some": 30,
        "more": pytest.approx(20, abs=1),
        "rest": pytest.approx(49, abs=2),
    }


def test_a_text_has_always_the_same_part() -> None:
    generation = serve("50% a; 50% b;")
    assert {ask(generation, "GET /?text HTTP/1.1").body for _ in range(5)} == {b"b"}


def test_texts_of_no_part_have_an_empty_value() -> None:
    assert ask(serve("0.01% a;"), "GET /?b HTTP/1.1").body == b""


@pytest.mark.parametrize(
    ("lines", "message", "place"),
    [
        ("60% a; 50% b;", "percent total is greater than 100%", "50% b;"),
        ("* a; 1% b;", "percent total is greater than 100%", "1% b;"),
        ("0% a;", 'invalid percent value "0%"', "0%"),
        ("50 a;", 'invalid percent value "50"', "50"),
        ("1.234% a;", 'invalid percent value "1.234%"', "1.234%"),
        ("% a;", 'invalid percent value "%"', "%"),
        ("5% a b;", 'invalid number of arguments in "5%" directive', "5% a b;"),
    ],
)
def test_a_slip_is_named_and_shown(lines: str, message: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        serve(lines)
    (found,) = caught.value.diagnostics
    assert (found.message, found.span.text if found.span is not None else "") == (message, place)


def test_parts_may_make_a_hundred_per_cent() -> None:
    serve("99.99% a; .01% b; * c;")
