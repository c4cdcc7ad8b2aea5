"""ngx_http_ssl_module: TLS of clients, by virtual server."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, bits, choice, flag, number, parse_number, seconds, size, text, word
from pyngx.config.declare import directive, repeated
from pyngx.config.diagnostics import ConfigError
from pyngx.config.inherit import settings
from pyngx.core import openssl
from pyngx.core.answers import Answer, Handler, Status
from pyngx.core.blocks import HttpBlocks, ServerSettings
from pyngx.core.phases import Module, Phase
from pyngx.core.tls import RECORD
from pyngx.modules.ssl_certificates import FixedTls, NamedContexts, VariableTls, context_of
from pyngx.modules.ssl_variables import VARIABLES
from pyngx.modules.tls_context import FILE_COMMANDS, ContextSettings
from pyngx.modules.tls_files import (
    CertificateCache,
    certificate_cache,
    has_variables,
    load_file,
    load_pairs,
    load_passwords,
)

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.config.syntax import Node
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.listen import ListenAddress
    from pyngx.modules.tls_context import Pair

IN = "http server"
MISDIRECTED, CERTIFICATE_ERROR, NO_CERTIFICATE, PLAIN_TO_TLS = 421, 495, 496, 497
# Errors that `optional_no_ca` makes nothing of (ngx_ssl_verify_error_optional).
UNTRUSTED = frozenset({18, 19, 20, 21, 27})


# arguments


def _session_cache(node: Node) -> str:
    kinds = []
    for word_ in node.args:
        kind, colon, rest = word_.text.partition(":")
        if kind in {"off", "none"} and not colon:
            kinds.append(kind)
        elif kind == "builtin":
            if colon:
                parse_number(type(word_)(rest, word_.span, word_.quoted))
            kinds.append(kind)
        elif kind == "shared" and rest.partition(":")[2]:
            kinds.append("builtin")  # one process serves: what it has is shared
        else:
            raise ConfigError(f'invalid session cache "{word_.text}"', word_.span)
    return kinds[0] if "builtin" not in kinds else "builtin"


session_cache = Argument("off | none | [builtin[:size]] [shared:name:size]", _session_cache, 1, 2)
command = Argument("name value", lambda node: (node.args[0].text, node.args[1].text), 2, 2)


# settings


@dataclass(frozen=True, slots=True)
class SslSettings:
    """How a server speaks TLS."""

    ssl_certificate: tuple[Text, ...] = repeated(
        text, IN, doc="a file with a certificate and its chain, `data:` and a certificate, or either with variables"
    )
    ssl_certificate_key: tuple[Text, ...] = repeated(text, IN, doc="the key of the certificate of the same rank")
    ssl_certificate_cache: CertificateCache | None = directive(
        certificate_cache,
        IN,
        default=None,
        shown="off",
        doc="how long a certificate that variables name isn't read anew",
    )
    ssl_password_file: str = directive(
        word.called("file"), IN, default="", doc="a file of passwords for keys, one a line"
    )
    ssl_protocols: frozenset[str] = directive(
        bits("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
        IN,
        default=frozenset({"TLSv1.2", "TLSv1.3"}),
        doc="versions of TLS that may be used",
    )
    ssl_ciphers: str = directive(word, IN, default="HIGH:!aNULL:!MD5", doc="ciphers that may be used, up to TLS 1.2")
    ssl_prefer_server_ciphers: bool = directive(flag, IN, default=False, doc="whether our order of ciphers counts")
    ssl_ecdh_curve: str = directive(word, IN, default="auto", doc="groups of the key exchange, with colons between")
    ssl_dhparam: str = directive(word.called("file"), IN, default="", doc="a file with parameters of DHE ciphers")
    ssl_session_cache: str = directive(
        session_cache, IN, default="none", doc="whether sessions are kept: one cache of 20480 for equal settings"
    )
    ssl_session_tickets: bool = directive(flag, IN, default=True, doc="whether clients keep their sessions themselves")
    ssl_session_timeout: float = directive(
        seconds, IN, default=300.0, shown="5m", doc="seconds in which a session can be resumed"
    )
    ssl_client_certificate: str = directive(
        word.called("file"), IN, default="", doc="CA certificates that clients' are verified by, and are told of"
    )
    ssl_trusted_certificate: str = directive(
        word.called("file"), IN, default="", doc="CA certificates that clients' are verified by, and aren't told of"
    )
    ssl_verify_client: str = directive(
        choice("off", "on", "optional", "optional_no_ca"), IN, default="off", doc="whether clients need a certificate"
    )
    ssl_verify_depth: int = directive(number(), IN, default=1, doc="certificates that a chain may have between")
    ssl_crl: str = directive(word.called("file"), IN, default="", doc="lists of certificates that were revoked")
    ssl_reject_handshake: bool = directive(flag, IN, default=False, doc="whether handshakes for this server fail")
    ssl_buffer_size: int = directive(size, IN, default=RECORD, shown="16k", doc="bytes of content in one record")
    ssl_conf_command: tuple[tuple[str, str], ...] = repeated(command, IN, doc="a setting by OpenSSL's own name")


@dataclass(frozen=True, slots=True)
class TlsAddresses:
    """Addresses that are for TLS, whoever said so."""

    found: frozenset[ListenAddress]


# state


def define(build: Build) -> None:
    """Find the addresses that are for TLS."""
    servers = [settings(opened.scope, ServerSettings) for opened in build.settings(HttpBlocks).server]
    found = frozenset(address for own in servers for one in own.listen if one.tls for address in one.addresses)
    build.name("", TlsAddresses(found))


def furnish(build: Build) -> None:
    """Make a server's contexts."""
    server = build.server
    if server is None or build.location is not server.location:
        return
    own = build.settings(SslSettings)
    if own.ssl_certificate:
        _check_keys(own)
    elif not own.ssl_reject_handshake:
        return
    _check_verification(build, own)
    frame = _context_settings(build, own)
    if own.ssl_certificate and any(map(has_variables, (*own.ssl_certificate, *own.ssl_certificate_key))):
        names = (own.ssl_certificate, own.ssl_certificate_key)
        contexts = NamedContexts.made(build, frame, names, own.ssl_certificate_cache)
        server.tls = VariableTls(contexts, own.ssl_reject_handshake, own.ssl_buffer_size)
        return
    context = context_of(build, frame, SslSettings)
    server.tls = FixedTls(context, own.ssl_reject_handshake, bool(own.ssl_certificate), own.ssl_buffer_size)


