"""resolver, resolver_timeout: how names that are known only when a request comes are looked up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, parameters, parse_seconds, seconds
from pyngx.config.declare import directive
from pyngx.config.diagnostics import ConfigError
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module
from pyngx.upstream.resolver import Resolver, ResolverSettings

if TYPE_CHECKING:
    from pyngx.config.syntax import Node, Word
    from pyngx.core.build import Build

Resolve = Callable[[str], Awaitable[Sequence[str]]]
