"""Contexts for connections: one that is fixed, or one by the certificate that variables name."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyngx.config.diagnostics import ConfigError
from pyngx.core.tls_facts import TlsRefused
from pyngx.modules.tls_context import ContextSettings, Pair, TlsSettingError, build_context
from pyngx.modules.tls_files import CertificateCache, read_pem

if TYPE_CHECKING:
    from OpenSSL import SSL

    from pyngx.config.arguments import Text
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

MOST_KEPT = 1000  # contexts by name; each has its certificates parsed, and its sessions

Render = Callable[["Exchange"], str]


def context_of(build: Build, made_of: ContextSettings, cls: type) -> SSL.Context:
    """The context of these settings, the one that is there if there is one; raises ConfigError."""
    try:
        return build.claim(("tls_context", made_of), lambda: build_context(made_of))
    except TlsSettingError as error:
        raise ConfigError(str(error), build.origin(cls, error.directive)) from None


@dataclass(slots=True)
class _Known:
    context: SSL.Context
    read: float  # when, by time.monotonic()
    used: float = 0.0


@dataclass(frozen=True, slots=True)
class NamedContexts:
    """Contexts by the names of their certificates, which are read for each connection: a new one is used at once."""

    frame: ContextSettings
    names: tuple[tuple[Render, Render], ...]
    conf_path: Callable[[str], str]
    kept: dict[tuple[Pair, ...], SSL.Context]
    cache: CertificateCache | None
    known: dict[tuple[str, ...], _Known]  # for the cache

    @staticmethod
    def made(
        build: Build,
        frame: ContextSettings,
        named: tuple[Sequence[Text], Sequence[Text]],
        cache: CertificateCache | None,
    ) -> NamedContexts:
        """With the contexts that earlier generations made of the same settings; `named`: certificates and keys."""
        names = tuple(
            (build.template(certificate).render, build.template(key).render)
            for certificate, key in zip(*named, strict=False)
        )
        kept: dict[tuple[Pair, ...], SSL.Context] = build.claim(("tls_contexts", frame), dict)
        return NamedContexts(frame, names, build.conf_path, kept, cache, {})

    def of(self, exchange: Exchange) -> SSL.Context:
        """The context for an exchange; raises TlsRefused."""
        names = tuple(render(exchange) for pair in self.names for render in pair)
        return self._read(names) if self.cache is None else self._remembered(names, self.cache)

    def _remembered(self, names: tuple[str, ...], cache: CertificateCache) -> SSL.Context:
        now = time.monotonic()
        found = self.known.pop(names, None)
        if found is None or now - found.read >= cache.valid or now - found.used >= cache.inactive:
            found = _Known(self._read(names), now)
        while len(self.known) > max(0, cache.most // 2 - 1):  # nginx counts certificates and keys one by one
            del self.known[next(iter(self.known))]  # the one that was asked for longest ago
        found.used = now
        self.known[names] = found
        return found.context

    def _read(self, names: tuple[str, ...]) -> SSL.Context:
        named = zip(names[::2], names[1::2], strict=True)
        pairs = tuple(self._pair(certificate, key) for certificate, key in named if certificate)
        context = self.kept.get(pairs)
        if context is None:
            try:
                context = build_context(replace(self.frame, pairs=pairs))
            except TlsSettingError as error:
                raise TlsRefused(str(error)) from None
            while len(self.kept) >= MOST_KEPT:
                del self.kept[next(iter(self.kept))]
            self.kept[pairs] = context
        return context

    def _pair(self, certificate: str, key: str) -> Pair:
        try:
            return Pair(read_pem(certificate, self.conf_path, _content), read_pem(key, self.conf_path, _content))
        except (OSError, ValueError) as error:
            raise TlsRefused(f'cannot load certificate "{certificate}": {error}') from None


@dataclass(frozen=True, slots=True)
class FixedTls:
    """A server whose certificates are known."""

    _context: SSL.Context
    rejects: bool
    certified: bool
    record: int

    def context(self, exchange: Exchange) -> SSL.Context:  # noqa: ARG002
        """The one there is."""
        if not self.certified:
            raise TlsRefused("no certificate is configured for this name")
        return self._context


@dataclass(frozen=True, slots=True)
class VariableTls:
    """A server whose certificates depend on the handshake."""

    _contexts: NamedContexts
    rejects: bool
    record: int
    certified: bool = True

    def context(self, exchange: Exchange) -> SSL.Context:
        """The one for a handshake."""
        return self._contexts.of(exchange)


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
