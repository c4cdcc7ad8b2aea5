"""The variables of ngx_http_ssl_module. None is computed before somebody asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding

from pyngx.core import openssl
from pyngx.core.variables import Getter, Variable
from pyngx.http.codec import text
from pyngx.http.escape import escape_component
from pyngx.modules.ssl_names import legacy_name, rfc2253_name

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.x509 import Certificate
    from OpenSSL import SSL

    from pyngx.core.exchange import Exchange
    from pyngx.core.tls_facts import TlsFacts

DAY = 86400  # seconds
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# What OpenSSL calls the groups of RFC 8446 4.2.7 and its successors.
GROUPS: Mapping[int, str] = {
    0x0013: "prime192v1",
    0x0015: "secp224r1",
    0x0016: "secp256k1",
    0x0017: "prime256v1",
    0x0018: "secp384r1",
    0x0019: "secp521r1",
    0x001A: "brainpoolP256r1",
    0x001B: "brainpoolP384r1",
    0x001C: "brainpoolP512r1",
    0x001D: "X25519",
    0x001E: "X448",
    0x001F: "brainpoolP256r1tls13",
    0x0020: "brainpoolP384r1tls13",
    0x0021: "brainpoolP512r1tls13",
    0x0100: "ffdhe2048",
    0x0101: "ffdhe3072",
    0x0102: "ffdhe4096",
    0x0103: "ffdhe6144",
    0x0104: "ffdhe8192",
    0x0200: "MLKEM512",
    0x0201: "MLKEM768",
    0x0202: "MLKEM1024",
    0x11EB: "SecP256r1MLKEM768",
    0x11EC: "X25519MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
}
SHORT = {"secp256r1": "prime256v1", "secp192r1": "prime192v1", "x25519": "X25519", "x448": "X448"}


def _of_connection(read: Callable[[SSL.Connection, TlsFacts], str | None]) -> Getter:
    def get(exchange: Exchange) -> str | None:
        facts = exchange.connection.tls
        if facts is None or facts.connection is None:
            return None
        return read(facts.connection, facts) or None

    return get


def _of_certificate(read: Callable[[Certificate], str]) -> Getter:
    def get(exchange: Exchange) -> str | None:
        facts = exchange.connection.tls
        if facts is None or (certificate := facts.certificate) is None:
            return None
        return read(certificate) or None

    return get


def _server_name(exchange: Exchange) -> str | None:
    facts = exchange.connection.tls
    return facts.hello.server_name or None if facts is not None else None


def _ciphers(connection: SSL.Connection, facts: TlsFacts) -> str:
    return ":".join(openssl.cipher_name(connection, code) or f"0x{code.hex()}" for code in facts.hello.ciphers)


def _group(connection: SSL.Connection, _facts: TlsFacts) -> str | None:
    name = connection.get_group_name()
    return SHORT.get(name, name) if name is not None else None


def _groups(_connection: SSL.Connection, facts: TlsFacts) -> str:
    codes = [int.from_bytes(code, "big") for code in facts.hello.groups]
    return ":".join(GROUPS.get(code) or f"0x{code:04x}" for code in codes)


def _verify(_connection: SSL.Connection, facts: TlsFacts) -> str:
    if facts.certificate is None:
        return "NONE"
    result = facts.verify_result
    return "SUCCESS" if result == openssl.OK else f"FAILED:{openssl.verify_error(result)}"


def _pem(certificate: Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _serial(certificate: Certificate) -> str:
    number = certificate.serial_number
    digits = f"{abs(number):X}"
    return "-" * (number < 0) + "0" * (len(digits) % 2) + digits


def _show_time(moment: datetime) -> str:
    """As OpenSSL's ASN1_TIME_print: `Feb  3 00:55:52 2015 GMT`."""
    return f"{MONTHS[moment.month - 1]} {moment.day:2} {moment:%H:%M:%S} {moment.year} GMT"


