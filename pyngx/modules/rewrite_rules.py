"""The rules of ngx_http_rewrite_module as they are written: what `rewrite` reads and compiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, text_of
from pyngx.config.declare import Opened
from pyngx.config.diagnostics import ConfigError

if TYPE_CHECKING:
    from pyngx.config.syntax import Node, Word

ABSOLUTE = ("http://", "https://", "$scheme")  # replacements that begin so are redirects
COMPARISONS = frozenset({"=", "!=", "~", "~*", "!~", "!~*"})
CONDITIONS = (
    "a condition is ($name), ($name = text), ($name ~ regex) with = != ~ ~* !~ !~*, or (-f path) with -f -d -e -x"
)


@dataclass(frozen=True, slots=True)
class Set:
    """`set $name value`."""

    name: Text
    value: Text


@dataclass(frozen=True, slots=True)
class Rewrite:
    """`rewrite`; `flag` is last, break, redirect, permanent or empty."""

    pattern: Text
    replacement: Text
    flag: str = ""

    @property
    def code(self) -> int:
        """The status of a redirect, or 0."""
        if self.flag == "permanent":
            return 301
        return 302 if self.flag == "redirect" or self.replacement.value.startswith(ABSOLUTE) else 0


@dataclass(frozen=True, slots=True)
class Return:
    """`return`."""

    code: int
    text: Text | None = None


@dataclass(frozen=True, slots=True)
class Break:
    """`break`."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What stands in the parentheses of an `if`.

    The operator is empty for a bare variable, a comparison, or a file test as `-f` and `!-f`.
    """

    operator: str
    variable: Text | None
    value: Text | None


Rule = Set | Rewrite | Return | Break | Opened[Condition]


def _set(node: Node) -> Set:
    name, value = node.args
    if not name.text.startswith("$") or name.text == "$":
        raise ConfigError(f'invalid variable name "{name.text}"', name.span, help="a variable begins with $")
    return Set(text_of(name.part(1)), text_of(value))


def _rewrite(node: Node) -> Rewrite:
    pattern, replacement, *rest = node.args
    if not replacement.text:
        raise ConfigError("empty replacement", replacement.span)
    if rest and rest[0].text not in {"last", "break", "redirect", "permanent"}:
        raise ConfigError(
            f'invalid parameter "{rest[0].text}"', rest[0].span, help="it must be last, break, redirect or permanent"
        )
    return Rewrite(text_of(pattern), text_of(replacement), rest[0].text if rest else "")


def _return(node: Node) -> Return:
    first, *rest = node.args
    if first.text.isascii() and first.text.isdigit():
        return Return(_code(first), text_of(rest[0]) if rest else None)
    if rest or not first.text.startswith(ABSOLUTE):
        raise ConfigError(
            f'invalid return code "{first.text}"',
            first.span,
            help="without a code there must be a URL that begins with http://, https:// or $scheme",
        )
    return Return(302, text_of(first))


def _code(word: Word) -> int:
    code = int(word.text) if len(word.text) < 5 else 1000
    if not 200 <= code <= 999:
        raise ConfigError(
            f'invalid return code "{word.text}"', word.span, help="a response ends with a status from 200 to 999"
        )
    return code


def _condition(node: Node) -> Condition:
    words = _inside(node.args)
    subject = words[0]
    if len(subject.text) > 1 and subject.text.startswith("$"):
        return _comparison(subject, words[1:])
    if subject.text.removeprefix("!") in {"-f", "-d", "-e", "-x"} and len(words) == 2:
        return Condition(subject.text, None, text_of(words[1]))
    raise _invalid(subject)


def _comparison(subject: Word, rest: Sequence[Word]) -> Condition:
    variable = text_of(subject.part(1))
    match rest:
        case []:
            return Condition("", variable, None)
        case [operator, value]:
            if operator.text not in COMPARISONS:
                raise ConfigError(f'unexpected "{operator.text}" in condition', operator.span, help=CONDITIONS)
            return Condition(operator.text, variable, text_of(value))
        case _:
            raise _invalid(subject)


def _inside(words: Sequence[Word]) -> list[Word]:
    """The words between the parentheses."""
    inside = list(words)
    if not inside[0].text.startswith("("):
        raise _invalid(inside[0])
    inside[0] = inside[0].part(1)
    if not inside[-1].text.endswith(")"):
        raise _invalid(words[-1])
    inside[-1] = inside[-1].part(0, -1)
    if not inside[0].text:
        del inside[0]
    if inside and not inside[-1].text:
        del inside[-1]
    if not inside:
        raise _invalid(words[0])
    return inside


def _invalid(word: Word) -> ConfigError:
    return ConfigError(f'invalid condition "{word.text}"', word.span, help=CONDITIONS)


set_ = Argument("$variable value", _set, 2, 2)
rewrite = Argument("regex replacement [last | break | redirect | permanent]", _rewrite, 2, 3)
return_ = Argument("code [text] | code URL | URL", _return, 1, 2)
break_ = Argument("", lambda _: Break(), 0, 0)
condition = Argument("(condition)", _condition, 1, None)
