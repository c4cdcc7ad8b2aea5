"""The URL of proxy_pass: what it names, and the target that a request is sent to (ngx_http_proxy_create_request)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import Refused
from pyngx.core.locations import Modifier
from pyngx.http.codec import wire
from pyngx.http.escape import escape_uri
from pyngx.http.target import begins_with_dots
from pyngx.modules.upstream import split_port

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.core.exchange import Exchange
    from pyngx.core.generation import Location

DEFAULT_PORTS = {"http": 80, "https": 443}

TargetOf = Callable[["Exchange"], bytes]


@dataclass(frozen=True, slots=True)
class ProxyUrl:
    """`http://host[:port][/uri]` or `http://unix:path[:/uri]` taken apart."""

    scheme: str
    authority: str  # host and port as written, or unix:path
    uri: str
    host_header: str  # $proxy_host, which is also the Host that is sent: without the scheme's own port
    port: str  # $proxy_port


def parse_proxy_url(written: str, span: Span | None = None) -> ProxyUrl:
    """Take a URL apart; raises ConfigError with nginx's words."""
    scheme, separator, rest = written.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in DEFAULT_PORTS:
        raise ConfigError("invalid URL prefix", span, help=f'"{written}" must begin with http:// or https://')
    if rest.startswith("unix:"):
        path, _, uri = rest[5:].partition(":")
        if not path:
            raise ConfigError(f'no path in the unix domain socket of "{written}"', span)
        return ProxyUrl(scheme, f"unix:{path}", uri, "localhost", "")
    end = min((at for at in (rest.find("/"), rest.find("?"), rest.find("#")) if at >= 0), default=len(rest))
    authority, uri = rest[:end], rest[end:]
    if not authority:
        raise ConfigError(f'no host in upstream "{written}"', span)
    default = DEFAULT_PORTS[scheme]
    _, port = split_port(authority, default, span)
    return ProxyUrl(
        scheme, authority, f"/{uri}" if uri[:1] == "?" else uri, authority.removesuffix(f":{default}"), str(port)
    )


def check_uri_allowed(url_has_uri: bool, location: Location, is_branch: bool, span: Span | None) -> None:
    """Refuse a URI where it can't take a prefix's place."""
    pattern = location.pattern
    if url_has_uri and (pattern.is_regex or pattern.modifier is Modifier.NAMED or is_branch):
        raise ConfigError(
            '"proxy_pass" cannot have URI part in location given by regular expression, or inside named location, '
            'or inside "if" statement, or inside "limit_except" block',
            span,
        )


def fixed_target(uri: str, prefix: str) -> TargetOf:
    """The target for a URL without variables: its URI takes the place of the location's prefix."""
    if not uri:
        return passed_target
    replaced = len(prefix)
    # `location /a { proxy_pass http://b/c/; }` makes /c/../d of /a../d: nginx sends that.
    climbs = uri.endswith("/") and not prefix.endswith("/")

    def target(exchange: Exchange) -> bytes:
        if not exchange.valid_location:
            return _rebuilt(exchange, "", 0)
        if climbs and begins_with_dots(exchange.uri, replaced):
            raise Refused(400, f'"{exchange.uri}" leaves "{uri}", which takes the place of "{prefix}"')
        return _rebuilt(exchange, uri, replaced)

    return target


def passed_target(exchange: Exchange) -> bytes:
    """The target as the client sent it, or what rewrites made of it."""
    if exchange.valid_target:
        return wire(exchange.target)
    return _rebuilt(exchange, "", 0)


def _rebuilt(exchange: Exchange, prefix: str, skipped: int) -> bytes:
    path = exchange.uri[skipped:]
    if exchange.quoted or exchange.internal:
        path = escape_uri(path)
    args = f"?{exchange.args}" if exchange.args else ""
    return wire(f"{prefix}{path}{args}")
