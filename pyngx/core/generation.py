"""A generation: everything one configuration became, immutable, swapped by one assignment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyngx.config.diagnostics import ConfigError, Diagnostic
from pyngx.core.answers import Response
from pyngx.core.connection import ConnectionSettings
from pyngx.core.files import PLAIN, Files
from pyngx.core.locations import Found, Locations, Modifier, Pattern
from pyngx.http.request_head import FieldRules

if TYPE_CHECKING:
    from pyngx.config.scope import Scope
    from pyngx.config.source import Span
    from pyngx.core.answers import Handler, HeaderFilter, Logger, Status
    from pyngx.core.exchange import Exchange
    from pyngx.core.listen import ListenAddress, SocketOptions
    from pyngx.core.logs import Log
    from pyngx.core.runtime import Runtime
    from pyngx.core.servers import ServerNames
    from pyngx.core.template import Template
    from pyngx.core.tls_facts import ServerTls

EVERYTHING = Pattern(Modifier.PREFIX, "")


@dataclass(frozen=True, slots=True)
class ErrorRoute:
    """Where an `error_page` leads."""

    target: Template
    overwrite: int | None


@dataclass(slots=True)
class Location:
    """A location, an `if` or `limit_except` block, or a server outside its locations: what runs there."""

    pattern: Pattern
    server: Server
    scope: Scope
    span: Span | None = None
    auto_redirect: bool = False  # /x is answered by a redirect to /x/
    matches: Callable[[Exchange, str], bool] = lambda _exchange, _uri: False
    nested: Locations | None = None
    limit_except: tuple[frozenset[str], Location] | None = None
    rewrite: tuple[Handler, ...] = ()
    preaccess: tuple[Handler, ...] = ()
    access: tuple[Handler, ...] = ()
    precontent: tuple[Handler, ...] = ()
    content: tuple[Handler, ...] = ()
    inside: tuple[Handler, ...] = ()  # the four above, in a row
    header_filters: tuple[HeaderFilter, ...] = ()
    loggers: tuple[Logger, ...] = ()
    inner: tuple[Handler, ...] = ()  # the same three for subrequests, to which access is granted
    inner_filters: tuple[HeaderFilter, ...] = ()
    inner_loggers: tuple[Logger, ...] = ()
    postpones: bool = False  # whether anything here puts subrequests into bodies
    inner_body_limit: int = 0  # bytes that a subrequest's body may have where it is wanted in memory
    connection: ConnectionSettings = ConnectionSettings()
    internal: bool = False
    max_body_size: int = 0
    error_pages: Mapping[int, ErrorRoute] = field(default_factory=dict)
    recursive_error_pages: bool = False
    document_root: Callable[[Exchange], str] = lambda _exchange: ""
    path_of: Callable[[Exchange, str], str] = lambda _exchange, uri: uri
    files: Files = PLAIN
    log: Log | None = None  # None: the process's own
    warns_uninitialized: bool = True  # whether reading a variable that was never `set` is logged
    built_in: Callable[[Exchange, Status], Response] = lambda _exchange, status: Response(status.code)
    request_id_header: bytes = b""  # the field, in lower case, whose value $request_id takes over
    known: dict[type, object] = field(default_factory=dict)  # what modules keep here for their variables, by its type
    name: str = field(init=False)  # how the location is written, for logs
    send_head: Callable[[Exchange, Response], None] = lambda _exchange, _response: None

    def __post_init__(self) -> None:
        self.name = str(self.pattern)

    def within(self, exchange: Exchange) -> tuple[Location, Found]:
        """This location, or the one nested in it that fits better; either is final."""
        if self.nested is not None:
            inner, found = self.nested.find(exchange)
            if inner is not None:
                return inner, found if found is Found.REDIRECT else Found.FINAL
        return self, Found.FINAL


@dataclass(slots=True)
class Server:
    """A virtual server."""

    name: str  # the first server_name
    merge_slashes: bool = True
    field_rules: FieldRules = FieldRules()
    location: Location = field(init=False)  # the server's own settings, for requests that no location takes
    locations: Locations = field(init=False)
    post_read: tuple[Handler, ...] = ()
    rewrite: tuple[Handler, ...] = ()
    tls: ServerTls | None = None  # None: it has no certificate of its own


@dataclass(slots=True)
class Generation:
    """One configuration at work.

    `addresses` are all that servers listen on; `listeners` those that need a socket: an address whose port is
    also listened on by a wildcard shares the wildcard's.
    """

    runtime: Runtime
    number: int
    nowhere: Server  # what an exchange has before it has a server
    addresses: Mapping[ListenAddress, ServerNames] = field(default_factory=dict)
    listeners: Mapping[ListenAddress, SocketOptions] = field(default_factory=dict)
    root: Scope | None = None
    preparations: Sequence[Callable[[], Awaitable[None]]] = ()
    starts: Sequence[Callable[[], None]] = ()
    claims: frozenset[object] = frozenset()
    findings: Sequence[Diagnostic] = ()  # what is remarkable, but no error
    opened: int = 0  # exchanges that have begun
    closed: int = 0  # and those that have ended
    background: int = 0  # subrequests under way that may outlive theirs
    retired: bool = False

    @property
    def exchanges(self) -> int:
        """How many are under way."""
        return self.opened - self.closed + self.background

    async def prepare(self) -> None:
        """Wait for what must be ready before this is put in force; raises ConfigError with all that went wrong.

        From here on what it claims is kept: `Runtime.commit` is to follow, or `Runtime.release`.
        """
        self.runtime.hold(self)
        problems: list[Diagnostic] = []
        try:
            for preparation in self.preparations:
                try:
                    await preparation()
                except ConfigError as error:
                    problems += error.diagnostics
            if problems:
                raise ConfigError.of(problems)
        except BaseException:
            self.runtime.release(self)
            raise

    def exchange_opened(self) -> None:
        """Count an exchange in."""
        self.opened += 1

    def exchange_closed(self, exchange: Exchange) -> None:
        """Count an exchange out; a retired generation's last one lets go of what only it needed."""
        if exchange.parent is None:  # subrequests are not counted in
            self.closed += 1
        if self.retired and not self.exchanges:
            self.runtime.release(self)
