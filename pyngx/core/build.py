"""From settings to what runs: the only place where factories are called."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from pyngx.config.diagnostics import ConfigError, Diagnostic
from pyngx.config.inherit import origin, settings
from pyngx.core.regex import Regex, compile_regex, forgiving, match_and_capture
from pyngx.core.template import Captures, Template, compile_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyngx.config.arguments import Text
    from pyngx.config.scope import Scope
    from pyngx.config.source import Span
    from pyngx.core.answers import HeaderFilter
    from pyngx.core.exchange import Exchange
    from pyngx.core.generation import Location, Server
    from pyngx.core.locations import Pattern
    from pyngx.core.phases import Module
    from pyngx.core.runtime import Close, Runtime
    from pyngx.core.variables import Variables

S = TypeVar("S")
T = TypeVar("T")


@dataclass(slots=True)
class Shared:
    """What all blocks of one build have in common."""

    runtime: Runtime
    variables: Variables
    modules: Sequence[Module]
    names: dict[tuple[type, str], object] = field(default_factory=dict)
    preparations: dict[Hashable, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    starts: list[Callable[[], None]] = field(default_factory=list)
    claims: set[object] = field(default_factory=set)
    errors: list[ConfigError] = field(default_factory=list)
    findings: dict[Diagnostic, None] = field(default_factory=dict)  # each once
    branches: dict[int, Location] = field(default_factory=dict)  # by the id of the scope that they were built from
    patterns: dict[int, Pattern] = field(default_factory=dict)  # of locations, by the id of their scope


@dataclass(slots=True)
class Build:
    """One block on its way to what runs: what factories ask."""

    shared: Shared
    scope: Scope
    server: Server | None = None
    location: Location | None = None
    make_branch: Callable[[Scope], Location] | None = None

    @property
    def runtime(self) -> Runtime:
        """What outlives this generation."""
        return self.shared.runtime

    @property
    def variables(self) -> Variables:
        """All variables of the configuration."""
        return self.shared.variables

    def settings(self, cls: type[S]) -> S:
        """Settings in force here."""
        return settings(self.scope, cls)

    def origin(self, cls: type, name: str) -> Span | None:
        """Where a value in force was written."""
        spans = origin(self.scope, cls, name)
        return spans[0] if spans else None

    def origins(self, cls: type, name: str) -> tuple[Span, ...]:
        """Where the parts of a repeated value in force were written."""
        return origin(self.scope, cls, name)

    def giver(self, cls: type, name: str) -> Scope | None:
        """The block that says what is in force here; None for a default."""
        scope: Scope | None = self.scope
        while scope is not None and (cls, name) not in scope.given:
            scope = scope.parent
        return scope

    def within(self, scope: Scope) -> Build:
        """The same build in an inner block."""
        return Build(self.shared, scope, self.server, self.location, self.make_branch)

    def path(self, written: str) -> str:
        """A path of the configuration, made absolute by the prefix."""
        return os.path.join(self.runtime.prefix, written)

    def conf_path(self, written: str) -> str:
        """The path of a file that belongs to the configuration, made absolute by the main file's directory."""
        return os.path.join(self.runtime.conf_prefix, written)

    def read_file(self, path: str) -> bytes:
        """The content of a file that the configuration names; a change of it makes a new generation. Raises OSError."""
        return self.runtime.files.read(path)

    def given(self, cls: type, name: str) -> bool:
        """Whether the block itself says something."""
        return (cls, name) in self.scope.given

    def template(self, text: Text, captures: Captures | None = None) -> Template:
        """A text with variables, compiled; `captures` gives another reading of $1 to $9 than the plain one."""
        return compile_template(text, self.variables, captures)

    def regex(self, pattern: str, span: Span | None = None, *, ignore_case: bool = False) -> Regex:
        """A regular expression, compiled."""
        return compile_regex(pattern, span, ignore_case=ignore_case)

    def regex_test(
        self, pattern: str, span: Span | None = None, *, ignore_case: bool = False, lenient: bool = False
    ) -> Callable[[Exchange, str], bool]:
        """A regular expression as a test that keeps its captures.

        One that takes too long raises Refused with 500, or is a test that fails, if `lenient`.
        """
        test = match_and_capture(self.regex(pattern, span, ignore_case=ignore_case), self.variables, span)
        return forgiving(test) if lenient else test

    def branch(self, scope: Scope) -> Location:
        """What an `if` block runs as: a location of its own."""
        assert self.make_branch is not None, "only servers and locations have branches"
        return self.make_branch(scope)

    def name(self, name: str, value: object, span: Span | None = None) -> None:
        """Give a thing a name that other blocks refer to; each kind of thing has its own names."""
        key = (type(value), name)
        if key in self.shared.names:
            raise ConfigError(f'duplicate name "{name}"', span)
        self.shared.names[key] = value

    def named(self, kind: type[T], name: str) -> T | None:
        """The thing of a kind and a name."""
        return self.shared.names.get((kind, name))  # type: ignore[return-value] # the key has the type

    def remark(self, message: str, span: Span | None = None, help: str = "") -> None:
        """Tell whoever loads the configuration what seems to be a slip."""
        self.shared.findings[Diagnostic(message, span, help, severity="warning")] = None

    def claim(self, key: Hashable, make: Callable[[], T], close: Close[T] | None = None) -> T:
        """State that outlives the generation: the one that is there, or made now."""
        self.shared.claims.add(key)
        return self.runtime.claim(key, make, close)

    def prepare(self, key: Hashable, action: Callable[[], Awaitable[None]]) -> None:
        """Have something done, once for a key, before the generation is put in force.

        A ConfigError that it raises keeps the generation from coming.
        """
        self.shared.preparations.setdefault(key, action)

    def at_start(self, action: Callable[[], None]) -> None:
        """Have something done when the generation is put in force."""
        self.shared.starts.append(action)

    def header_filters(self) -> tuple[tuple[HeaderFilter, ...], tuple[HeaderFilter, ...]]:
        """The header filters that this block needs, in their order; and those of them that subrequests need."""
        found = [
            (header_filter, module.filters_subrequests)
            for module in self.shared.modules
            if module.header_filter is not None and (header_filter := module.header_filter(self)) is not None
        ]
        return tuple(one for one, _ in found), tuple(one for one, is_inner in found if is_inner)
