"""The two borders of the core: the client that asked, and the upstream that is asked.

Both are callback interfaces in the manner of asyncio's transports and protocols: whoever has bytes calls, nobody
waits. `Client` and `Call` are implemented by servers and transports; `Exchange` is what a server calls back,
`CallHandler` what a transport calls back. Implementations report each failure once, and never call after the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

import msgspec

from pyngx.core.address import show_address

if TYPE_CHECKING:
    import asyncio

    from OpenSSL import SSL

    from pyngx.http.headers import Headers

Fields = Sequence[tuple[bytes, bytes]]


class Source(Protocol):
    """Whatever bytes come from, as far as flow control is concerned."""

    def pause_reading(self) -> None:
        """Stop calling with data until `resume_reading`."""

    def resume_reading(self) -> None:
        """Go on."""


class Client(Source, Protocol):
    """The client's side of one exchange: what the core says to it.

    None of the calls waits, and none raises because the client has left. When more is written than the client takes,
    the implementation calls `Exchange.pause_writing`, and `resume_writing` when it has caught up. Reading of the
    request's body begins paused.
    """

    def send_informational(self, status: int, fields: Fields) -> None:
        """Send a 1xx response, where the protocol and the server can."""

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None:
        """Send the final response's head. Framing is the implementation's: by Content-Length if the fields have it."""

    def send_body(self, data: bytes) -> None:
        """Send a part of the body."""

    def flush(self) -> None:
        """Hold nothing back, a head that waits for its body neither: there is no more for now."""

    def finish(self, trailers: Fields = ()) -> None:
        """End the response, and with it the exchange."""

    def abort(self) -> None:
        """End the exchange so that what was sent can't pass for a whole response."""

    @property
    def bytes_sent(self) -> int:
        """Bytes written for this exchange, as far as the server can tell."""

    def websocket(self) -> WebSocketClient | None:
        """The message interface of a WebSocket handshake, where this server offers messages rather than a tunnel."""

    def open_tunnel(self, receiver: TunnelReceiver) -> asyncio.Transport:
        """Give the connection away after a 101; only where `Exchange.can_tunnel` says so."""


class TunnelReceiver(Protocol):
    """Who takes what one end of a tunnel says: the connection is given away, and its bytes mean nothing to us."""

    def data_received(self, data: bytes) -> None:
        """Bytes of this end."""

    def connection_lost(self, error: Exception | None) -> None:
        """This end is gone, or says no more."""

    def pause_writing(self) -> None:
        """This end takes less than is written."""

    def resume_writing(self) -> None:
        """It has caught up."""


class TunnelEnd(Protocol):
    """A connection that was given away; whoever has it sets `tunnel`."""

    transport: asyncio.Transport
    tunnel: TunnelReceiver | None


class WebSocketClient(Protocol):
    """A WebSocket handshake that waits for its answer, and then the connection, message by message.

    A handshake that isn't accepted is answered by `Client.send_head` and what follows it.
    After a close, `Client.finish` ends the exchange.
    """

    @property
    def subprotocols(self) -> Sequence[str]:
        """What the client offers, in its order."""

    @property
    def is_open(self) -> bool:
        """Whether what is sent may still be heard."""

    async def accept(self, subprotocol: str | None, fields: Fields) -> None:
        """Answer 101."""

    async def receive(self) -> str | bytes | Closed:
        """The next message; text is `str`. Gives `Closed` after `close` too, and when the client vanished (1006)."""

    async def send(self, message: str | bytes) -> None:
        """Send one message, and wait while the client is slow."""

    async def close(self, closed: Closed) -> None:
        """Close with a code and a reason."""


@dataclass(frozen=True, slots=True)
class Closed:
    """How one side ended a WebSocket (RFC 6455 7.1)."""

    code: int = 1005
    reason: str = ""


class Failure(Enum):
    """What went wrong with an upstream, by nginx's names in `proxy_next_upstream`."""

    CONNECT = "connect"  # nothing was sent: always safe to try elsewhere
    ERROR = "error"
    TIMEOUT = "timeout"
    INVALID_HEADER = "invalid_header"
    TRUNCATED = "truncated"  # the head was delivered, the body broke off


class UpstreamError(Exception):
    """A call to a peer that failed, and how."""

    def __init__(
        self, failure: Failure, message: str, *, sent: bool = True, timed_out: bool = False, kept: bool = False
    ) -> None:
        super().__init__(message)
        self.failure = failure
        self.sent = sent  # whether the request may have reached the peer
        self.timed_out = timed_out
        self.kept = kept  # on a connection kept from an earlier call, which the peer may have closed meanwhile


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds a transport waits: to connect, between two writes, between two reads (ngx_http_proxy_module)."""

    connect: float = 60.0
    send: float = 60.0
    read: float = 60.0


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """How long idle connections to a group's peers are kept (ngx_http_upstream_keepalive_module)."""

    connections: int = 32  # idle ones to all peers of the group; 0 keeps none
    requests: int = 1000
    time: float = 3600.0
    timeout: float = 60.0
    group: str = ""  # whose connections they are: groups don't share them