def _check_keys(own: SslSettings) -> None:
    if len(own.ssl_certificate_key) < len(own.ssl_certificate):
        last = own.ssl_certificate[-1]
        raise ConfigError(f'no "ssl_certificate_key" is defined for certificate "{last.value}"', last.span)


def _check_verification(build: Build, own: SslSettings) -> None:
    asks = own.ssl_verify_client in {"on", "optional"}
    if asks and not own.ssl_client_certificate and not own.ssl_trusted_certificate:
        raise ConfigError(
            "no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client",
            _span(build, "ssl_verify_client"),
            help="name the file of CA certificates that clients' certificates are verified by",
        )


def _context_settings(build: Build, own: SslSettings) -> ContextSettings:
    verifies = own.ssl_verify_client != "off"
    fixed = not any(map(has_variables, (*own.ssl_certificate, *own.ssl_certificate_key)))
    spans = _span(build, "ssl_certificate"), _span(build, "ssl_certificate_key")
    pairs = load_pairs(build, own.ssl_certificate, own.ssl_certificate_key, spans) if fixed else ()

    return ContextSettings(
        prefix="ssl_",
        pairs=(*pairs, *_commanded_pairs(build, own)),
        passwords=load_passwords(build, own.ssl_password_file, _span(build, "ssl_password_file")),
        protocols=own.ssl_protocols,
        ciphers=own.ssl_ciphers,
        prefers_own_ciphers=own.ssl_prefer_server_ciphers,
        groups=own.ssl_ecdh_curve,
        dh_parameters=load_file(build, own.ssl_dhparam, "DH parameters", _span(build, "ssl_dhparam")),
        verifies=verifies,
        depth=own.ssl_verify_depth,
        client_authorities=load_file(
            build,
            own.ssl_client_certificate if verifies else "",
            "certificates",
            _span(build, "ssl_client_certificate"),
        ),
        authorities=load_file(
            build, own.ssl_trusted_certificate, "certificates", _span(build, "ssl_trusted_certificate")
        ),
        revoked=load_file(build, own.ssl_crl, "CRL", _span(build, "ssl_crl")),
        session_cache=own.ssl_session_cache,
        tickets=own.ssl_session_tickets,
        session_timeout=int(own.ssl_session_timeout),
        commands=tuple(one for one in own.ssl_conf_command if one[0] not in FILE_COMMANDS),
    )


