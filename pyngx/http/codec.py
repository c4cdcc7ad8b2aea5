"""The one codec between text and the wire: UTF-8, with bytes that are not UTF-8 kept as surrogates."""


def text(wire_bytes: bytes) -> str:
    return wire_bytes.decode("utf-8", "surrogateescape")


def wire(decoded: str) -> bytes:
    return decoded.encode("utf-8", "surrogateescape")