@dataclass(frozen=True, slots=True)
class Tls:
    """How a TLS connection to an upstream is opened."""

    context: SSL.Context
    server_name: str | None = None  # sent as SNI
    verified_name: str | None = None  # whose certificate it must be; None: it isn't verified
    sessions: dict[object, SSL.Session] | None = None  # to be resumed; None: none are kept


@dataclass(frozen=True, slots=True)
class Address:
    """Where a peer listens: a host and port, or the path of a unix socket."""

    host: str
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        return show_address(self.host, self.port, self.path)


class Request(msgspec.Struct):
    """What is sent to an upstream: the head as bytes, the framing of the body, and how to get there."""

    address: Address
    method: bytes
    target: bytes
    fields: list[tuple[bytes, bytes]]  # Host and all else, but neither Content-Length nor Transfer-Encoding
    body_length: int | None = 0  # None: unknown, chunked
    version: bytes = b"1.1"
    tls: Tls | None = None
    timeouts: Timeouts = Timeouts()
    keepalive: KeepAlive = KeepAlive()
    upgrade: bool = False  # whether a 101 is welcome: the connection becomes a tunnel
    head_limit: int = 128 * 1024  # bytes that the response's head may have
    local_address: Address | None = None  # where to connect from; None: the system chooses
    lines: bytes = b""  # `fields` as they are sent, where that is known already; who changes them forgets it


class CallHandler(Source, Protocol):
    """What a transport tells of one call.

    `pause_reading` asks for no more of the request's body until `resume_reading`.
    """

    def connected(self) -> None:
        """A connection is there, new or kept."""

    def informational_received(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        """A 1xx response other than 101."""

    def head_received(self, status: int, reason: bytes, headers: Headers) -> None:
        """The final response's head."""

    def switched(self, reason: bytes, headers: Headers, end: TunnelEnd, rest: bytes) -> None:
        """The peer answered 101: the connection is the handler's, and `rest` came behind the head."""

    def body_received(self, data: bytes) -> None:
        """A part of the response's body, without its framing."""

    def flush(self) -> None:
        """All that has arrived was passed on; more comes later."""

    def response_received(self, status: int, reason: bytes, headers: Headers, body: bytes) -> None:
        """All of a response at once, instead of the four above and below."""

    def response_ended(self, trailers: list[tuple[bytes, bytes]]) -> None:
        """The response is whole."""

    def call_failed(self, error: UpstreamError) -> None:
        """The call is over without a whole response."""


class Call(Source, Protocol):
    """One request under way. `pause_reading` stops the response until `resume_reading`."""

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection already, as a kept one is at once; `connected` isn't called then."""

    def send_body(self, data: bytes) -> None:
        """Send a part of the request's body."""

    def end_body(self, trailers: Fields = ()) -> None:
        """The request's body is whole."""

    def cancel(self) -> None:
        """Give the call up; nothing is reported any more, and its connection is closed."""

    @property
    def bytes_sent(self) -> int:
        """Bytes written for this call, as far as the transport can tell."""

    @property
    def bytes_received(self) -> int:
        """Bytes read for this call, as far as the transport can tell."""


class WebSocketPeer(Protocol):
    """An open WebSocket to an upstream, message by message."""

    @property
    def subprotocol(self) -> str | None:
        """What the upstream chose."""

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """The fields of its 101."""

    @property
    def bytes_sent(self) -> int:
        """Bytes written, the handshake's among them."""

    @property
    def bytes_received(self) -> int:
        """Bytes read, the handshake's among them."""

    async def receive(self) -> str | bytes | Closed:
        """The next message; text is `str`."""

    async def send(self, message: str | bytes) -> None:
        """Send one message, and wait while the upstream is slow."""

    async def close(self, closed: Closed) -> None:
        """Close with a code and a reason."""


@dataclass(frozen=True, slots=True)
class HandshakeRefused:
    """An upstream's answer to a WebSocket handshake that is not 101."""

    status: int
    reason: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes
    bytes_sent: int = 0  # over the wire
    bytes_received: int = 0


class Transport(Protocol):
    """A way to reach upstreams, with its pool of connections."""

    def start(self, request: Request, handler: CallHandler) -> Call:
        """Begin a call. Nothing is called back before this returns, `connected` neither if `is_connected` by then."""

    async def open_websocket(self, request: Request, subprotocols: Sequence[str]) -> WebSocketPeer | HandshakeRefused:
        """Shake hands for a WebSocket, never following redirects; raises UpstreamError."""

    async def close(self) -> None:
        """Close all idle connections."""
