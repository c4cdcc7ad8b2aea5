"""One line of JSON for each request: the format of an access log that names none, unless `log_style nginx` is set.

The fields are those of `Line`, in its order; what has a default there is left out where it would say nothing. Times are
seconds, sizes bytes. Cookies, credentials and bodies are never in it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from pyngx.http.codec import text, wire
from pyngx.http.dates import PerSecond, format_iso8601
from pyngx.modules.core_variables import request_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyngx.core.exchange import Exchange
    from pyngx.core.records import Try


class UpstreamLine(msgspec.Struct, omit_defaults=True, gc=False):
    """One attempt to get an answer from an upstream; times count from the attempt's start."""

    address: str
    status: int | None = None
    connect_time: float | None = None
    header_time: float | None = None
    response_time: float | None = None
    bytes_received: int = 0
    bytes_sent: int = 0


class WebSocketLine(msgspec.Struct, gc=False):
    """What went over a WebSocket: received from the client, sent to it."""

    messages_received: int
    bytes_received: int
    messages_sent: int
    bytes_sent: int


class Line(msgspec.Struct, omit_defaults=True, gc=False):
    """The schema of the line."""

    time: str  # when the response ended: ISO 8601, local time, milliseconds
    level: str
    event: str
    request_id: str
    connection: int
    client: str  # address
    method: str
    host: str  # in lower case, without port
    uri: str  # as the client sent it, with arguments
    protocol: str
    status: int  # 499: the client left before there was one
    bytes: int  # of the body, as sent
    bytes_sent: int
    request_length: int
    request_time: float  # from the first byte of the request to the end of the response
    server: str  # the server's first name
    location: str  # as it is written in the configuration
    referer: str = ""
    user_agent: str = ""
    broken: bool = False  # the response could not be completed
    subrequest: str = ""  # of a subrequest: its own URI, decoded; `uri` is the client's
    upstream: list[UpstreamLine] | None = None
    websocket: WebSocketLine | None = None


def json_line() -> Callable[[Exchange], bytes]:
    """What makes the line of an exchange: 2.4 us, 3.6 us with one upstream try; 0.4 us more where it makes the id."""
    second = PerSecond(format_iso8601)
    encode = msgspec.json.Encoder().encode
    clock = time.time

    def make(exchange: Exchange) -> bytes:
        now = clock()
        date = second.at(now)
        line = _line(exchange, f"{date[:19]}.{int(now * 1000) % 1000:03}{date[19:]}")
        try:
            return encode(line) + b"\n"
        except UnicodeEncodeError:  # seldom: bytes of the request that are not UTF-8
            return encode(_readable(line)) + b"\n"

    return make


def _line(exchange: Exchange, date: str) -> Line:
    headers = exchange.headers
    referer, user_agent = headers.get(b"referer"), headers.get(b"user-agent")
    return Line(
        date,
        "info",
        "request",
        request_id(exchange),
        exchange.connection.serial,
        exchange.connection.remote_addr,
        exchange.original_method,
        exchange.host,
        exchange.target,
        "HTTP/" + exchange.version,
        exchange.status,
        exchange.body_bytes_sent,
        exchange.client.bytes_sent,
        exchange.request_length + exchange.body.received,
        int((time.monotonic() - exchange.started) * 1000) / 1000,
        exchange.server.name,
        exchange.location.name,
        text(referer) if referer else "",
        text(user_agent) if user_agent else "",
        exchange.broken,
        exchange.uri if exchange.parent is not None else "",
        list(map(_upstream, exchange.tries)) if exchange.tries else None,
        _websocket(exchange) if exchange.messages is not None else None,
    )


def _upstream(attempt: Try) -> UpstreamLine:
    return UpstreamLine(
        attempt.addr,
        attempt.status,
        _milliseconds(attempt.connect_time),
        _milliseconds(attempt.header_time),
        _milliseconds(attempt.response_time),
        attempt.bytes_received,
        attempt.bytes_sent,
    )


def _milliseconds(seconds: float | None) -> float | None:
    return int(seconds * 1000 + 0.5) / 1000 if seconds is not None else None


def _websocket(exchange: Exchange) -> WebSocketLine:
    messages = exchange.messages
    assert messages is not None
    return WebSocketLine(messages.received, messages.bytes_received, messages.sent, messages.bytes_sent)


def _readable(line: Line) -> Line:
    """The same with `\\xHH` for bytes that are not UTF-8."""
    values = {
        name: wire(value).decode("utf-8", "backslashreplace")
        for name, value in msgspec.structs.asdict(line).items()
        if isinstance(value, str)
    }
    return msgspec.structs.replace(line, **values)
