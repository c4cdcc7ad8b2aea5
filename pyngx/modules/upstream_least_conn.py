"""ngx_http_upstream_least_conn_module: the server with the fewest connections is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import nothing
from pyngx.config.declare import directive
from pyngx.core.phases import Module
from pyngx.upstream.least_conn import LEAST_CONN

if TYPE_CHECKING:
    from pyngx.core.build import Build
    from pyngx.upstream.group import Method
    from pyngx.upstream.peer import PeerSettings


# settings


@dataclass(frozen=True, slots=True)
class LeastConnSettings:
    """Whether connections are counted."""

    least_conn: bool = directive(
        nothing, "upstream", default=False, doc="ask the server with the fewest connections for its weight"
    )


# what other modules use


def method_of(_build: Build, _primaries: Sequence[PeerSettings]) -> Method:
    """How peers are chosen in a group that says so."""
    return LEAST_CONN


MODULE = Module("upstream_least_conn", settings=(LeastConnSettings,))
