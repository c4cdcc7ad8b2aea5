"""One request and its response: everything a handler, a variable or a filter may look at or change.

A server makes an `Exchange` for each request and calls it back (the sections say who calls). The pipeline decides what
to answer; whoever answers writes through `respond`, `write` and `end`.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pyngx.core.answers import Refused, Response
from pyngx.core.body import RequestBody
from pyngx.core.log_context import log_context
from pyngx.http.headers import Headers

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from pyngx.core.generation import Generation, Location, Server
    from pyngx.core.ports import Client, Fields, Source
    from pyngx.core.postpone import Postponed
    from pyngx.core.proxy_protocol import ProxyHeader
    from pyngx.core.records import Messages, Try
    from pyngx.core.spool import Spool
    from pyngx.core.subrequest import Subrequests
    from pyngx.core.throttle import Throttle
    from pyngx.core.tls_facts import TlsFacts
    from pyngx.http.request_head import RequestHead


NO_VERSION = frozenset({"", "0.9"})  # of what is no request, and of a request line that has none


class Filter(Protocol):
    """A transformation of a response's body, without I/O."""

    def feed(self, data: bytes) -> bytes:
        """Take a part, and give what can be passed on."""

    def flush(self) -> bytes:
        """Give all that is held back, because the source pauses."""

    def finish(self) -> bytes:
        """Give the rest: the body is whole."""


@dataclass(slots=True)
class Connection:
    """A client's connection, as far as requests care."""

    serial: int
    remote_addr: str  # "unix:" for unix sockets, as nginx says it
    remote_port: int
    local_addr: str
    local_port: int
    scheme: str = "http"
    opened: float = field(default_factory=time.monotonic)
    requests: int = 0  # counts the one under way
    tls: TlsFacts | None = None
    plain_to_tls: bool = False  # it came to a port for TLS, and speaks without
    proxy: ProxyHeader | None = None  # what a proxy in front of us says of its client, by the PROXY protocol


