"""ngx_http_upstream_ip_hash_module: a client is always sent to the same server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import nothing
from pyngx.config.declare import directive
from pyngx.core.phases import Module
from pyngx.upstream.ip_hash import ip_hash_method

if TYPE_CHECKING:
    from pyngx.core.build import Build
    from pyngx.upstream.group import Method
    from pyngx.upstream.peer import PeerSettings


# settings


@dataclass(frozen=True, slots=True)
class IpHashSettings:
    """Whether addresses choose."""

    ip_hash: bool = directive(
        nothing, "upstream", default=False, doc="choose the server by the client's address: a network of 256 has one"
    )


# what other modules use


def method_of(_build: Build, primaries: Sequence[PeerSettings]) -> Method:
    """How peers are chosen in a group that says so."""
    return ip_hash_method(primaries)


MODULE = Module("upstream_ip_hash", settings=(IpHashSettings,))
