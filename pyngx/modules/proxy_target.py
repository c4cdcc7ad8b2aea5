"""Where proxy_pass leads: the group of servers and the target, fixed when the configuration is built if they can be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Text
from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import Refused
from pyngx.core.ports import Address, KeepAlive, UpstreamError
from pyngx.core.template import has_variables
from pyngx.http.codec import wire
from pyngx.modules.proxy_response import Redirect
from pyngx.modules.proxy_url import (
    DEFAULT_PORTS,
    ProxyUrl,
    TargetOf,
    check_uri_allowed,
    fixed_target,
    parse_proxy_url,
    passed_target,
)
from pyngx.modules.resolver import Resolve, resolver_of
from pyngx.modules.upstream import Upstream, addresses_of, make_upstream, split_port
from pyngx.upstream.group import Group
from pyngx.upstream.peer import PeerSettings

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.template import Render


@dataclass(frozen=True, slots=True)
class Destination:
    """A group, and how requests to it are addressed."""

    group: Group
    keepalive: KeepAlive
    is_tls: bool
    host_header: str
    port: str
    target_of: TargetOf


@dataclass(frozen=True, slots=True)
class Found:
    """What proxy_pass became."""

    destination: Callable[[Exchange], Destination | Awaitable[Destination]]
    default_redirect: Redirect | None  # what `proxy_redirect default` means; None with variables

    def redirects(self, given: tuple[Redirect | str, ...], span: Span | None) -> tuple[Redirect, ...]:
        """The rewriting that a location asks for."""
        if "off" in given:
            return ()
        found = []
        for redirect in given:
            if isinstance(redirect, Redirect):
                found.append(redirect)
            elif self.default_redirect is not None:
                found.append(self.default_redirect)
            elif "default" in given and len(given) > 1:
                raise ConfigError(
                    '"proxy_redirect default" cannot be used with "proxy_pass" directive with variables', span
                )
        return tuple(found)


def destination_of(build: Build, url: Text, is_branch: bool) -> Found:
    """What finds the destination; raises ConfigError for a URL that can't be."""
    if has_variables(url.value):
        return Found(_Variable(build, url).find, None)
    assert build.location is not None
    parsed = parse_proxy_url(url.value, url.span)
    location = build.location
    check_uri_allowed(bool(parsed.uri), location, is_branch, url.span)
    upstream = _upstream(build, parsed, url.span)
    destination = Destination(
        upstream.group,
        upstream.keepalive,
        parsed.scheme == "https",
        parsed.host_header,
        parsed.port,
        fixed_target(parsed.uri, location.pattern.text),
    )
    prefix = "" if location.pattern.is_regex else location.pattern.text
    shown = f"{parsed.scheme}://{parsed.authority}"
    default = Redirect(Text(shown + (parsed.uri or "/")), Text(prefix if parsed.uri else "/"))
    return Found(lambda _: destination, default)


def _upstream(build: Build, url: ProxyUrl, span: Span | None) -> Upstream:
    """The group that a URL names, or one of the addresses that it means."""
    if (named := build.named(Upstream, url.authority)) is not None:
        return named
    key = f"{url.authority}:{url.scheme}"
    if (made := build.named(_Implicit, key)) is not None:
        return made.upstream
    addresses = addresses_of(url.authority, DEFAULT_PORTS[url.scheme], span)
    peers = [PeerSettings(address=address, name=url.authority) for address in addresses]
    upstream = make_upstream(build, Group(url.authority, peers), KeepAlive(group=key))
    build.name(key, _Implicit(upstream))
    return upstream


@dataclass(frozen=True, slots=True)
class _Implicit:
    """A group that no `upstream` block made."""

    upstream: Upstream


class _Variable:
    """A proxy_pass with variables: its URL is read anew for each request."""

    def __init__(self, build: Build, url: Text) -> None:
        self._render: Render = build.template(url).render
        self._build = build
        self._resolve: Resolve | None = resolver_of(build)

    def _named(self, url: ProxyUrl) -> Upstream | None:
        """The group of that name, or the one that a proxy_pass elsewhere has made of the same words."""
        if (upstream := self._build.named(Upstream, url.authority)) is not None:
            return upstream
        implicit = self._build.named(_Implicit, f"{url.authority}:{url.scheme}")
        return implicit.upstream if implicit is not None else None

    def find(self, exchange: Exchange) -> Destination | Awaitable[Destination]:
        """The destination for one request; names that no upstream bears are looked up by the resolver."""
        try:
            url = parse_proxy_url(self._render(exchange))
            if (upstream := self._named(url)) is not None:
                return self._destination(url, upstream)
            if url.authority.startswith("unix:"):
                return self._destination(url, _group_of(url, [Address("", 0, url.authority[5:])]))
            host, port = split_port(url.authority, DEFAULT_PORTS[url.scheme])
        except ConfigError as error:
            raise Refused(500, f"{error.diagnostics[0].message}") from None
        if _is_address(host):
            return self._destination(url, _group_of(url, [Address(host, port)]))
        return self._look_up(url, host, port)

    async def _look_up(self, url: ProxyUrl, host: str, port: int) -> Destination:
        if self._resolve is None:
            raise Refused(502, f"no resolver defined to resolve {host}")
        try:
            found = await self._resolve(host)
        except UpstreamError as error:
            raise Refused(502, str(error)) from None
        return self._destination(url, _group_of(url, [Address(address, port) for address in found]))

    def _destination(self, url: ProxyUrl, upstream: Upstream) -> Destination:
        uri = wire(url.uri)
        target: TargetOf = (lambda _: uri) if uri else passed_target
        return Destination(upstream.group, upstream.keepalive, url.scheme == "https", url.host_header, url.port, target)


def _group_of(url: ProxyUrl, addresses: list[Address]) -> Upstream:
    return Upstream(Group(url.authority, [PeerSettings(address=address, name=url.authority) for address in addresses]))


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
