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
from pyngx.core.ports import Address
from pyngx.upstream import resolver as engine

if TYPE_CHECKING:
    from pyngx.config.syntax import Node, Word
    from pyngx.core.build import Build

Resolve = Callable[[str], Awaitable[Sequence[str]]]


# arguments


@dataclass(frozen=True, slots=True)
class NameServers:
    """The value of `resolver`: addresses, and how their answers are used."""

    addresses: tuple[str, ...]
    valid: float = 0.0  # seconds; 0: as long as the answer says
    ipv4: bool = True
    ipv6: bool = True


def _resolver(node: Node) -> NameServers:
    addresses = [word for word in node.args if "=" not in word.text]
    if not addresses:
        raise ConfigError("no name servers defined", node.span, help="resolver 127.0.0.53;")
    others = [word for word in node.args if "=" in word.text]
    readers: dict[str, Callable[[Word], object]] = {
        "valid": parse_seconds,
        "ipv4": _on_or_off,
        "ipv6": _on_or_off,
        "status_zone": lambda word: word.text,
    }
    found = parameters(others, readers)
    found.pop("status_zone", None)
    return NameServers(tuple(word.text for word in addresses), **found)  # type: ignore[arg-type] # as the readers say


def _on_or_off(word: Word) -> bool:
    if word.text not in {"on", "off"}:
        raise ConfigError(f'invalid value "{word.text}"', word.span, help="on or off")
    return word.text == "on"


def _address(written: str) -> Address:
    """A name server: an address, with a port if it isn't 53."""
    if written.startswith("["):
        host, _, port = written[1:].partition("]")
        return Address(host, int(port[1:] or 53))
    host, _, port = written.partition(":")
    return Address(host, int(port or 53))


# settings


@dataclass(frozen=True, slots=True)
class ResolverSettings:
    """Name servers."""

    resolver: NameServers | None = directive(
        Argument("address ... [valid=time] [ipv4=on|off] [ipv6=on|off]", _resolver, 1, None),
        f"{EVERYWHERE} upstream",
        default=None,
        doc="name servers for names that stand in variables",
    )
    resolver_timeout: float = directive(
        seconds, f"{EVERYWHERE} upstream", default=30.0, doc="seconds a name server may take"
    )


# what other modules use


def resolver_of(build: Build) -> Resolve | None:
    """What looks names up in a location; None without `resolver`."""
    own = build.settings(ResolverSettings)
    if (servers := own.resolver) is None:
        return None
    resolver = build.claim(
        ("resolver", own),
        lambda: engine.Resolver(
            engine.ResolverSettings(
                tuple(map(_address, servers.addresses)),
                servers.valid or None,
                servers.ipv4,
                servers.ipv6,
                own.resolver_timeout,
            ),
            build.runtime.spawn,
        ),
    )
    return resolver.resolve


MODULE = Module("resolver", settings=(ResolverSettings,))
