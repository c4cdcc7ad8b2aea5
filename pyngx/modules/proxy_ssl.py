"""proxy_ssl_*: how https:// upstreams are spoken to."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, bits, flag, number, text, word
from pyngx.config.declare import directive, repeated
from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import Refused
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.ports import Tls
from pyngx.core.tls_facts import TlsRefused
from pyngx.modules.ssl_certificates import NamedContexts, context_of
from pyngx.modules.tls_context import ContextSettings
from pyngx.modules.tls_files import (
    CertificateCache,
    certificate_cache,
    has_variables,
    load_file,
    load_pairs,
    load_passwords,
)

if TYPE_CHECKING:
    from OpenSSL import SSL

    from pyngx.config.source import Span
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

MOST_KEPT = 1000  # names of upstreams that are remembered; with variables there may be any number

TlsOf = Callable[["Exchange"], Tls]


# settings


@dataclass(frozen=True, slots=True)
class ProxySslSettings:
    """TLS to upstreams."""

    proxy_ssl_server_name: bool = directive(flag, EVERYWHERE, default=False, doc="whether the name is sent (SNI)")
    proxy_ssl_name: Text | None = directive(
        text, EVERYWHERE, default=None, shown="$proxy_host", doc="the name that is sent and checked"
    )
    proxy_ssl_verify: bool = directive(flag, EVERYWHERE, default=False, doc="whether the certificate is checked")
    proxy_ssl_verify_depth: int = directive(
        number(), EVERYWHERE, default=1, doc="certificates that its chain may have between"
    )
    proxy_ssl_trusted_certificate: str = directive(
        word.called("file"), EVERYWHERE, default="", doc="the file of CA certificates that are trusted"
    )
    proxy_ssl_crl: str = directive(
        word.called("file"), EVERYWHERE, default="", doc="lists of certificates that were revoked"
    )
    proxy_ssl_certificate: Text | None = directive(
        text, EVERYWHERE, default=None, shown="", doc="the certificate that we show; may hold variables"
    )
    proxy_ssl_certificate_key: Text | None = directive(text, EVERYWHERE, default=None, shown="", doc="its key")
    proxy_ssl_certificate_cache: CertificateCache | None = directive(
        certificate_cache,
        EVERYWHERE,
        default=None,
        shown="off",
        doc="how long certificates that variables name aren't read anew",
    )
    proxy_ssl_password_file: str = directive(
        word.called("file"), EVERYWHERE, default="", doc="a file of passwords for the key, one a line"
    )
    proxy_ssl_protocols: frozenset[str] = directive(
        bits("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
        EVERYWHERE,
        default=frozenset({"TLSv1.2", "TLSv1.3"}),
        doc="versions of TLS that may be used",
    )
    proxy_ssl_ciphers: str = directive(word, EVERYWHERE, default="DEFAULT", doc="ciphers that may be used")
    proxy_ssl_session_reuse: bool = directive(
        flag, EVERYWHERE, default=True, doc="whether a new connection resumes the session of an earlier one"
    )
    proxy_ssl_conf_command: tuple[tuple[str, str], ...] = repeated(
        Argument("name value", lambda node: (node.args[0].text, node.args[1].text), 2, 2),
        EVERYWHERE,
        doc="a setting by OpenSSL's own name",
    )


# what the proxy module uses


def tls_of(build: Build) -> TlsOf:
    """What gives the TLS settings of a request."""
    own = build.settings(ProxySslSettings)
    frame = _context_settings(build, own)
    sessions: dict[object, SSL.Session] | None = build.claim(("tls_sessions", frame), dict)
    name = build.template(own.proxy_ssl_name).render if own.proxy_ssl_name is not None else None
    if not own.proxy_ssl_session_reuse:
        sessions = None

    def make(context: SSL.Context, written: str) -> Tls:
        host = _without_port(written)
        sent = host if own.proxy_ssl_server_name and _may_be_sent(host) else None
        return Tls(context, sent, host.strip("[]") if own.proxy_ssl_verify else None, sessions)

    if _depends(own):
        return _by_variables(build, own, frame, name, make)
    context = context_of(build, frame, ProxySslSettings)
    known: dict[str, Tls] = {}

    def give(exchange: Exchange) -> Tls:
        written = name(exchange) if name is not None else exchange.proxy_host
        if (tls := known.get(written)) is None:
            tls = make(context, written)
            if len(known) < MOST_KEPT:
                known[written] = tls
        return tls

    return give


def _by_variables(
    build: Build,
    own: ProxySslSettings,
    frame: ContextSettings,
    name: Callable[[Exchange], str] | None,
    make: Callable[[SSL.Context, str], Tls],
) -> TlsOf:
    assert own.proxy_ssl_certificate is not None
    assert own.proxy_ssl_certificate_key is not None
    names = ([own.proxy_ssl_certificate], [own.proxy_ssl_certificate_key])
    contexts = NamedContexts.made(build, frame, names, own.proxy_ssl_certificate_cache)

    def give(exchange: Exchange) -> Tls:
        try:
            context = contexts.of(exchange)
        except TlsRefused as error:
            exchange.log("error", "upstream_certificate_failed", str(error))
            raise Refused(500) from None
        return make(context, name(exchange) if name is not None else exchange.proxy_host)

    return give


def _depends(own: ProxySslSettings) -> bool:
    values = own.proxy_ssl_certificate, own.proxy_ssl_certificate_key
    return own.proxy_ssl_certificate is not None and any(one is not None and has_variables(one) for one in values)


def _without_port(written: str) -> str:
    if written.startswith("["):
        address, bracket, _ = written.partition("]")
        return address + bracket
    return written.partition(":")[0]


def _may_be_sent(host: str) -> bool:
    """Addresses are no server names (RFC 6066 3)."""
    if not host or host.startswith("["):
        return False
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return True
    return False


def _context_settings(build: Build, own: ProxySslSettings) -> ContextSettings:
    certificate, key = own.proxy_ssl_certificate, own.proxy_ssl_certificate_key
    named = certificate is not None and bool(certificate.value)
    if named and key is None:
        assert certificate is not None
        message = f'no "proxy_ssl_certificate_key" is defined for certificate "{certificate.value}"'
        raise ConfigError(message, _span(build, "proxy_ssl_certificate"))
    spans = _span(build, "proxy_ssl_certificate"), _span(build, "proxy_ssl_certificate_key")
    fixed = named and not _depends(own)
    return ContextSettings(
        prefix="proxy_ssl_",
        is_server=False,
        pairs=load_pairs(build, [certificate], [key], spans) if fixed and certificate and key else (),
        passwords=load_passwords(build, own.proxy_ssl_password_file, _span(build, "proxy_ssl_password_file")),
        protocols=own.proxy_ssl_protocols,
        ciphers=own.proxy_ssl_ciphers,
        verifies=own.proxy_ssl_verify,
        depth=own.proxy_ssl_verify_depth,
        authorities=load_file(build, _authorities(build, own), "certificates", _trusted_span(build)),
        revoked=load_file(
            build, own.proxy_ssl_crl if own.proxy_ssl_verify else "", "CRL", _span(build, "proxy_ssl_crl")
        ),
        commands=own.proxy_ssl_conf_command,
    )


def _authorities(build: Build, own: ProxySslSettings) -> str:
    if own.proxy_ssl_verify and not own.proxy_ssl_trusted_certificate:
        raise ConfigError(
            "no proxy_ssl_trusted_certificate for proxy_ssl_verify",
            _span(build, "proxy_ssl_verify"),
            help="name the file of CA certificates: /etc/ssl/certs/ca-certificates.crt, say",
        )
    return own.proxy_ssl_trusted_certificate if own.proxy_ssl_verify else ""


def _trusted_span(build: Build) -> Span | None:
    return _span(build, "proxy_ssl_trusted_certificate")


def _span(build: Build, name: str) -> Span | None:
    return build.origin(ProxySslSettings, name)
