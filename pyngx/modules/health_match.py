"""`match` of ngx_http_upstream_hc_module: what a response must be like for a health check to pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, text_of, texts, word
from pyngx.config.declare import NEVER, Opened, repeated
from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import Response
from pyngx.core.records import Try
from pyngx.core.zones import define_each
from pyngx.http.codec import text, wire

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.config.syntax import Node, Word
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.upstream.peer import Peer
    from pyngx.upstream.probe import Probed

Judge = Callable[["Exchange", "Peer", "Probed"], str]
"""What is wrong with a response; nothing for one that is as it should be."""

Test = Callable[["Exchange", "Probed"], str]


# arguments


@dataclass(frozen=True, slots=True)
class StatusTest:
    """A `status`: ranges of which one must hold it, or none."""

    ranges: tuple[tuple[int, int], ...]
    negated: bool = False
    written: str = ""


@dataclass(frozen=True, slots=True)
class ValueTest:
    """A `header` or a `body`; the operator is "" for a field that must be there, "!" for one that mustn't."""

    name: str
    operator: str = ""
    value: Text = Text("")


def _range(given: Word) -> tuple[int, int]:
    first, dash, last = given.text.partition("-")
    numbers = [first, last] if dash else [first, first]
    if not all(each.isascii() and each.isdigit() and len(each) == 3 for each in numbers) or numbers[0] > numbers[1]:
        raise ConfigError(f'invalid status "{given.text}"', given.span, "a status is 200, or a range of them: 200-399")
    return int(numbers[0]), int(numbers[1])


def _status(node: Node) -> StatusTest:
    negated = node.args[0].text == "!"
    codes = node.args[negated:]
    if not codes:
        raise ConfigError('no status behind "!"', node.args[0].span, "status ! 500;")
    return StatusTest(tuple(map(_range, codes)), negated, " ".join(given.text for given in node.args))


def _header(node: Node) -> ValueTest:
    match [given.text for given in node.args]:
        case ["!", name]:
            return ValueTest(name.lower(), "!")
        case [name]:
            return ValueTest(name.lower())
        case [name, "=" | "!=" | "~" | "!~" as operator, _]:
            return ValueTest(name.lower(), operator, text_of(node.args[2]))
    advice = "header name; header ! name; or header name with =, !=, ~ or !~ and a value"
    raise ConfigError(f'invalid test in "{node.name.text}" directive', node.args[0].span, advice)


def _body(node: Node) -> ValueTest:
    operator, value = node.args
    if operator.text not in {"~", "!~"}:
        raise ConfigError(f'invalid test "{operator.text}"', operator.span, 'body ~ "regex"; or body !~ "regex";')
    return ValueTest("", operator.text, text_of(value))


# settings


@dataclass(frozen=True, slots=True)
class MatchBlocks:
    """The sets of tests."""

    match: tuple[Opened[str], ...] = repeated(
        word.called("name"), "http", opens="match", doc="tests of a response that `health_check match=` names"
    )


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """What one set tests; all of it must hold."""

    status: tuple[StatusTest, ...] = repeated(
        Argument("[!] code | code-code ...", _status, 1, None),
        "match",
        inherits=NEVER,
        doc="the status must be one of these",
    )
    header: tuple[ValueTest, ...] = repeated(
        Argument("name [= | != | ~ | !~ value] | ! name", _header, 1, 3),
        "match",
        inherits=NEVER,
        doc="a field of the response must be there, or not, or have such a value",
    )
    body: tuple[ValueTest, ...] = repeated(
        Argument("~ | !~ regex", _body, 2, 2), "match", inherits=NEVER, doc="its first 256k must match, or not"
    )
    require: tuple[tuple[Text, ...], ...] = repeated(
        texts().called("$variable ..."),
        "match",
        inherits=NEVER,
        doc="variables that must be neither empty nor 0",
    )


MATCH_SETTINGS = (MatchBlocks, MatchSettings)


# what health_check uses


@dataclass(frozen=True, slots=True)
class Match:
    """A set of tests; equal sets have equal `tests`."""

    judge: Judge
    tests: MatchSettings | None = None


def plain_judge(exchange: Exchange, peer: Peer, response: Probed) -> str:
    """What is asked of a response without `match`: 2xx or 3xx."""
    del exchange, peer
    return "" if 200 <= response.status <= 399 else f"status {response.status}"


def define_matches(build: Build) -> None:
    """Make the sets that the configuration names."""
    blocks = build.settings(MatchBlocks).match
    define_each([(opened, opened.scope.span) for opened in blocks], partial(_define, build))


def _define(build: Build, opened: Opened[str], span: Span | None) -> None:
    inner = build.within(opened.scope)
    own = inner.settings(MatchSettings)
    tests: list[Test] = [partial(_check_status, test) for test in own.status]
    tests += [_header_test(inner, test) for test in own.header]
    tests += [_body_test(inner, test) for test in own.body]
    tests += [_require_test(inner, text) for required in own.require for text in required]
    if not tests:
        raise ConfigError(f'match "{opened.argument}" tests nothing', span, "status, header, body or require")

    def judge(exchange: Exchange, peer: Peer, response: Probed) -> str:
        exchange.tries = [Try(str(peer.address), time.monotonic(), response.status, fields=response.headers)]
        exchange.response = Response(response.status, response.headers, response.reason)
        return next((problem for test in tests if (problem := test(exchange, response))), "")

    build.name(opened.argument, Match(judge, own), span)


def _check_status(test: StatusTest, exchange: Exchange, response: Probed) -> str:
    del exchange
    status = response.status
    is_within = any(first <= status <= last for first, last in test.ranges)
    return "" if is_within != test.negated else f"status {status}, where {test.written} is wanted"


def _header_test(build: Build, test: ValueTest) -> Test:
    name, operator, wanted = wire(test.name), test.operator, test.value.value
    matches = build.regex_test(wanted, test.value.span) if operator.endswith("~") else None

    def check(exchange: Exchange, response: Probed) -> str:
        values = [text(value) for value in response.headers.all(name)]
        if operator == "!":
            return f"{test.name} is there" if values else ""
        if not values:
            return f"no {test.name}"
        if not operator:
            return ""
        found = any(matches(exchange, value) if matches is not None else value == wanted for value in values)
        return "" if found != operator.startswith("!") else f"{test.name} isn't {operator} {wanted}"

    return check


def _body_test(build: Build, test: ValueTest) -> Test:
    matches = build.regex_test(test.value.value, test.value.span)
    negated = test.operator.startswith("!")

    def check(exchange: Exchange, response: Probed) -> str:
        if matches(exchange, text(bytes(response.body))) != negated:
            return ""
        return f"the body isn't {test.operator} {test.value.value}"

    return check


def _require_test(build: Build, required: Text) -> Test:
    if not required.value.startswith("$"):
        raise ConfigError(f'invalid variable "{required.value}"', required.span, "require $variable;")
    render = build.template(required).render

    def check(exchange: Exchange, response: Probed) -> str:
        del response
        value = render(exchange)
        return "" if value not in {"", "0"} else f'{required.value} is "{value}"'

    return check
