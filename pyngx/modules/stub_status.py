"""ngx_http_stub_status_module: how many connections and requests there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument
from pyngx.config.declare import NEVER, directive
from pyngx.core.answers import Answer, Content, Handler, Response, Status
from pyngx.core.phases import Module, Phase
from pyngx.core.variables import Getter, Variable
from pyngx.http.headers import Headers
from pyngx.modules.last_word import has_last_word

if TYPE_CHECKING:
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.runtime import Runtime


# settings


@dataclass(frozen=True, slots=True)
class StubStatusSettings:
    """Where the numbers can be read."""

    stub_status: bool = directive(
        Argument("", lambda _: True, 0, 1),
        "server location",
        default=False,
        shown="off",
        inherits=NEVER,
        doc="answers with the numbers of connections and requests",
    )


# state


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is counted. A connection is waiting while it has no request, not even the beginning of one."""

    active: int
    accepted: int
    requests: int
    reading: int
    writing: int

    @property
    def waiting(self) -> int:
        return max(0, self.active - self.reading - self.writing)

    @property
    def text(self) -> str:
        """As nginx writes them, with its blanks; accepted connections are handled in any case."""
        return (
            f"Active connections: {self.active} \n"
            "server accepts handled requests\n"
            f" {self.accepted} {self.accepted} {self.requests} \n"
            f"Reading: {self.reading} Writing: {self.writing} Waiting: {self.waiting} \n"
        )


def count(runtime: Runtime) -> Numbers:
    """The numbers of this moment."""
    census, writing = runtime.census, runtime.exchanges
    # over HTTP/2, and where a host has the connections, there may be more requests than connections
    active = max(census.active, writing)
    return Numbers(active, census.accepted, runtime.requests, census.reading, writing)


# variables


def _number(read: Callable[[Numbers], int]) -> Getter:
    return lambda exchange: str(read(count(exchange.generation.runtime)))


VARIABLES = (
    Variable("connections_active", _number(lambda numbers: numbers.active), doc="connections that are open"),
    Variable(
        "connections_reading",
        _number(lambda numbers: numbers.reading),
        doc="connections that the beginning of a request has come by",
    ),
    Variable("connections_writing", _number(lambda numbers: numbers.writing), doc="requests that are being answered"),
    Variable("connections_waiting", _number(lambda numbers: numbers.waiting), doc="connections without a request"),
)


# handlers


def make_handler(build: Build) -> Handler | None:
    """What answers with the numbers, in a location that says so."""
    if not build.settings(StubStatusSettings).stub_status or not has_last_word(build, "stub_status"):
        return None

    def handle(exchange: Exchange) -> Answer:
        if exchange.method not in {"GET", "HEAD"}:
            return Status(405)
        body = count(exchange.generation.runtime).text.encode()
        headers = Headers([(b"Content-Type", b"text/plain")])
        return Content(Response(200, headers, length=len(body), parts=(body,)))

    return handle


MODULE = Module(
    "stub_status", settings=(StubStatusSettings,), variables=VARIABLES, handlers={Phase.CONTENT: make_handler}
)
