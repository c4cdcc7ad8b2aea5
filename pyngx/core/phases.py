"""The phases of a request, and what a module is: the one place where both are named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyngx.core.answers import Handler, HeaderFilter, Logger
    from pyngx.core.build import Build
    from pyngx.core.variables import Prefix, Variable


class Phase(Enum):
    """nginx's phases, in their order (ngx_http_core_module.h)."""

    POST_READ = auto()
    SERVER_REWRITE = auto()
    REWRITE = auto()
    PREACCESS = auto()
    ACCESS = auto()
    PRECONTENT = auto()
    CONTENT = auto()


Factory = Callable[["Build"], "Handler | None"]


@dataclass(frozen=True, slots=True)
class Module:
    """A module: its settings, its variables, and factories that turn settings into what runs.

    A factory that gives None leaves the module out of the location's chain. `define` runs once for each `http` block,
    before any factory: it names what locations refer to (maps, upstreams, log formats). `furnish` runs for each block
    before its factories, and sets what variables and logs ask of the location itself. Header filters see responses to
    subrequests only if `filters_subrequests` says so.
    """

    name: str
    settings: tuple[type, ...] = ()
    variables: tuple[Variable | Prefix, ...] = ()
    define: Callable[[Build], None] | None = None
    furnish: Callable[[Build], None] | None = None
    handlers: Mapping[Phase, Factory] = field(default_factory=dict)
    header_filter: Callable[[Build], HeaderFilter | None] | None = None
    filters_subrequests: bool = False
    logger: Callable[[Build], Logger | None] | None = None