class Exchange:
    """A request on its way through the phases, and its response on its way back."""

    # Defaults stand on the class: making an exchange sets only what differs.

    # the request
    can_tunnel = False  # whether it asks for an upgrade, and the server can give the connection away
    upgrades = False  # whether it is a WebSocket handshake that the server lets us answer message by message
    pipelined = False  # whether it came before the last one on its connection was answered
    request_length = 0  # bytes of its head, as far as the server can tell
    kept_body: Spool | None = None  # the whole body, where somebody had it kept; closed with the exchange
    # where it is routed; rewrites and internal redirects change it
    host = ""
    port = 0  # that the client named beside the host; 0: none
    args = ""
    quoted = False  # whether the target had percent-encoding
    internal = False
    uri_changed = False
    adds_uri_to_alias = False  # whether the URI goes behind the alias of a location with a regex
    valid_location = True  # whether the URI still begins with the location's prefix
    valid_target = True  # whether the URI is still what the client asked for
    loops = 0  # internal redirects and rewrites so far
    error_status = 0  # what error_page wants the status to be; 0: what the page gives
    error_location = ""  # where the status that error_page took over pointed, and its other fields
    error_fields: Fields = ()
    in_error_page = False
    error_pages_over = False  # one has answered, in a location without recursive_error_pages
    kept_fields: Fields = ()  # what X-Accel-Redirect leaves of the response that it came with
    media_type = b""  # and its Content-Type, for content that has no other but by its name
    captures: Sequence[str | None] = ()
    # the response
    response: Response | None = None
    coming_status = 0  # of a response in the making
    trailers: Fields = ()
    upstream_trailers: Fields = ()
    proxy_host = ""  # $proxy_host and $proxy_port: where proxy_pass leads
    proxy_port = ""
    late_trailers: Callable[[Exchange], None] | None = None  # adds to `trailers` when the body is whole
    keepalive = True
    body_bytes_sent = 0
    messages: Messages | None = None
    # how far it got
    ended = False  # the answer was handed over whole, or broken off
    broken = False
    closed = False  # logged
    gone = False  # the client left before the end
    paused = False  # the client is slow, or has its share for now
    limit_rate: int | None = None  # bytes a second that the client is sent; 0: no limit, None: as the location says
    throttle: Throttle | None = None  # keeps to it
    expands = False  # whether a body filter may make much of little: it is given little at once
    source: Source | None = None  # paused and resumed as the client takes the response
    waiters: Sequence[asyncio.Future[None]] = ()
    cleanups: Sequence[Callable[[], None]] = ()  # called once, when the exchange is closed, however it ended
    on_gone: Callable[[], None] | None = None
    task: asyncio.Task[None] | None = None
    parent: Exchange | None = None  # whose subrequest this is
    subrequests: Subrequests | None = None  # those of this, and theirs
    postponed: Postponed | None = None  # where they go into the body
    stub: Response | None = None  # what answers instead of a bare status, before `error_page` is asked

    def __init__(self, generation: Generation, connection: Connection, client: Client, head: RequestHead) -> None:
        self.generation = generation
        self.connection = connection
        self.client = client
        # error_page may change the other method, and an absolute form loses its authority
        self.method = self.original_method = head.method
        self.uri = self.target = self.original_target = head.target
        self.version = head.version
        self.headers = head.headers
        self.body = RequestBody(client)
        self.started = time.monotonic()
        self.server: Server = generation.nowhere
        self.location: Location = generation.nowhere.location
        self.values: dict[str, str | None] = {}
        self.body_filters: list[Filter] = []
        self.tries: list[Try] = []

    # called by the server

    def pause_writing(self) -> None:
        """The client is slow: no more of the response until `resume_writing`."""
        if self.throttle is not None:
            self.throttle.stall()
        else:
            self.pause_source()

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self.throttle is not None:
            self.throttle.flow()
        else:
            self.resume_source()

    def pause_source(self) -> None:
        """Have whoever answers wait."""
        self.paused = True
        if self.source is not None:
            self.source.pause_reading()
        if self.postponed is not None:
            self.postponed.stall()

    def resume_source(self) -> None:
        """Have whoever answers go on."""
        if self.postponed is not None and not self.postponed.flow():
            return
        self.paused = False
        if self.source is not None:
            self.source.resume_reading()
        waiters, self.waiters = self.waiters, ()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def client_gone(self) -> None:
        """The client has left: who works for it stops; it is logged as 499 if nothing was answered."""
        if self.ended:
            return
        self.gone = True
        if self.on_gone is not None:
            self.on_gone()
        else:
            self.leave()

    def leave(self) -> None:
        """End an exchange whose client is gone."""
        self.ended = self.broken = True
        self.body.drop()
        if self.task is not None:
            self.task.cancel()
        if self.throttle is not None:
            self.throttle.stop()
        self.resume_source()
        self.close()

    # called by whoever answers

    @property
    def status(self) -> int:
        """The status that is logged: what was sent, 499 for a client that left first, else what is coming or 0."""
        if self.response is not None:
            return self.response.status
        return 499 if self.gone else self.error_status or self.coming_status

    @property
    def request_line(self) -> str:
        """`GET /x HTTP/1.1`, as it was sent; what is no request line stands in the target."""
        if self.version in NO_VERSION:
            return f"{self.original_method} {self.original_target}".lstrip()
        return f"{self.original_method} {self.original_target} HTTP/{self.version}"

    @property
    def complete(self) -> bool:
        """Whether the response was handed over whole."""
        return self.ended and not self.broken

    @property
    def header_only(self) -> bool:
        """Whether the response must not have a body (RFC 9110 6.4.1)."""
        status = self.status
        return self.method == "HEAD" or status in {204, 304} or 100 <= status < 200

    def respond(self, response: Response) -> None:
        """Send a response's head through the header filters; the body follows by `write` and `end`.

        Raises Refused where a filter wants another answer (412, 416): nothing has been sent then, and whoever answers
        has to give up the body and answer by `refused.status`.
        """
        if self.ended:
            return
        if self.error_status:
            response.status = self.error_status
            response.reason = b""
        if response.status == 204 and not response.reason:  # one of ours doesn't tell of content by itself
            response.headers.remove(b"Content-Type")
        if self.in_error_page:
            self._keep_error_fields(response)
        if self.kept_fields:
            response.headers = Headers([*response.headers, *self.kept_fields])
        self.response = response
        try:
            for header_filter in self.location.header_filters if self.parent is None else self.location.inner_filters:
                header_filter(self, response)
        except Refused:
            self.response = None
            self.body_filters.clear()
            self.late_trailers = self.postponed = None
            self.kept_fields = self.error_fields = ()
            self.error_location = ""
            raise
        self.location.send_head(self, response)

    def write(self, data: bytes) -> None:
        """Send a part of the body through the body filters."""
        for body_filter in self.body_filters:
            data = body_filter.feed(data)
        if data:
            self._send(data)

    def flush(self) -> None:
        """Let nothing wait in the body filters: the source has no more for now."""
        if self.body_filters and (data := self._drained("flush")):
            self._send(data)
        self.client.flush()

    def end(self, trailers: Fields = ()) -> None:
        """The body is whole."""
        if self.postponed is not None:
            self.postponed.end(trailers)
        elif not self.ended:
            self.end_behind(0, trailers)

    def write_behind(self, first: int, data: bytes) -> None:
        """Send a part of the body through the filters from one of them on."""
        for body_filter in self.body_filters[first:]:
            data = body_filter.feed(data)
        if data:
            self._send(data)

    def end_behind(self, first: int, trailers: Fields) -> None:
        """Finish the body filters from one of them on, and end."""
        if self.body_filters:
            if data := self._drained("finish", first):
                self._send(data)
            if self.broken:  # a filter has found that it is
                return
        if self.throttle is not None:
            self.throttle.when_empty(lambda: self._end(trailers))
        else:
            self._end(trailers)

    def fail(self) -> None:
        """The body can't be completed: the client must see that it is broken (RFC 9112 8)."""
        if self.ended:
            return
        self.ended = self.broken = True
        try:
            self.client.abort()
        finally:
            self.close()

    async def drain(self) -> None:
        """Wait while the client is slow."""
        if self.paused and not self.gone:
            waiter = asyncio.get_running_loop().create_future()
            self.waiters = [*self.waiters, waiter]
            await waiter

    def close(self) -> None:
        """Log, once, after the last byte was handed over."""
        if self.closed:
            return
        self.closed = True
        try:
            for write_log in self.location.loggers if self.parent is None else self.location.inner_loggers:
                write_log(self)
        finally:
            for clean_up in self.cleanups:
                clean_up()
            if self.kept_body is not None and self.parent is None:
                self.kept_body.close()
            if self.subrequests is not None:
                self.subrequests.exchange_closed(self)
            self.generation.exchange_closed(self)

    def log(self, level: str, event: str, message: str = "", **facts: object) -> None:
        """Write to the error log of the location: a constant event, a sentence for people, facts."""
        log = self.location.log or self.generation.runtime.log
        if log.enabled(level):
            log.write(level, event, message, **(log_context(self) | facts))

    def spawn(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        """Go on with this exchange in a task, which ends when the client leaves."""
        self.task = task = self.generation.runtime.spawn(work, name)
        return task

    # private

    def _keep_error_fields(self, response: Response) -> None:
        """An error page adds to what the status said (WWW-Authenticate, Location), and doesn't replace it."""
        headers = response.headers
        there = {b"location"} if response.location else ()
        names = [field[0].lower() for field in self.error_fields]
        missing = [name not in headers and name not in there for name in names]
        for (name, value), is_missing in zip(self.error_fields, missing, strict=True):
            if is_missing:
                headers.add(name, value)
        if not response.location and b"location" not in headers:
            response.location = self.error_location

    def _end(self, trailers: Fields) -> None:
        self.ended = True
        self.trailers = trailers
        try:
            if self.late_trailers is not None:
                self.late_trailers(self)
            self.client.finish(self.trailers)
        finally:
            self.close()

    def _send(self, data: bytes) -> None:
        if self.header_only or self.ended:
            return
        self.body_bytes_sent += len(data)
        self.client.send_body(data)

    def _drained(self, method: str, first: int = 0) -> bytes:
        data = b""
        for body_filter in self.body_filters[first:]:
            passed = body_filter.feed(data) if data else b""
            data = passed + (body_filter.flush() if method == "flush" else body_filter.finish())
        return data
