"""ngx_http_proxy_module: requests are answered by an upstream server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import (
    Argument,
    Text,
    bits,
    choice,
    flag,
    number,
    seconds,
    size,
    text,
    text_of,
    word,
)
from pyngx.config.declare import INTO_NAMELESS, directive, repeated
from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import Answer, Flow, Handler, Status
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.body import keep_body
from pyngx.core.phases import Module, Phase
from pyngx.core.ports import Request, Timeouts
from pyngx.core.spool import Spool
from pyngx.core.variables import Variable
from pyngx.http.codec import wire
from pyngx.http.websocket import is_handshake
from pyngx.modules.proxy_request import SetHeader, asks_upgrade, fields_of, with_upgrade, without_cleartext_http2
from pyngx.modules.proxy_response import HIDDEN, Redirect, head_reader, redirect_rewriter
from pyngx.modules.proxy_ssl import ProxySslSettings, tls_of
from pyngx.modules.proxy_target import Destination, destination_of
from pyngx.upstream.plan import Condition, Plan
from pyngx.upstream.relay import Relay
from pyngx.upstream.websocket_relay import relay_websocket

if TYPE_CHECKING:
    from pyngx.config.syntax import Node
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange


# arguments


def _set_header(node: Node) -> SetHeader:
    return SetHeader(node.args[0].text, text_of(node.args[1]))


def _redirect(node: Node) -> Redirect | str:
    first = node.args[0].text
    if len(node.args) == 1:
        if first not in {"off", "default"}:
            raise ConfigError(f'invalid parameter "{first}"', node.args[0].span, help="one word is off or default")
        return first
    replacement = text_of(node.args[1])
    if first.startswith("~"):
        ignore_case = first.startswith("~*")
        pattern = Text(first[2:] if ignore_case else first[1:], node.args[0].span)
        return Redirect(pattern, replacement, is_regex=True, ignore_case=ignore_case, span=node.args[0].span)
    return Redirect(text_of(node.args[0]), replacement, span=node.args[0].span)


CONDITION_NAMES = (
    *("error", "timeout", "denied", "invalid_header", "non_idempotent", "off"),
    *(f"http_{status}" for status in (500, 502, 503, 504, 403, 404, 429)),
)
IGNORABLE = (
    *("X-Accel-Redirect", "X-Accel-Expires", "X-Accel-Limit-Rate", "X-Accel-Buffering", "X-Accel-Charset"),
    *("Expires", "Cache-Control", "Set-Cookie", "Vary"),
)


# settings


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """How requests are proxied; times in seconds."""

    proxy_pass: Text | None = directive(
        text, "location location-if limit_except", default=None, inherits=INTO_NAMELESS, doc="the URL that answers"
    )
    proxy_websocket: str = directive(
        choice("auto", "off"),
        EVERYWHERE,
        default="auto",
        doc="whether WebSocket handshakes are passed on without further ado",
    )
    proxy_set_header: tuple[SetHeader, ...] = repeated(
        Argument("field value", _set_header, 2, 2), EVERYWHERE, doc="a field of the request to the upstream"
    )
    proxy_pass_request_headers: bool = directive(
        flag, EVERYWHERE, default=True, doc="whether the client's fields are passed on"
    )
    proxy_pass_request_body: bool = directive(
        flag, EVERYWHERE, default=True, doc="whether the client's body is passed on"
    )
    proxy_pass_trailers: bool = directive(
        flag, EVERYWHERE, default=False, doc="whether the trailer of a response is passed on"
    )
    proxy_set_body: Text | None = directive(text, EVERYWHERE, default=None, doc="a body to send instead")
    proxy_method: Text | None = directive(text, EVERYWHERE, default=None, doc="a method to send instead")
    proxy_http_version: str = directive(
        choice("1.0", "1.1"), EVERYWHERE, default="1.1", doc="the version of HTTP that the upstream is spoken to in"
    )
    proxy_hide_header: tuple[str, ...] = repeated(word, EVERYWHERE, doc="a field of the response to be left out")
    proxy_pass_header: tuple[str, ...] = repeated(
        word, EVERYWHERE, doc="a field that is left out by default to be kept"
    )
    proxy_ignore_headers: frozenset[str] = directive(
        bits(*IGNORABLE), EVERYWHERE, default=frozenset(), doc="fields of the response that must have no effect"
    )
    proxy_redirect: tuple[Redirect | str, ...] = repeated(
        Argument("redirect replacement | default | off", _redirect, 1, 2),
        EVERYWHERE,
        default=("default",),
        doc="how URLs in Location and Refresh are rewritten",
    )
    proxy_connect_timeout: float = directive(seconds, EVERYWHERE, default=60.0, doc="seconds to connect in")
    proxy_send_timeout: float = directive(seconds, EVERYWHERE, default=60.0, doc="seconds between two writes")
    proxy_read_timeout: float = directive(seconds, EVERYWHERE, default=60.0, doc="seconds between two reads")
    proxy_buffering: bool = directive(
        flag,
        EVERYWHERE,
        default=True,
        doc="no effect: responses are always passed on as they come, and a slow client slows the upstream down",
    )
    proxy_request_buffering: bool = directive(
        flag, EVERYWHERE, default=True, doc="whether a request's body is read whole before the upstream is asked"
    )
    proxy_intercept_errors: bool = directive(
        flag, EVERYWHERE, default=False, doc="whether error_page applies to the upstream's responses"
    )
    proxy_ignore_client_abort: bool = directive(
        flag, EVERYWHERE, default=False, doc="whether the upstream is let finish when the client has left"
    )
    proxy_next_upstream: frozenset[str] = directive(
        bits(*CONDITION_NAMES),
        EVERYWHERE,
        default=frozenset({"error", "timeout"}),
        doc="when the next server is tried",
    )
    proxy_next_upstream_tries: int = directive(
        number(), EVERYWHERE, default=0, doc="how many servers are tried; 0 for all"
    )
    proxy_next_upstream_timeout: float = directive(
        seconds, EVERYWHERE, default=0.0, doc="seconds in which the next server may be tried; 0 for any time"
    )


@dataclass(frozen=True, slots=True)
class BodySettings:
    """How request bodies are kept while they are read."""

    client_body_buffer_size: int = directive(
        size, EVERYWHERE, default=16384, shown="16k", doc="bytes of a body that are kept in memory"
    )
    client_body_temp_path: str = directive(
        Argument("path [level1 [level2 [level3]]]", lambda node: node.args[0].text, 1, 4),
        EVERYWHERE,
        default="",
        doc="the directory for bodies that are larger; the system's own for temporary files by default",
    )


# variables


def _proxy_add_x_forwarded_for(exchange: Exchange) -> str:
    address = exchange.connection.remote_addr
    before = exchange.headers.joined(b"x-forwarded-for")
    return f"{before.decode('utf-8', 'surrogateescape')}, {address}" if before else address


VARIABLES = (
    Variable("proxy_host", lambda exchange: exchange.proxy_host or None, doc="the name and port that proxy_pass has"),
    Variable("proxy_port", lambda exchange: exchange.proxy_port or None, doc="its port, or that of its scheme"),
    Variable(
        "proxy_add_x_forwarded_for",
        _proxy_add_x_forwarded_for,
        doc="X-Forwarded-For of the request with the client's address at its end",
    ),
)


# handlers


@dataclass(frozen=True, slots=True)
class Proxy:
    """A location's proxy_pass, ready to run."""

    plan: Plan
    destination_of: Callable[[Exchange], Destination | Awaitable[Destination]]
    request_of: Callable[[Exchange, Destination], Request]
    new_spool: Callable[[], Spool]
    body_of: Callable[[Exchange], bytes] | None  # proxy_set_body
    passes_body: bool
    websocket: str

    def handle(self, exchange: Exchange) -> Answer | Awaitable[Answer]:
        """Begin at once where nothing has to be waited for."""
        destination = self.destination_of(exchange)
        if not isinstance(destination, Destination):
            return self._wait_for(exchange, destination)
        return self._begin(exchange, destination)

    async def _wait_for(self, exchange: Exchange, looked_up: Awaitable[Destination]) -> Answer:
        answer = self._begin(exchange, await looked_up)
        return answer if isinstance(answer, Answer) else await answer

    def _begin(self, exchange: Exchange, destination: Destination) -> Answer | Awaitable[Answer]:
        request = self.request_of(exchange, destination)
        if exchange.upgrades and self._upgrades(exchange, request):
            return relay_websocket(exchange, self.plan, destination.group, request)
        if exchange.can_tunnel:
            self._ask_upgrade(exchange, request)
        body = exchange.body
        if self.body_of is not None:
            content = self.body_of(exchange)
            spool = Spool(len(content))
            spool.write(content)
            return self._start(exchange, destination, request, spool)
        if not body.expected or not self.passes_body:
            return self._start(exchange, destination, request, None)
        if exchange.kept_body is not None:  # another upstream has had it already
            return self._start(exchange, destination, request, exchange.kept_body)
        if body.taken:  # it went by, and can't be had again
            return self._start(exchange, destination, request, None)
        if not self.plan.streams_body:
            return self._start_with_body(exchange, destination, request)
        request.body_length = body.length
        return self._start(exchange, destination, request, None)

    def _ask_upgrade(self, exchange: Exchange, request: Request) -> None:
        """Let the upstream switch protocols, if the client asked and the location says so."""
        if self.websocket == "auto" and is_handshake(exchange.method, exchange.version, exchange.headers):
            request.fields = with_upgrade(request.fields)
            request.upgrade = True
        else:
            request.fields, request.upgrade = without_cleartext_http2(request.fields)

    def _upgrades(self, exchange: Exchange, request: Request) -> bool:
        by_itself = self.websocket == "auto" and is_handshake(exchange.method, exchange.version, exchange.headers)
        return by_itself or asks_upgrade(request.fields)

    async def _start_with_body(self, exchange: Exchange, destination: Destination, request: Request) -> Answer:
        spool = self.new_spool()
        if status := await keep_body(exchange.body, spool):
            spool.close()
            return Status(status)
        exchange.kept_body = spool
        return self._start(exchange, destination, request, spool)

    def _start(self, exchange: Exchange, destination: Destination, request: Request, body: Spool | None) -> Answer:
        if body is not None:
            request.body_length = body.size
        Relay(exchange, self.plan, destination.group, request, body).start()
        return Flow.TAKEN


