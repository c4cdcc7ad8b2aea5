"""Which servers an accepted connection's local address belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.core.listen import ANY4, ANY6
from pyngx.core.servers import ServerNames

if TYPE_CHECKING:
    from pyngx.core.generation import Generation

UNIX = "unix:"


class Addresses:
    """The addresses of one generation, found by what a socket says of itself."""

    def __init__(self, generation: Generation) -> None:
        self._exact = {
            (f"{UNIX}{address.path}", 0) if address.path else (address.host, address.port): names
            for address, names in generation.addresses.items()
        }
        self.first = next(iter(generation.addresses.values()), None) or ServerNames(generation.nowhere)
        """For connections of a foreign host, whose addresses the configuration needn't know."""

        guarded = [address for address, names in generation.addresses.items() if names.tls or names.proxy_protocol]
        self.guarded = frozenset(
            listener
            for listener in generation.listeners
            if listener in guarded or (listener.is_wildcard and any(one.port == listener.port for one in guarded))
        )
        """Listeners whose connections may begin with something else than a request."""

    def find(self, host: str, port: int) -> ServerNames | None:
        """The servers of exactly this address, else those of the port's wildcard."""
        exact = self._exact
        if (names := exact.get((host, port))) is not None or host.startswith(UNIX):
            return names
        same, other = (ANY6, ANY4) if ":" in host else (ANY4, ANY6)
        return exact.get((same, port)) or exact.get((other, port))
