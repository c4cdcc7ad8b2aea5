"""Names of certificates as OpenSSL writes them: by RFC 2253, and in its older form with slashes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import Name, NameAttribute

# OpenSSL's short names (crypto/objects/objects.txt) of what names are made of
SHORT: Mapping[str, str] = {
    "2.5.4.3": "CN",
    "2.5.4.4": "SN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "street",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "title",
    "2.5.4.13": "description",
    "2.5.4.15": "businessCategory",
    "2.5.4.16": "postalAddress",
    "2.5.4.17": "postalCode",
    "2.5.4.41": "name",
    "2.5.4.42": "GN",
    "2.5.4.43": "initials",
    "2.5.4.44": "generationQualifier",
    "2.5.4.45": "x500UniqueIdentifier",
    "2.5.4.46": "dnQualifier",
    "2.5.4.65": "pseudonym",
    "2.5.4.97": "organizationIdentifier",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "emailAddress",
    "1.2.840.113549.1.9.2": "unstructuredName",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL",
    "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
}
_SPECIAL = frozenset(b',+"\\<>;')


def rfc2253_name(name: Name) -> str:
    """The last part first, `CN=name,O=organisation` (X509_NAME_print_ex with XN_FLAG_RFC2253)."""
    parts = ("+".join(f"{_kind(one)}={_escaped(_bytes(one))}" for one in part) for part in name.rdns)
    return ",".join(reversed(list(parts)))


def legacy_name(name: Name) -> str:
    """The first part first, `/O=organisation/CN=name` (X509_NAME_oneline)."""
    return "".join(f"/{_kind(one)}={_shown(_bytes(one))}" for part in name.rdns for one in part)


def _kind(one: NameAttribute[str | bytes]) -> str:
    return SHORT.get(one.oid.dotted_string, one.oid.dotted_string)


def _bytes(one: NameAttribute[str | bytes]) -> bytes:
    return one.value if isinstance(one.value, bytes) else one.value.encode("utf-8", "surrogateescape")


def _escaped(value: bytes) -> str:
    """RFC 2253 2.4, with everything beyond printable ASCII in hexadecimal digits."""
    last = len(value) - 1
    return "".join(
        f"\\{byte:02X}"
        if not 0x20 <= byte < 0x7F
        else "\\" + chr(byte)
        if byte in _SPECIAL or (byte == 0x20 and at in {0, last}) or (byte == 0x23 and at == 0)
        else chr(byte)
        for at, byte in enumerate(value)
    )


def _shown(value: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02X}" for byte in value)