def make_handler(build: Build) -> Handler | None:
    """What proxies, in a location that says so."""
    own = build.settings(ProxySettings)
    if own.proxy_pass is None:
        return None
    assert build.location is not None
    span = own.proxy_pass.span
    is_branch = build.given(ProxySettings, "proxy_pass") and build.scope.kind in {"location-if", "limit_except"}
    find = destination_of(build, own.proxy_pass, is_branch)
    build.location.auto_redirect = build.location.pattern.text.endswith("/")
    plan = _plan(build, own, find.redirects(own.proxy_redirect, span))
    kept = build.settings(BodySettings)
    directory = build.path(kept.client_body_temp_path) if kept.client_body_temp_path else None
    return Proxy(
        plan,
        find.destination,
        _request_maker(build, own),
        lambda: Spool(kept.client_body_buffer_size, directory),
        _body_maker(build, own),
        own.proxy_pass_request_body,
        own.proxy_websocket,
    ).handle


def _plan(build: Build, own: ProxySettings, redirects: tuple[Redirect, ...]) -> Plan:
    shown = {wire(name.lower()) for name in own.proxy_pass_header}
    hidden = (HIDDEN | {wire(name.lower()) for name in own.proxy_hide_header}) - shown
    ignored = frozenset(wire(name.lower()) for name in own.proxy_ignore_headers)
    return Plan(
        build.runtime.transport,
        head_reader(hidden, ignored, redirect_rewriter(build, redirects)),
        _conditions(own.proxy_next_upstream),
        own.proxy_next_upstream_tries,
        own.proxy_next_upstream_timeout,
        Timeouts(own.proxy_connect_timeout, own.proxy_send_timeout, own.proxy_read_timeout),
        own.proxy_intercept_errors,
        own.proxy_ignore_client_abort,
        own.proxy_pass_trailers,
        not own.proxy_request_buffering and own.proxy_set_body is None and own.proxy_pass_request_body,
    )