def _days_left(certificate: Certificate) -> str:
    left = certificate.not_valid_after_utc.timestamp() - int(time.time())
    return str(max(0, int(left) // DAY))


def _nothing(_exchange: Exchange) -> None:
    return None


UNREACHABLE = "empty: pyOpenSSL doesn't tell"

VARIABLES: tuple[Variable, ...] = (
    Variable(
        "ssl_protocol", _of_connection(lambda tls, _: tls.get_protocol_version_name()), doc="TLSv1.2, TLSv1.3 and so on"
    ),
    Variable("ssl_cipher", _of_connection(lambda tls, _: tls.get_cipher_name()), doc="the cipher that was agreed on"),
    Variable("ssl_ciphers", _of_connection(_ciphers), doc="the ciphers that the client offered, with colons between"),
    Variable("ssl_curve", _of_connection(_group), doc="the group of the key exchange"),
    Variable("ssl_curves", _of_connection(_groups), doc="the groups that the client offered, with colons between"),
    Variable("ssl_server_name", _server_name, doc="the server name that the client sent (SNI)"),
    Variable(
        "ssl_session_id",
        _of_connection(lambda tls, _: openssl.session_id(tls).hex()),
        doc="the identifier of the session, in hexadecimal digits",
    ),
    Variable(
        "ssl_session_reused",
        _of_connection(lambda tls, _: "r" if openssl.was_resumed(tls) else "."),
        doc="`r` if the handshake resumed a session, else `.`",
    ),
    Variable(
        "ssl_alpn_protocol",
        _of_connection(lambda tls, _: text(tls.get_alpn_proto_negotiated())),
        doc="the protocol that ALPN agreed on",
    ),
    Variable("ssl_client_verify", _of_connection(_verify), doc="`SUCCESS`, `FAILED:reason`, or `NONE` without one"),
    Variable(
        "ssl_client_cert",
        _of_certificate(lambda one: _pem(one).removesuffix("\n").replace("\n", "\n\t")),
        doc="the client's certificate in PEM, each line but the first behind a tab; better use the escaped one",
    ),
    Variable("ssl_client_raw_cert", _of_certificate(_pem), doc="the client's certificate in PEM"),
    Variable(
        "ssl_client_escaped_cert",
        _of_certificate(lambda one: escape_component(_pem(one))),
        doc="the client's certificate in PEM, percent-encoded",
    ),
    Variable(
        "ssl_client_s_dn",
        _of_certificate(lambda one: rfc2253_name(one.subject)),
        doc="whose certificate it is, by RFC 2253: `CN=name,O=organisation`",
    ),
    Variable(
        "ssl_client_i_dn", _of_certificate(lambda one: rfc2253_name(one.issuer)), doc="who issued it, the same way"
    ),
    Variable(
        "ssl_client_s_dn_legacy",
        _of_certificate(lambda one: legacy_name(one.subject)),
        doc="whose it is: `/O=…/CN=name`",
    ),
    Variable("ssl_client_i_dn_legacy", _of_certificate(lambda one: legacy_name(one.issuer)), doc="who issued it"),
    Variable("ssl_client_serial", _of_certificate(_serial), doc="its serial number in hexadecimal digits"),
    Variable(
        "ssl_client_fingerprint", _of_certificate(lambda one: one.fingerprint(SHA1()).hex()), doc="its SHA-1 digest"
    ),
    Variable(
        "ssl_client_v_start", _of_certificate(lambda one: _show_time(one.not_valid_before_utc)), doc="when it begins"
    ),
    Variable("ssl_client_v_end", _of_certificate(lambda one: _show_time(one.not_valid_after_utc)), doc="when it ends"),
    Variable("ssl_client_v_remain", _of_certificate(_days_left), doc="days until then"),
    Variable("ssl_early_data", _nothing, doc="empty: early data is not taken"),
    Variable("ssl_sigalg", _nothing, doc=UNREACHABLE),
    Variable("ssl_sigalgs", _nothing, doc=UNREACHABLE),
    Variable("ssl_client_sigalg", _nothing, doc=UNREACHABLE),
    Variable("ssl_ech_status", _nothing, doc="empty: encrypted client hellos are not understood"),
    Variable("ssl_ech_outer_server_name", _nothing, doc="the same"),
)