def _commanded_pairs(build: Build, own: SslSettings) -> tuple[Pair, ...]:
    """Certificates of `ssl_conf_command`: they come last, and so replace those of their kind."""
    span = _span(build, "ssl_conf_command")
    files = {name: [Text(value, span) for one, value in own.ssl_conf_command if one == name] for name in FILE_COMMANDS}
    certificates, keys = files["Certificate"], files["PrivateKey"]
    if len(certificates) != len(keys):
        raise ConfigError(
            "ssl_conf_command names a certificate without its key, or the reverse",
            span,
            help="write both: ssl_conf_command Certificate FILE; ssl_conf_command PrivateKey FILE;",
        )
    return load_pairs(build, certificates, keys, (span, span))


def _span(build: Build, name: str) -> Span | None:
    return build.origin(SslSettings, name)


# handlers


def make_handler(build: Build) -> Handler | None:
    """What refuses requests by what their connection is, before anything else looks at them."""
    addresses = build.named(TlsAddresses, "")
    listens = build.settings(ServerSettings).listen
    if addresses is None or not any(address in addresses.found for one in listens for address in one.addresses):
        return None
    verify = build.settings(SslSettings).ssl_verify_client

    def handle(exchange: Exchange) -> Answer | None:
        connection = exchange.connection
        if connection.tls is None:
            if not connection.plain_to_tls:
                return None
            exchange.log("info", "plain_to_tls", "client sent plain HTTP request to HTTPS port")
            return Status(PLAIN_TO_TLS)
        return _check_client(exchange, verify) if verify != "off" else None

    return handle


def _check_client(exchange: Exchange, verify: str) -> Answer | None:
    """Whether the handshake was that of this server, and the certificate is good enough for it."""
    facts = exchange.connection.tls
    assert facts is not None
    if facts.name and exchange.host != facts.name:
        message = "client attempted to request the server name different from the one that was negotiated"
        exchange.log("info", "misdirected", message)
        return Status(MISDIRECTED)
    result = facts.verify_result
    if result != openssl.OK and not (verify == "optional_no_ca" and result in UNTRUSTED):
        reason = openssl.verify_error(result)
        message = f"client SSL certificate verify error: ({result}:{reason})"
        exchange.log("info", "client_certificate_refused", message, reason=reason)
        return Status(CERTIFICATE_ERROR)
    if verify == "on" and facts.certificate is None:
        exchange.log("info", "client_certificate_missing", "client sent no required SSL certificate")
        return Status(NO_CERTIFICATE)
    return None


MODULE = Module(
    "ssl",
    settings=(SslSettings,),
    variables=tuple(replace(variable, changeable=True) for variable in VARIABLES),
    define=define,
    furnish=furnish,
    handlers={Phase.POST_READ: make_handler},
)
