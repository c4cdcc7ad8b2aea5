"""What the words of a directive mean."""

from __future__ import annotations

import pytest

from pyngx.config.arguments import (
    Argument,
    Text,
    bits,
    choice,
    flag,
    nothing,
    number,
    off_or,
    parameters,
    parse_number,
    parse_seconds,
    parse_size,
    seconds,
    size,
    text,
    texts,
    word,
    words,
)
from pyngx.config.diagnostics import ConfigError
from pyngx.config.source import Source
from pyngx.config.syntax import Node, parse


def node(source: str) -> Node:
    return parse(Source("x.conf", f"name {source};"))[0]


def value(argument: Argument[object], source: str) -> object:
    return argument.parse(node(source))


def refusal(argument: Argument[object], source: str) -> str:
    with pytest.raises(ConfigError) as caught:
        argument.parse(node(source))
    return caught.value.diagnostics[0].message


@pytest.mark.parametrize(
    ("argument", "source", "expected"),
    [
        (flag, "on", True),
        (flag, "OFF", False),
        (nothing, "", True),
        (number(), "007", 7),
        (number(1, 9), "9", 9),
        (number(), "0" * 5000, 0),
        (size, "512", 512),
        (size, "8k", 8192),
        (size, "1M", 1 << 20),
        (size, "2g", 2 << 30),
        (seconds, "60", 60.0),
        (seconds, "500ms", 0.5),
        (seconds, "1m", 60.0),
        (seconds, "1h30m", 5400.0),
        (seconds, "'1d 1h 10s 5ms'", 90010.005),
        (seconds, "1M", 2592000.0),
        (seconds, "'2y 1w'", 63676800.0),
        (seconds, "1m30", 90.0),
        (choice("all", "any"), "ANY", "any"),
        (bits("a", "b", "c"), "c a", frozenset("ac")),
        (word, '"a b"', "a b"),
        (words(), "a b", ("a", "b")),
        (text, "$a", Text("$a")),
        (texts(), "a $b", (Text("a"), Text("$b"))),
        (off_or(size), "off", None),
        (off_or(size), "1k", 1024),
    ],
)
def test_values(argument: Argument[object], source: str, expected: object) -> None:
    assert value(argument, source) == expected


@pytest.mark.parametrize(
    ("argument", "source", "message"),
    [
        (flag, "yes", 'invalid value "yes" in "name" directive, it must be "on" or "off"'),
        (number(), "-1", '"name" directive invalid number "-1"'),
        (number(), "0" * 30 + "9" * 20, f'"name" directive invalid number "{"0" * 30 + "9" * 20}"'),
        (number(), "1x", '"name" directive invalid number "1x"'),
        (number(), "٣", '"name" directive invalid number "٣"'),
        (number(), "9" * 30, f'"name" directive invalid number "{"9" * 30}"'),
        (number(), "9" * 5000, f'"name" directive invalid number "{"9" * 5000}"'),
        (number(2), "1", "value must be equal to or greater than 2"),
        (number(1, 9), "10", "value must be between 1 and 9"),
        (size, "k", '"name" directive invalid value "k"'),
        (size, "1t", '"name" directive invalid value "1t"'),
        (size, '""', '"name" directive invalid value ""'),
        (size, "9999999999g", '"name" directive invalid value "9999999999g"'),
        (seconds, "s", '"name" directive invalid value "s"'),
        (seconds, "1m1h", '"name" directive invalid value "1m1h"'),
        (seconds, "-5", '"name" directive invalid value "-5"'),
        (seconds, "1.5s", '"name" directive invalid value "1.5s"'),
        (seconds, "9" * 5000, f'"name" directive invalid value "{"9" * 5000}"'),
        (choice("all", "any"), "none", 'invalid value "none"'),
        (bits("a", "b"), "a x", 'invalid value "x"'),
        (off_or(Argument("a b", lambda _: 1, 2, 2)), "a", 'invalid number of arguments in "name" directive'),
    ],
)
def test_refusals(argument: Argument[object], source: str, message: str) -> None:
    assert refusal(argument, source) == message


def test_a_usage_may_be_named_anew() -> None:
    assert word.called("path").usage == "path"
    assert off_or(word.called("zone")).usage == "zone | off"


READERS = {"weight": parse_number, "fail_timeout": parse_seconds, "size": parse_size}


def test_parameters() -> None:
    given = node("weight=3 down fail_timeout=1m size=8k").args
    expected = {"weight": 3, "down": True, "fail_timeout": 60.0, "size": 8192}
    assert parameters(given, READERS, bare=("down", "backup")) == expected


@pytest.mark.parametrize(
    ("source", "message", "marked", "help_line"),
    [
        ("wieght=3", 'invalid parameter "wieght=3"', "wieght=3", 'did you mean "weight="?'),
        ("weight=x", 'invalid parameter "weight=x"', "x", "a number has digits only"),
        ("weight", 'invalid parameter "weight"', "weight", 'did you mean "weight="?'),
        ("dwn", 'invalid parameter "dwn"', "dwn", 'did you mean "down"?'),
        ("zz", 'invalid parameter "zz"', "zz", "known parameters: weight=, fail_timeout=, size=, down"),
    ],
)
def test_wrong_parameters(source: str, message: str, marked: str, help_line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parameters(node(source).args, READERS, bare=("down",))
    (found,) = caught.value.diagnostics
    assert found.span is not None
    assert (found.message, found.span.text, found.help) == (message, marked, help_line)
