"""What pyOpenSSL has no methods for: the one place that calls OpenSSL beneath it.

Python's own `ssl` ends a handshake as soon as a certificate doesn't verify, changes neither the protocols nor the
verification by SNI, and knows no list of groups; nginx lets the handshake pass, and answers 400. pyOpenSSL can do that
for 1.6 us more a request, and costs nothing more on large bodies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from OpenSSL import SSL
from OpenSSL._util import ffi, lib

if TYPE_CHECKING:
    from collections.abc import Sequence

OK = 0  # X509_V_OK
_TAG_OCTETS = 0x04


class OpenSslError(Exception):
    """What OpenSSL says of a setting or a handshake, in its own words."""


def reason_of(error: BaseException) -> str:
    """An error in OpenSSL's words: `error:0A000086:SSL routines::certificate verify failed`."""
    reasons = error.args[0] if error.args else None
    if isinstance(reasons, list):
        return "; ".join("::".join(part for part in entry if part) for entry in reasons) or "unknown error"
    return str(error.args[-1]) if error.args else type(error).__name__


# A certificate that doesn't verify doesn't end the handshake: what is wrong with it stands in `verify_result`, and in
# the sessions that are resumed later. pyOpenSSL's callbacks would make that "nothing is wrong".
_PASS = ffi.callback("int (*)(int, X509_STORE_CTX *)", lambda _ok, _store: 1)


def ask_for_certificate(context: SSL.Context) -> None:
    """Have clients asked for a certificate; whatever they show, the handshake goes on."""
    lib.SSL_CTX_set_verify(context._context, SSL.VERIFY_PEER, _PASS)


def verify_result(connection: SSL.Connection) -> int:
    """0, or the last error of the peer's certificate; 0 as well where it showed none."""
    return int(lib.SSL_get_verify_result(connection._ssl))


def verify_error(code: int) -> str:
    """An error of verification in words."""
    return _text(lib.X509_verify_cert_error_string(code))


def expect_host(connection: SSL.Connection, name: bytes) -> None:
    """Have the peer's certificate checked for a name: wildcards, and the common name where it has no other."""
    _check(lib.X509_VERIFY_PARAM_set1_host(lib.SSL_get0_param(connection._ssl), name, len(name)))


def unsent(connection: SSL.Connection) -> int:
    """Bytes that wait to be read out of a connection over memory."""
    return int(lib.BIO_get_mem_data(connection._from_ssl, ffi.NULL))


def was_resumed(connection: SSL.Connection) -> bool:
    """Whether the handshake took up an earlier session."""
    return bool(lib.SSL_session_reused(connection._ssl))


def session_id(connection: SSL.Connection) -> bytes:
    """The identifier of the session; empty where there is none."""
    session = lib.SSL_get_session(connection._ssl)
    if session == ffi.NULL:
        return b""
    size = lib.i2d_SSL_SESSION(session, ffi.NULL)
    if size <= 0:
        return b""
    buffer = ffi.new("unsigned char[]", size)
    lib.i2d_SSL_SESSION(session, ffi.new("unsigned char **", buffer))
    return _session_id_in(bytes(ffi.buffer(buffer, size)))


def cipher_name(connection: SSL.Connection, code: bytes) -> str | None:
    """What OpenSSL calls a cipher suite of two bytes; None for one that it doesn't know."""
    found = lib.SSL_CIPHER_find(connection._ssl, code)
    return None if found == ffi.NULL else _text(lib.SSL_CIPHER_get_name(found))


def set_groups(context: SSL.Context, names: str) -> None:
    """The groups of a key exchange, `X25519:prime256v1`; raises OpenSslError, which names those that OpenSSL lacks."""
    if lib.SSL_CTX_set1_curves_list(context._context, names.encode()) > 0:
        return
    lib.ERR_clear_error()
    unknown = [name for name in names.split(":") if lib.SSL_CTX_set1_curves_list(context._context, name.encode()) <= 0]
    lib.ERR_clear_error()
    raise OpenSslError(f"{SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode()} has no {', '.join(unknown) or names}")


def set_signature_algorithms(context: SSL.Context, names: str) -> None:
    """The signatures that are taken, `RSA+SHA256:…`; raises OpenSslError."""
    _check(lib.SSL_CTX_set1_sigalgs_list(context._context, names.encode()))


def _check(result: int) -> None:
    if result > 0:
        return
    reasons: Sequence[str] = []
    while code := lib.ERR_get_error():
        reasons = [*reasons, _text(lib.ERR_reason_error_string(code))]
    raise OpenSslError("; ".join(reason for reason in reasons if reason) or "unknown error")


def _text(value: object) -> str:
    return "" if value == ffi.NULL else ffi.string(value).decode()


def _session_id_in(session: bytes) -> bytes:
    """SEQUENCE { version INTEGER, protocol INTEGER, cipher OCTET STRING, id OCTET STRING, … }."""
    at = _contents(session, 0)[0]
    octets: list[bytes] = []
    while len(octets) < 2 and at < len(session):
        start, end = _contents(session, at)
        if session[at] == _TAG_OCTETS:
            octets.append(session[start:end])
        at = end
    return octets[1] if len(octets) == 2 else b""


def _contents(der: bytes, at: int) -> tuple[int, int]:
    """Where the contents of the DER value at a place begin and end."""
    length, start = der[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(der[start : start + count], "big"), start + count
    return start, start + length
