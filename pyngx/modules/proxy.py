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
    text,
    text_of,
    word,
)
from pyngx.config.declare import INTO_NAMELESS, directive, repeated
from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import Answer, Flow, Handler, Status
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module, Phase
from pyngx.core.ports import Request, Timeouts
from pyngx.core.spool import Spool
from pyngx.core.variables import Variable
from pyngx.http.codec import wire
from pyngx.http.websocket import is_handshake
from pyngx.modules.client_body import BodyKeeper, ClientBodySettings, body_keeper
from pyngx.modules.early_hints import hints_passer
from pyngx.modules.proxy_bind import ProxyBindSettings, local_address_of
from pyngx.modules.proxy_buffering import ProxyBufferingSettings, outlet_of, paces
from pyngx.modules.proxy_cookies import ProxyCookieSettings, cookie_rewriter
from pyngx.modules.proxy_request import SetHeader, asks_upgrade, lines_of, with_upgrade, without_cleartext_http2
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
        text.called("url"),
        "location location-if limit_except",
        default=None,
        inherits=INTO_NAMELESS,
        doc="the URL that answers",
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
        flag, EVERYWHERE, default=False, doc="whether trailers of the response are passed on"
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


# variables


def _proxy_add_x_forwarded_for(exchange: Exchange) -> str:
    address = exchange.connection.remote_addr
    before = exchange.headers.joined(b"x-forwarded-for")
    return f"{before.decode('utf-8', 'surrogateescape')}, {address}" if before else address


VARIABLES = (
    Variable(
        "proxy_host",
        lambda exchange: exchange.proxy_host or None,
        doc="the name and port that proxy_pass has",
        changeable=True,
    ),
    Variable(
        "proxy_port",
        lambda exchange: exchange.proxy_port or None,
        doc="its port, or that of its scheme",
        changeable=True,
    ),
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
    bodies: BodyKeeper
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
        """Have the body there first, where it isn't streamed: what is sent may tell of it."""
        if not exchange.body.expected or exchange.kept_body is not None:
            return self._ask(exchange, destination)
        streams = self.plan.streams_body
        if self.bodies.keep_at_once(exchange, in_file=not streams) or streams:
            return self._ask(exchange, destination)
        return self._keep_and_ask(exchange, destination)

    async def _keep_and_ask(self, exchange: Exchange, destination: Destination) -> Answer:
        if status := await self.bodies.keep(exchange):
            return Status(status)
        answer = self._ask(exchange, destination)
        return answer if isinstance(answer, Answer) else await answer

    def _ask(self, exchange: Exchange, destination: Destination) -> Answer | Awaitable[Answer]:
        request = self.request_of(exchange, destination)
        if exchange.upgrades and self._upgrades(exchange, request):
            return relay_websocket(exchange, self.plan, destination.group, request)
        if exchange.can_tunnel:
            self._ask_upgrade(exchange, request)
        elif b"upgrade" in exchange.headers:
            request.fields, _ = without_cleartext_http2(request.fields)
            request.lines = b""
        body = exchange.kept_body if self.passes_body else None
        if self.body_of is not None:
            content = self.body_of(exchange)
            body = Spool(len(content))
            body.write(content)
        if body is not None:
            request.body_length = body.size
        elif self.plan.streams_body and exchange.body.expected and not exchange.body.taken:
            request.body_length = exchange.body.length
        Relay(exchange, self.plan, destination.group, request, body).start()
        return Flow.TAKEN

    def _ask_upgrade(self, exchange: Exchange, request: Request) -> None:
        """Let the upstream switch protocols, if the client asked and the location says so."""
        request.lines = b""
        if self._is_handshake(exchange):
            request.fields = with_upgrade(request.fields)
            request.upgrade = True
        else:
            request.fields, request.upgrade = without_cleartext_http2(request.fields)

    def _upgrades(self, exchange: Exchange, request: Request) -> bool:
        return self._is_handshake(exchange) or asks_upgrade(request.fields)

    def _is_handshake(self, exchange: Exchange) -> bool:
        """Whether it is passed on unasked; not with a body, behind which nobody expects another protocol."""
        if self.websocket != "auto" or exchange.body.expected:
            return False
        return is_handshake(exchange.method, exchange.version, exchange.headers)


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
    return Proxy(
        plan,
        find.destination,
        request_maker(build, own),
        body_keeper(build),
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
        head_reader(build, hidden, ignored, redirect_rewriter(build, redirects), cookie_rewriter(build)),
        _conditions(own.proxy_next_upstream),
        own.proxy_next_upstream_tries,
        own.proxy_next_upstream_timeout,
        Timeouts(own.proxy_connect_timeout, own.proxy_send_timeout, own.proxy_read_timeout),
        own.proxy_intercept_errors,
        own.proxy_ignore_client_abort,
        own.proxy_pass_trailers,
        not own.proxy_request_buffering and own.proxy_set_body is None and own.proxy_pass_request_body,
        hints_passer(build, hidden),
        outlet_of(build),
        paces=paces(build),
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


def request_maker(build: Build, own: ProxySettings) -> Callable[[Exchange, Destination], Request]:
    """What makes the requests that a location sends to its upstream."""
    is_http_1_1 = own.proxy_http_version == "1.1"
    make_lines = lines_of(build, own.proxy_set_header, own.proxy_pass_request_headers, is_http_1_1)
    method = build.template(own.proxy_method).render if own.proxy_method is not None else None
    version = wire(own.proxy_http_version)
    timeouts = Timeouts(own.proxy_connect_timeout, own.proxy_send_timeout, own.proxy_read_timeout)
    tls = tls_of(build)
    local_address = local_address_of(build)
    head_limit = build.settings(ProxyBufferingSettings).proxy_buffer_size

    def make(exchange: Exchange, destination: Destination) -> Request:
        exchange.proxy_host, exchange.proxy_port = destination.host_header, destination.port
        lines = make_lines(exchange)
        return Request(
            destination.group.primaries[0].address,
            wire(method(exchange) if method is not None else exchange.method),
            destination.target_of(exchange),
            lines.fields,
            version=version,
            tls=tls(exchange) if destination.is_tls else None,
            timeouts=timeouts,
            keepalive=destination.keepalive,
            head_limit=head_limit,
            local_address=local_address(exchange) if local_address is not None else None,
            lines=lines.encoded,
        )

    return make


MODULE = Module(
    "proxy",
    settings=(
        ProxySettings,
        ProxyBufferingSettings,
        ProxyCookieSettings,
        ProxyBindSettings,
        ProxySslSettings,
        ClientBodySettings,
    ),
    variables=VARIABLES,
    handlers={Phase.CONTENT: make_handler},
)
