"""$proxy_protocol_*: what a proxy in front of us says of its client, on a `listen … proxy_protocol`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyngx.core.phases import Module
from pyngx.core.proxy_protocol import BadProxyHeader, ProxyHeader, Tlv, find_value
from pyngx.core.variables import Getter, Prefix, Variable
from pyngx.http.codec import text

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange

NAMED = {
    "alpn": Tlv.ALPN,
    "authority": Tlv.AUTHORITY,
    "unique_id": Tlv.UNIQUE_ID,
    "ssl": Tlv.TLS,
    "netns": Tlv.NETNS,
}
NAMED_IN_TLS = {
    "version": Tlv.TLS_VERSION,
    "cn": Tlv.TLS_CN,
    "cipher": Tlv.TLS_CIPHER,
    "sig_alg": Tlv.TLS_SIG_ALG,
    "key_alg": Tlv.TLS_KEY_ALG,
}
TLS_FIXED = 5  # bytes before the values inside: flags, and the result of verification
IN_TLS = "ssl_"


# variables


def _told(read: Callable[[ProxyHeader], str]) -> Getter:
    def get(exchange: Exchange) -> str | None:
        header = exchange.connection.proxy
        return read(header) if header is not None else None

    return get


def _tlv(rest: str) -> Getter:
    inside = rest.startswith(IN_TLS)
    name = rest.removeprefix(IN_TLS) if inside else rest
    if inside and name == "verify":
        return _tlv_verify
    kind = _kind_of(name, NAMED_IN_TLS if inside else NAMED)

    def get(exchange: Exchange) -> str | None:
        if kind is None:
            exchange.log("error", "proxy_protocol_failed", f'unknown PROXY protocol TLV "{rest}"')
            return None
        values = _values_in_tls(exchange) if inside else _values(exchange)
        value = _find(exchange, values, kind)
        return text(value) if value is not None else None

    return get


def _tlv_verify(exchange: Exchange) -> str | None:
    value = _find(exchange, _values(exchange), Tlv.TLS.value)
    if value is None or len(value) < TLS_FIXED:
        return None
    return str(int.from_bytes(value[1:TLS_FIXED], "big"))


def _kind_of(name: str, named: dict[str, Tlv]) -> int | None:
    if name.startswith("0x"):
        try:
            return int(name[2:], 16)
        except ValueError:
            return None
    return named[name].value if name in named else None


def _values(exchange: Exchange) -> bytes:
    header = exchange.connection.proxy
    return header.values if header is not None else b""


def _values_in_tls(exchange: Exchange) -> bytes:
    value = _find(exchange, _values(exchange), Tlv.TLS.value)
    return value[TLS_FIXED:] if value is not None else b""


def _find(exchange: Exchange, values: bytes, kind: int) -> bytes | None:
    try:
        return find_value(values, kind)
    except BadProxyHeader as error:
        exchange.log("error", "proxy_protocol_failed", str(error))
        return None


VARIABLES: tuple[Variable | Prefix, ...] = (
    Variable("proxy_protocol_addr", _told(lambda header: header.source_addr), doc="the client's address"),
    Variable("proxy_protocol_port", _told(lambda header: str(header.source_port)), doc="the client's port"),
    Variable("proxy_protocol_server_addr", _told(lambda header: header.server_addr), doc="the address that it asked"),
    Variable("proxy_protocol_server_port", _told(lambda header: str(header.server_port)), doc="the port that it asked"),
    Prefix(
        "proxy_protocol_tlv_",
        _tlv,
        doc="a value of version 2 by name or number: alpn, authority, unique_id, netns, ssl_version, ssl_cn, 0xEA …",
    ),
)

MODULE = Module("proxy_protocol", variables=VARIABLES)
