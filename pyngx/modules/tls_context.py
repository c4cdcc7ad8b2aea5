"""Settings of TLS become OpenSSL contexts, the same way for clients and for upstreams (ngx_event_openssl.c).

What a context is made of is one value: equal values are one context, whichever servers and reloads they come from, and
a certificate that was renewed makes another.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from OpenSSL.crypto import X509StoreFlags

from pyngx.core import openssl
from pyngx.core.openssl import OpenSslError, reason_of
from pyngx.core.tls import NoProtocol

VERSIONS: Mapping[str, int] = {
    "TLSv1": SSL.TLS1_VERSION,
    "TLSv1.1": SSL.TLS1_1_VERSION,
    "TLSv1.2": SSL.TLS1_2_VERSION,
    "TLSv1.3": SSL.TLS1_3_VERSION,
}
_FORBID: Mapping[str, int] = {
    "TLSv1": SSL.OP_NO_TLSv1,
    "TLSv1.1": SSL.OP_NO_TLSv1_1,
    "TLSv1.2": SSL.OP_NO_TLSv1_2,
    "TLSv1.3": SSL.OP_NO_TLSv1_3,
}
_KEY = re.compile(rb"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----", re.DOTALL)
_DH = re.compile(rb"-----BEGIN (X9\.42 )?DH PARAMETERS-----")  # with and without -dsaparam
_CRL = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)
_CACHES: Mapping[str, int] = {
    "off": SSL.SESS_CACHE_OFF,
    "none": SSL.SESS_CACHE_SERVER | SSL.SESS_CACHE_NO_INTERNAL_LOOKUP | SSL.SESS_CACHE_NO_INTERNAL_STORE,
    "builtin": SSL.SESS_CACHE_SERVER,
}
_PROTOCOLS = (b"http/1.1", b"http/1.0", b"http/0.9")  # of ALPN, as nginx without HTTP/2


@dataclass(frozen=True, slots=True)
class Pem:
    """A file's content, and how the configuration names it."""

    name: str
    content: bytes = field(repr=False)  # keys are no words for logs


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate, with its chain, and its key."""

    certificate: Pem
    key: Pem


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """All that makes a context; names of errors are those of the directives, without `prefix`."""

    prefix: str  # ssl_ or proxy_ssl_
    is_server: bool = True
    pairs: tuple[Pair, ...] = ()
    passwords: tuple[bytes, ...] = field(default=(), repr=False)
    protocols: frozenset[str] = frozenset({"TLSv1.2", "TLSv1.3"})
    ciphers: str = ""
    prefers_own_ciphers: bool = False
    groups: str = "auto"
    dh_parameters: Pem | None = None
    verifies: bool = False
    depth: int | None = None
    client_authorities: Pem | None = None  # trusted, and named to clients
    authorities: Pem | None = None  # trusted
    revoked: Pem | None = None
    session_cache: str = "none"
    tickets: bool = True
    session_timeout: int = 300  # seconds
    commands: tuple[tuple[str, str], ...] = ()


class TlsSettingError(Exception):
    """A setting that OpenSSL doesn't take: the directive, and what is wrong."""

    def __init__(self, directive: str, message: str) -> None:
        super().__init__(message)
        self.directive = directive


