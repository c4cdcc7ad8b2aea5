"""Which server a request belongs to: by the address that it came to, then by its host name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyngx.config.diagnostics import ConfigError

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.core.exchange import Exchange
    from pyngx.core.generation import Server

NameTest = Callable[["Exchange", str], bool]


@dataclass(frozen=True, slots=True)
class ServerName:
    """One name of `server_name`: exact, `*.x`, `x.*`, `.x` or `~regex`."""

    text: str
    span: Span | None = field(default=None, compare=False, repr=False)

    @property
    def is_regex(self) -> bool:
        return self.text.startswith("~")


class ServerNames:
    """The servers that share an address; nginx's order: exact, longest `*.x`, longest `x.*`, first regex, default."""

    def __init__(self, default: Server) -> None:
        self.default = default
        self.tls = False  # what one `listen` of an address says holds for all
        self.proxy_protocol = False
        self.conflicts: list[ServerName] = []
        self._exact: dict[str, Server] = {}
        self._leading: dict[str, Server] = {}  # ".example.com" for *.example.com
        self._trailing: dict[str, Server] = {}  # "www." for www.*
        self._tests: list[tuple[NameTest, Server]] = []

    def add(self, name: ServerName, server: Server, test: NameTest | None) -> None:
        """Add a name of a server; a name that another server has stays with that one."""
        text = name.text.lower()
        if test is not None:
            self._tests.append((test, server))
        elif text.startswith("*."):
            self._put(self._leading, text[1:], server, name)
        elif text.startswith("."):
            self._put(self._leading, text, server, name)
            self._put(self._exact, text[1:], server, name)
        elif text.endswith(".*"):
            self._put(self._trailing, text[:-1], server, name)
        else:
            self._put(self._exact, text, server, name)

    def find(self, exchange: Exchange, host: str) -> Server:
        """The server of a host name."""
        if (server := self._exact.get(host)) is not None:
            return server
        if self._leading or self._trailing or self._tests:
            return self._by_pattern(exchange, host) or self.default
        return self.default

    def match(self, exchange: Exchange, host: str) -> Server | None:
        """The server that bears a host name, if one does."""
        return self._exact.get(host) or self._by_pattern(exchange, host)

    def _by_pattern(self, exchange: Exchange, host: str) -> Server | None:
        if self._leading and (server := self._by_suffix(host)) is not None:
            return server
        if self._trailing and (server := self._by_prefix(host)) is not None:
            return server
        if host:
            for test, server in self._tests:
                if test(exchange, host):
                    return server
        return None

    def _put(self, table: dict[str, Server], text: str, server: Server, name: ServerName) -> None:
        if table.setdefault(text, server) is not server:
            self.conflicts.append(name)

    def _by_suffix(self, host: str) -> Server | None:
        at = host.find(".")  # a host that begins with a dot is one of *.x, too
        while at >= 0:
            if (server := self._leading.get(host[at:])) is not None:
                return server
            at = host.find(".", at + 1)
        return None

    def _by_prefix(self, host: str) -> Server | None:
        at = host.rfind(".", 0, len(host) - 1)
        while at > 0:
            if (server := self._trailing.get(host[: at + 1])) is not None:
                return server
            at = host.rfind(".", 0, at)
        return None


def check_name(name: ServerName) -> None:
    """Refuse what nginx refuses as a name: empty labels and asterisks inside."""
    text = name.text
    if text.startswith("~"):
        if text == "~":
            raise ConfigError('empty regex in server name "~"', name.span)
        return
    inner = text.removeprefix("*.").removesuffix(".*")
    if (
        "*" in inner
        or ".." in text
        or "/" in text
        or text in {"*.", ".*"}
        or (text.startswith("*.") and text.endswith(".*"))
    ):
        raise ConfigError(
            f'invalid server name or wildcard "{text}"',
            name.span,
            help="a wildcard is *.example.com, .example.com or www.example.*",
        )
