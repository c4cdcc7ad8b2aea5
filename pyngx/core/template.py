"""Texts with variables, compiled once into closures (ngx_http_script.c is what defines their syntax)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.diagnostics import ConfigError

if TYPE_CHECKING:
    from pyngx.config.arguments import Text
    from pyngx.config.source import Span
    from pyngx.core.exchange import Exchange
    from pyngx.core.variables import Getter, Variables

Render = Callable[["Exchange"], str]

_PARTS = re.compile(r"\$(?:(?P<capture>[1-9])|\{(?P<braced>[^}]*)\}|(?P<name>[A-Za-z0-9_]+)|(?P<bad>))")
_BRACED = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled text: call `render`; `constant` is its value if it has no variables."""

    render: Render
    constant: str | None = None


def constant(value: str) -> Template:
    """A template without variables."""
    return Template(lambda _: value, value)


def compile_template(text: Text, variables: Variables) -> Template:
    """Compile a text; raises ConfigError for a `$` without a name."""
    return Template(*_joined(split(text.value, text.span), text.span, variables))


def has_variables(value: str) -> bool:
    """Whether a text would be more than a constant."""
    return "$" in value


def split(value: str, span: Span | None = None) -> list[tuple[str, bool]]:
    """A text's parts in order: (literal, False) and (variable's name, True)."""
    parts: list[tuple[str, bool]] = []
    end = 0
    for match in _PARTS.finditer(value):
        if match.start() > end:
            parts.append((value[end : match.start()], False))
        braced = match["braced"]
        name = match["capture"] or match["name"] or braced
        if not name or (braced is not None and not _BRACED.fullmatch(braced)):
            raise ConfigError(f'invalid variable name in "{value}"', span, help="a variable is $name or ${name}")
        parts.append((name, True))
        end = match.end()
    if end < len(value):
        parts.append((value[end:], False))
    return parts


def reader(name: str, variables: Variables, span: Span | None = None) -> Getter:
    """What reads one variable, captures among them."""
    return _capture(int(name)) if name in _CAPTURES else variables.getter(name, span)


_CAPTURES = frozenset("123456789")


def _capture(number: int) -> Getter:
    def read(exchange: Exchange) -> str | None:
        captures = exchange.captures
        return captures[number - 1] if number <= len(captures) else ""

    return read


def _joined(parts: list[tuple[str, bool]], span: Span | None, variables: Variables) -> tuple[Render, str | None]:
    if not any(is_variable for _, is_variable in parts):
        value = "".join(literal for literal, _ in parts)
        return (lambda _: value), value
    if len(parts) == 1:
        get = reader(parts[0][0], variables, span)
        return (lambda exchange: get(exchange) or ""), None
    return _concatenation(parts, span, variables), None


def _concatenation(parts: list[tuple[str, bool]], span: Span | None, variables: Variables) -> Render:
    """An f-string over the getters: half the time of a join over a loop (0.35 against 0.8 us for five parts)."""
    names: dict[str, object] = {}
    pieces = []
    for number, (part, is_variable) in enumerate(parts):
        names[f"p{number}"] = reader(part, variables, span) if is_variable else part
        pieces.append(f"{{p{number}(x) or ''}}" if is_variable else f"{{p{number}}}")
    render: Render = eval(f'lambda x: f"{"".join(pieces)}"', names)
    return render