def build_context(settings: ContextSettings) -> SSL.Context:
    """A context; raises TlsSettingError."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD if settings.is_server else SSL.TLS_CLIENT_METHOD)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # 34 KiB less for each idle connection
    context.set_options(_options(settings))
    for step in (_set_protocols, _set_ciphers, _set_certificates, _set_trust, _set_revoked, _set_key_exchange):
        step(context, settings)
    if settings.is_server:
        _set_sessions(context, settings)
        context.set_alpn_select_callback(_select_protocol)
    for name, value in settings.commands:
        _run_command(context, settings, name, value)
    return context


def _select_protocol(_connection: SSL.Connection, offered: list[bytes]) -> bytes:
    for protocol in _PROTOCOLS:
        if protocol in offered:
            return protocol
    raise NoProtocol("the client speaks no protocol of ours")


@contextmanager
def _blamed(directive: str, what: str) -> Iterator[None]:
    try:
        yield
    except (SSL.Error, OpenSslError, ValueError, TypeError, UnsupportedAlgorithm, UnicodeError) as error:
        raise TlsSettingError(directive, f"{what} (SSL: {reason_of(error)})") from None


@contextmanager
def _as_path(pem: Pem) -> Iterator[bytes]:
    """A path for what OpenSSL reads from files only: the content that was compared, and not what is there by now."""
    descriptor = os.memfd_create("pyngx-pem")
    try:
        os.write(descriptor, pem.content)
        yield b"/proc/self/fd/%d" % descriptor
    finally:
        os.close(descriptor)


def _set_protocols(context: SSL.Context, settings: ContextSettings) -> None:
    wanted = [name for name in VERSIONS if name in settings.protocols]
    if not wanted:
        raise TlsSettingError(f"{settings.prefix}protocols", "OpenSSL has none of these protocols any more")
    context.set_min_proto_version(VERSIONS[wanted[0]])
    context.set_max_proto_version(VERSIONS[wanted[-1]])
    for name, forbidden in _FORBID.items():
        if name not in wanted:
            context.set_options(forbidden)


def _set_ciphers(context: SSL.Context, settings: ContextSettings) -> None:
    if settings.ciphers:
        with _blamed(f"{settings.prefix}ciphers", f'SSL_CTX_set_cipher_list("{settings.ciphers}") failed'):
            context.set_cipher_list(settings.ciphers.encode())


def _set_certificates(context: SSL.Context, settings: ContextSettings) -> None:
    for pair in settings.pairs:
        _use_certificate(context, f"{settings.prefix}certificate", pair.certificate)
        _use_key(context, f"{settings.prefix}certificate_key", pair.key, settings.passwords)


def _use_certificate(context: SSL.Context, directive: str, certificate: Pem) -> None:
    with _blamed(directive, f'cannot load certificate "{certificate.name}"'), _as_path(certificate) as path:
        context.use_certificate_chain_file(path)


def _use_key(context: SSL.Context, directive: str, key: Pem, passwords: tuple[bytes, ...]) -> None:
    with _blamed(directive, f'cannot load certificate key "{key.name}"'):
        found = _KEY.search(key.content)
        if found is None:
            raise ValueError("no private key")
        context.use_privatekey(_decrypted(found.group(), passwords))  # type: ignore[arg-type] # of a kind it takes
        context.check_privatekey()


def _decrypted(block: bytes, passwords: tuple[bytes, ...]) -> object:
    """A key, by the first password that fits. It is the operator's own: OpenSSL doesn't examine it either."""
    failure: Exception | None = None
    for password in passwords if b"ENCRYPTED" in block else (None,):
        try:
            return load_pem_private_key(block, password, unsafe_skip_rsa_key_validation=True)
        except (ValueError, TypeError) as error:
            failure = error
    raise failure or ValueError("the key is encrypted, and there is no password for it")


def _set_trust(context: SSL.Context, settings: ContextSettings) -> None:
    if settings.verifies and settings.is_server:
        openssl.ask_for_certificate(context)
    if settings.depth is not None:
        context.set_verify_depth(settings.depth)
    for directive, pem in (
        (f"{settings.prefix}client_certificate", settings.client_authorities),
        (f"{settings.prefix}trusted_certificate", settings.authorities),
    ):
        if pem is None:
            continue
        with _blamed(directive, f'SSL_CTX_load_verify_locations("{pem.name}") failed'), _as_path(pem) as path:
            context.load_verify_locations(path)
            if pem is settings.client_authorities:
                context.load_client_ca(path)


def _set_revoked(context: SSL.Context, settings: ContextSettings) -> None:
    if (pem := settings.revoked) is None:
        return
    with _blamed(f"{settings.prefix}crl", f'cannot load CRL "{pem.name}"'):
        blocks = _CRL.findall(pem.content)
        if not blocks:
            raise ValueError("no certificate revocation list")
        store = context.get_cert_store()
        assert store is not None
        for block in blocks:
            store.add_crl(x509.load_pem_x509_crl(block))
        store.set_flags(X509StoreFlags.CRL_CHECK | X509StoreFlags.CRL_CHECK_ALL)


def _set_key_exchange(context: SSL.Context, settings: ContextSettings) -> None:
    if settings.groups != "auto":
        with _blamed(f"{settings.prefix}ecdh_curve", f'SSL_CTX_set1_curves_list("{settings.groups}") failed'):
            openssl.set_groups(context, settings.groups)
    if (pem := settings.dh_parameters) is not None:
        with _blamed(f"{settings.prefix}dhparam", f'cannot load DH parameters "{pem.name}"'), _as_path(pem) as path:
            if not _DH.search(pem.content):
                raise ValueError("no DH parameters")
            context.load_tmp_dh(path)


def _set_sessions(context: SSL.Context, settings: ContextSettings) -> None:
    context.set_session_cache_mode(_CACHES.get(settings.session_cache, SSL.SESS_CACHE_SERVER))
    context.set_timeout(settings.session_timeout)
    # A session belongs to those who have the same certificates, and the same opinion on those of clients.
    digest = sha256(b"verifies" if settings.verifies else b"")
    for pem in (*(pair.certificate for pair in settings.pairs), settings.client_authorities, settings.authorities):
        digest.update(sha256(pem.content if pem is not None else b"").digest())
    context.set_session_id(digest.digest())


# ssl_conf_command: those of OpenSSL's SSL_CONF_cmd(3) that can be had

_OPTIONS: Mapping[str, tuple[int, bool]] = {  # the option, and whether it turns the thing off
    "SessionTicket": (SSL.OP_NO_TICKET, True),
    "ServerPreference": (SSL.OP_CIPHER_SERVER_PREFERENCE, False),
    "Compression": (SSL.OP_NO_COMPRESSION, True),
    "NoRenegotiation": (SSL.OP_NO_RENEGOTIATION, False),
    "UnsafeLegacyServerConnect": (SSL.OP_LEGACY_SERVER_CONNECT, False),
    "PrioritizeChaCha": (1 << 21, False),
}
_BOUNDS: Mapping[str, int] = {**VERSIONS, "None": 0}


def _options(settings: ContextSettings) -> int:
    """All options at once: one that is set can't be cleared."""
    options = SSL.OP_NO_RENEGOTIATION | SSL.OP_IGNORE_UNEXPECTED_EOF | SSL.OP_NO_COMPRESSION
    options |= 0 if settings.tickets else SSL.OP_NO_TICKET
    options |= SSL.OP_CIPHER_SERVER_PREFERENCE if settings.prefers_own_ciphers else 0
    for name, value in settings.commands:
        if name == "Options":
            with _blamed(f"{settings.prefix}conf_command", f'SSL_CONF_cmd("{name}", "{value}") failed'):
                options = _changed_options(options, value)
    return options