def _conditions(names: frozenset[str]) -> frozenset[Condition | int]:
    if "off" in names:
        return frozenset()
    known = {condition.value: condition for condition in Condition}
    return frozenset(
        int(name.removeprefix("http_")) if name.startswith("http_") else known[name]
        for name in names
        if name.startswith("http_") or name in known
    )


def _body_maker(build: Build, own: ProxySettings) -> Callable[[Exchange], bytes] | None:
    if own.proxy_set_body is None:
        return None
    render = build.template(own.proxy_set_body).render
    return lambda exchange: wire(render(exchange))


def _request_maker(build: Build, own: ProxySettings) -> Callable[[Exchange, Destination], Request]:
    is_http_1_1 = own.proxy_http_version == "1.1"
    fields = fields_of(build, own.proxy_set_header, own.proxy_pass_request_headers, is_http_1_1)
    method = build.template(own.proxy_method).render if own.proxy_method is not None else None
    version = wire(own.proxy_http_version)
    timeouts = Timeouts(own.proxy_connect_timeout, own.proxy_send_timeout, own.proxy_read_timeout)
    tls = tls_of(build)

    def make(exchange: Exchange, destination: Destination) -> Request:
        exchange.proxy_host, exchange.proxy_port = destination.host_header, destination.port
        return Request(
            destination.group.primaries[0].address,
            wire(method(exchange) if method is not None else exchange.method),
            destination.target_of(exchange),
            fields(exchange),
            version=version,
            tls=tls(exchange) if destination.is_tls else None,
            timeouts=timeouts,
            keepalive=destination.keepalive,
        )

    return make


MODULE = Module(
    "proxy",
    settings=(ProxySettings, ProxySslSettings, BodySettings),
    variables=VARIABLES,
    handlers={Phase.CONTENT: make_handler},
)
