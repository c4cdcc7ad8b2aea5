"""Files that TLS directives name: certificates, keys, passwords, lists."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, parameters, parse_number, parse_seconds
from pyngx.config.diagnostics import ConfigError
from pyngx.modules.tls_context import Pair, Pem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyngx.config.arguments import Text
    from pyngx.config.source import Span
    from pyngx.config.syntax import Node
    from pyngx.core.build import Build


@dataclass(frozen=True, slots=True)
class CertificateCache:
    """How long certificates that variables name aren't read anew: seconds, and seconds without anybody who asks."""

    most: int
    inactive: float = 10.0
    valid: float = 60.0


def _certificate_cache(node: Node) -> CertificateCache | None:
    if node.args[0].text == "off" and len(node.args) == 1:
        return None
    read = {"max": lambda word: parse_number(word, 1), "inactive": parse_seconds, "valid": parse_seconds}
    found = parameters(node.args, read)
    if "max" not in found:
        raise ConfigError(f'"{node.name.text}" must have the "max" parameter', node.span)
    most = found.pop("max")
    return CertificateCache(int(most), **{name: float(value) for name, value in found.items()})


certificate_cache = Argument("off | max=N [inactive=time] [valid=time]", _certificate_cache, 1, 3)

DATA = "data:"
_ELSEWHERE = ("engine:", "store:")


def has_variables(text: Text) -> bool:
    """Whether a value is known with a request only."""
    return "$" in text.value


def read_pem(name: str, conf_path: Callable[[str], str], read: Callable[[str], bytes]) -> Pem:
    """What a value stands for: the content of a file, or itself behind `data:`; raises OSError."""
    if name.startswith(DATA):
        return Pem("data:...", name.removeprefix(DATA).encode("utf-8", "surrogateescape"))
    return Pem(conf_path(name), read(conf_path(name)))


def load_pem(build: Build, name: str, kind: str, span: Span | None) -> Pem:
    """The same while a configuration is built; raises ConfigError."""
    if name.startswith(_ELSEWHERE):
        raise ConfigError(f'"{name}" can\'t be used', span, help="keys of engines and stores can't be had: name a file")
    try:
        return read_pem(name, build.conf_path, build.read_file)
    except OSError as error:
        path = build.conf_path(name)
        raise ConfigError(
            f'cannot load {kind} "{path}" ({error.errno}: {os.strerror(error.errno or 0)})', span
        ) from None


def load_file(build: Build, name: str, kind: str, span: Span | None) -> Pem | None:
    """A file that needn't be named."""
    return load_pem(build, name, kind, span) if name else None


def load_pairs(
    build: Build, certificates: Sequence[Text], keys: Sequence[Text], spans: tuple[Span | None, Span | None]
) -> tuple[Pair, ...]:
    """Certificates with their keys, in order."""
    return tuple(
        Pair(
            load_pem(build, certificate.value, "certificate", certificate.span or spans[0]),
            load_pem(build, key.value, "certificate key", key.span or spans[1]),
        )
        for certificate, key in zip(certificates, keys, strict=False)
    )


def load_passwords(build: Build, name: str, span: Span | None) -> tuple[bytes, ...]:
    """The lines of a file, each a password that is tried."""
    if not name:
        return ()
    lines = load_pem(build, name, "passwords", span).content.splitlines()
    return tuple(line for line in lines if line)