def _changed_options(options: int, value: str) -> int:
    for word in value.replace(" ", "").split(","):
        name = word.removeprefix("+").removeprefix("-")
        if name not in _OPTIONS:
            raise ValueError(f'the option "{name}" can\'t be had; these can: {", ".join(_OPTIONS)}')
        option, turns_off = _OPTIONS[name]
        options = options | option if word.startswith("-") == turns_off else options & ~option
    return options


_COMMANDS: Mapping[str, Callable[[SSL.Context, str], object]] = {
    "Options": lambda _context, _value: None,  # set already
    "CipherString": lambda context, value: context.set_cipher_list(value.encode()),
    "Ciphersuites": lambda context, value: context.set_tls13_ciphersuites(value.encode()),
    "Curves": openssl.set_groups,
    "Groups": openssl.set_groups,
    "SignatureAlgorithms": openssl.set_signature_algorithms,
    "MinProtocol": lambda context, value: context.set_min_proto_version(_BOUNDS[value]),
    "MaxProtocol": lambda context, value: context.set_max_proto_version(_BOUNDS[value]),
}
FILE_COMMANDS = frozenset({"Certificate", "PrivateKey"})
"""Commands whose values are files: they make one more pair, which replaces that of its kind."""


def _run_command(context: SSL.Context, settings: ContextSettings, name: str, value: str) -> None:
    with _blamed(f"{settings.prefix}conf_command", f'SSL_CONF_cmd("{name}", "{value}") failed'):
        run = _COMMANDS.get(name)
        if run is None:
            known = ", ".join(sorted({*_COMMANDS, *FILE_COMMANDS}))
            raise ValueError(f"this command can't be had; these can: {known}")
        try:
            run(context, value)
        except KeyError:
            raise ValueError(f'"{value}" is no version of TLS') from None
