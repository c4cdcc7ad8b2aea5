"""proxy_ssl_*: how https:// upstreams are spoken to."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Text, bits, flag, number, text, word
from pyngx.config.declare import directive
from pyngx.config.diagnostics import ConfigError
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.ports import Tls

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


# settings


@dataclass(frozen=True, slots=True)
class ProxySslSettings:
    """TLS to upstreams."""

    proxy_ssl_server_name: bool = directive(
        flag, EVERYWHERE, default=False, doc="whether the name is sent (SNI); always so with proxy_ssl_verify"
    )
    proxy_ssl_name: Text | None = directive(
        text, EVERYWHERE, default=None, shown="$proxy_host", doc="the name that is sent and checked"
    )
    proxy_ssl_verify: bool = directive(flag, EVERYWHERE, default=False, doc="whether the certificate is checked")
    proxy_ssl_trusted_certificate: str = directive(
        word, EVERYWHERE, default="", doc="the file of CA certificates that are trusted"
    )
    proxy_ssl_verify_depth: int = directive(
        number(), EVERYWHERE, default=1, doc="no effect: chains of any length that OpenSSL takes are checked"
    )
    proxy_ssl_certificate: str = directive(word, EVERYWHERE, default="", doc="the certificate that we show")
    proxy_ssl_certificate_key: str = directive(word, EVERYWHERE, default="", doc="its key")
    proxy_ssl_protocols: frozenset[str] = directive(
        bits(*VERSIONS), EVERYWHERE, default=frozenset({"TLSv1.2", "TLSv1.3"}), doc="versions of TLS that may be used"
    )
    proxy_ssl_ciphers: str = directive(word, EVERYWHERE, default="DEFAULT", doc="ciphers that may be used")
    proxy_ssl_session_reuse: bool = directive(
        flag, EVERYWHERE, default=True, doc="no effect: sessions are not resumed, kept connections spare the handshake"
    )


# what the proxy module uses


def tls_of(build: Build) -> Callable[[Exchange], Tls]:
    """What gives the TLS settings of a request."""
    own = build.settings(ProxySslSettings)
    context = build.claim(("proxy_ssl", own, build.runtime.conf_prefix), lambda: _context(build, own))
    name = build.template(own.proxy_ssl_name).render if own.proxy_ssl_name is not None else None
    sends_name = own.proxy_ssl_server_name or own.proxy_ssl_verify
    key = str(id(context))

    def make(exchange: Exchange) -> Tls:
        written = name(exchange) if name is not None else exchange.proxy_host
        host = written.rpartition("]")[0].lstrip("[") if written.startswith("[") else written.partition(":")[0]
        return Tls(context, host if sends_name else None, f"{key}:{host}")

    return make


def _context(build: Build, own: ProxySslSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = own.proxy_ssl_verify
    context.verify_mode = ssl.CERT_REQUIRED if own.proxy_ssl_verify else ssl.CERT_NONE
    versions = [VERSIONS[name] for name in VERSIONS if name in own.proxy_ssl_protocols]
    context.minimum_version, context.maximum_version = versions[0], versions[-1]
    if own.proxy_ssl_ciphers != "DEFAULT":
        _load(build, "proxy_ssl_ciphers", own.proxy_ssl_ciphers, context.set_ciphers)
    if own.proxy_ssl_verify:
        _trust(build, own, context)
    if own.proxy_ssl_certificate:
        key = build.conf_path(own.proxy_ssl_certificate_key) if own.proxy_ssl_certificate_key else None
        certificate = build.conf_path(own.proxy_ssl_certificate)
        _load(build, "proxy_ssl_certificate", certificate, lambda path: context.load_cert_chain(path, key))
    return context


def _trust(build: Build, own: ProxySslSettings, context: ssl.SSLContext) -> None:
    if not own.proxy_ssl_trusted_certificate:
        raise ConfigError(
            "no proxy_ssl_trusted_certificate for proxy_ssl_verify",
            _span(build, "proxy_ssl_verify"),
            help="name the file of CA certificates: /etc/ssl/certs/ca-certificates.crt, say",
        )
    path = build.conf_path(own.proxy_ssl_trusted_certificate)
    _load(build, "proxy_ssl_trusted_certificate", path, context.load_verify_locations)


def _load(build: Build, name: str, value: str, load: Callable[[str], None]) -> None:
    try:
        load(value)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or error.args[-1]
        raise ConfigError(f'cannot load "{value}" of "{name}": {reason}', _span(build, name)) from None


def _span(build: Build, name: str) -> Span | None:
    return build.origin(ProxySslSettings, name)
