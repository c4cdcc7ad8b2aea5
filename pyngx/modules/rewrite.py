"""ngx_http_rewrite_module: `set`, `if`, `rewrite`, `return` and `break`, in the order in which they are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Text, flag
from pyngx.config.declare import NEVER, Opened, directive, mixed, of
from pyngx.config.diagnostics import ConfigError, Diagnostic
from pyngx.config.inherit import settings
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module, Phase
from pyngx.core.template import constant, has_captures
from pyngx.modules import rewrite_script as steps
from pyngx.modules.core import media_types
from pyngx.modules.rewrite_rules import (
    Break,
    Condition,
    Return,
    Rewrite,
    Rule,
    Set,
    break_,
    condition,
    return_,
    rewrite,
    set_,
)

if TYPE_CHECKING:
    from pyngx.config.scope import Scope
    from pyngx.core.answers import Handler
    from pyngx.core.build import Build
    from pyngx.modules.rewrite_script import RegexTest, Step, Test, Value

PLACES = "server location server-if location-if"


# settings


@dataclass(frozen=True, slots=True)
class RewriteSettings:
    """What is done to the URI of a request."""

    rules: tuple[Rule, ...] = mixed(
        of("set", set_, PLACES, doc="gives a variable a value"),
        of("rewrite", rewrite, PLACES, doc="changes a URI that matches, or redirects"),
        of("return", return_, PLACES, doc="answers with a status, a text or a redirect"),
        of("break", break_, PLACES, doc="ends the rules of this block"),
        of(
            "if",
            condition,
            "server location",
            opens={"server": "server-if", "location": "location-if"},
            doc="rules and settings for requests that meet a condition",
        ),
        inherits=NEVER,
    )
    rewrite_log: bool = directive(
        flag, f"{EVERYWHERE} server-if location-if", default=False, doc="whether rules tell the error log what they did"
    )
    uninitialized_variable_warn: bool = directive(
        flag,
        f"{EVERYWHERE} server-if location-if",
        default=True,
        doc="whether the use of variables that were never set is logged",
    )


# variables


def define(build: Build) -> None:
    """Make the targets of all `set` known before any text is compiled: one may hide a variable like $http_name."""
    errors: list[Diagnostic] = []
    targets = (rule.name for scope in _scopes(build.scope) for rule in _written(scope) if isinstance(rule, Set))
    for name in targets:
        try:
            build.variables.define_slot(name.value, name.span, weak=True)
        except ConfigError as error:
            errors += error.diagnostics
    if errors:
        raise ConfigError.of(errors)


def _scopes(scope: Scope) -> Iterator[Scope]:
    yield scope
    for given in scope.given.values():
        for value in given.value if isinstance(given.value, tuple) else (given.value,):
            if isinstance(value, Opened):
                yield from _scopes(value.scope)


def furnish(build: Build) -> None:
    """Tell the location whether variables that were never set are worth a warning."""
    assert build.location is not None
    build.location.warns_uninitialized = build.settings(RewriteSettings).uninitialized_variable_warn


# handlers


def make_server_handler(build: Build) -> Handler | None:
    """The rules of a server, before the location is looked for."""
    return _handler(build) if build.scope.kind == "server" else None


def make_handler(build: Build) -> Handler | None:
    """The rules of a location; those of its `if` blocks are among them."""
    return _handler(build) if build.scope.kind == "location" else None


def _handler(build: Build) -> Handler | None:
    rules = build.settings(RewriteSettings).rules
    return steps.script(_compile(build, rules)) if rules else None


def _compile(build: Build, rules: Sequence[Rule]) -> list[Step]:
    """The steps of some rules; raises ConfigError with what is wrong in any of them."""
    compiled: list[Step] = []
    errors: list[Diagnostic] = []
    for rule in rules:
        try:
            compiled.append(_step(build, rule))
        except ConfigError as error:
            errors += error.diagnostics
    if errors:
        raise ConfigError.of(errors)
    return compiled


def _step(build: Build, rule: Rule) -> Step:
    match rule:
        case Set(name, value):
            assign = build.variables.define_slot(name.value, name.span, weak=True)
            return steps.set_step(assign, _value(build, value))
        case Rewrite():
            return _rewrite(build, rule)
        case Return():
            return _return(build, rule)
        case Break():
            return steps.break_step
        case Opened(condition, scope):
            # a server's `if` holds rules only: there is no location yet that it could stand for
            branch = build.branch(scope) if build.scope.kind == "location" else None
            return steps.if_step(_test(build, condition), _compile(build, _written(scope)), branch)


def _written(scope: Scope) -> tuple[Rule, ...]:
    return settings(scope, RewriteSettings).rules


def _rewrite(build: Build, rule: Rewrite) -> Step:
    matches = _matches(build, rule.pattern)
    log = build.settings(RewriteSettings).rewrite_log
    text, span = rule.replacement.value, rule.replacement.span
    keeps_args = not text.endswith("?")
    text = text if keeps_args else text[:-1]
    if rule.code:
        target = build.template(Text(text, span), steps.escaped_capture).render
        joint = ("&" if "?" in text else "?") if keeps_args else ""
        return steps.redirect_step(matches, rule.code, target, joint, log)
    path, mark, query = text.partition("?")
    uri = build.template(Text(path, span)).render
    args = build.template(Text(query, span), steps.escaped_capture).render if mark else None
    return steps.rewrite_step(matches, uri, args, keeps_args, rule.flag, log)


def _return(build: Build, rule: Return) -> Step:
    text = build.template(rule.text) if rule.text is not None else constant("")
    if rule.code in steps.REDIRECTS:
        return steps.redirect_answer(rule.code, text.render)
    if rule.code >= 400 and text.constant == "":
        return steps.status_answer(rule.code)
    return steps.text_answer(rule.code, text, media_types(build))


def _test(build: Build, condition: Condition) -> Test:
    operator, value = condition.operator, condition.value
    expected = not operator.startswith("!")
    if condition.variable is None:
        assert value is not None
        return steps.file_test(operator[-1], _value(build, value), expected)
    get = build.variables.getter(condition.variable.value, condition.variable.span)
    if value is None:
        return steps.truth(get)
    if operator in {"=", "!="}:
        return steps.equality(get, _value(build, value), expected)
    return steps.regex_match(get, _matches(build, value, ignore_case=operator.endswith("*")), expected)


def _matches(build: Build, pattern: Text, *, ignore_case: bool = False) -> RegexTest:
    test = steps.clearing(build.regex_test(pattern.value, pattern.span, ignore_case=ignore_case))
    return steps.logged(test, pattern.value) if build.settings(RewriteSettings).rewrite_log else test


def _value(build: Build, text: Text) -> Value:
    plain = build.template(text).render
    if not has_captures(text.value, text.span):
        return steps.value_of(plain, None)
    return steps.value_of(plain, build.template(text, steps.escaped_capture).render)


MODULE = Module(
    "rewrite",
    settings=(RewriteSettings,),
    define=define,
    furnish=furnish,
    handlers={Phase.SERVER_REWRITE: make_server_handler, Phase.REWRITE: make_handler},
)
