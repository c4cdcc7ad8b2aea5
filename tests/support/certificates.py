"""Certificates made for a test: authorities, servers, clients, and what is wrong with them."""

from __future__ import annotations

import datetime
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from OpenSSL import SSL


def write_pair(folder: Path, name: str, issued: trustme.LeafCert) -> tuple[str, str]:
    """Write a certificate with its chain, and its key; gives their paths."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return str(certificate), str(key)


def write_authority(folder: Path, name: str, authority: trustme.CA) -> str:
    """Write an authority's certificate; gives its path."""
    path = folder / f"{name}.crt"
    path.write_bytes(authority.cert_pem.bytes())
    return str(path)


def write_revoked(folder: Path, authority: trustme.CA, *revoked: trustme.LeafCert) -> str:
    """Write the list of what an authority has revoked; gives its path."""
    now = datetime.datetime.now(datetime.UTC)
    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now - datetime.timedelta(days=1))
        .next_update(now + datetime.timedelta(days=1))
    )
    for issued in revoked:
        serial = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes()).serial_number
        made = made.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
        )
    key = load_pem_private_key(authority.private_key_pem.bytes(), None)
    path = folder / "revoked.crl"
    path.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))  # type: ignore[arg-type] # an EC key
    return str(path)


def client_context(trusted: Path | str | None = None) -> SSL.Context:
    """A context for connections to an upstream, which may know an authority."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    if trusted is not None:
        context.load_verify_locations(str(trusted))
    return context
