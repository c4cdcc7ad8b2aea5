"""The variables of ngx_http_core_module and of the request line, host and connection."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyngx.core.variables import Getter, Prefix, Variable
from pyngx.http.args import argument_finder
from pyngx.http.codec import text, wire
from pyngx.http.cookies import cookie_finder
from pyngx.http.dates import format_http_date, format_iso8601, format_local
from pyngx.version import NGINX_VERSION

if TYPE_CHECKING:
    from pyngx.core.answers import Response
    from pyngx.core.exchange import Exchange

HOSTNAME = socket.gethostname()
# fields that have variables of their own in nginx: others may be the target of `set` and `map`, these may not
REQUEST_FIELDS = ("host", "user_agent", "referer", "via", "x_forwarded_for", "cookie")
RESPONSE_FIELDS = (
    "content_type",
    "content_length",
    "location",
    "last_modified",
    "connection",
    "keep_alive",
    "transfer_encoding",
    "cache_control",
    "link",
)
# What a client may name a request by, where it is asked to: nothing that could confuse a log or a header.
REQUEST_ID = re.compile(rb"[A-Za-z0-9._~:=+/@-]{1,128}")


def request_field(name: str) -> Getter:
    """A field of the request by its name in lower case."""
    field = wire(name)

    def read(exchange: Exchange) -> str | None:
        value = exchange.headers.joined(field)
        return text(value) if value is not None else None

    return read


def _http(rest: str) -> Getter:
    return request_field(rest.replace("_", "-"))


def _sent_http(rest: str) -> Getter:
    name = wire(rest.replace("_", "-"))

    def read(exchange: Exchange) -> str | None:
        if (response := exchange.response) is None:
            return None
        if name == b"content-length":
            return str(response.length) if response.length is not None else None
        if name == b"location" and response.location:
            return response.location
        value = response.headers.joined(name)
        if value is None and (made := _MADE_FIELDS.get(name)) is not None:
            value = made(response)
        return text(value) if value is not None else None

    return read


def _made_last_modified(response: Response) -> bytes | None:
    return format_http_date(response.last_modified) if response.last_modified is not None else None


# response fields that the last filter makes of what the response is known by
_MADE_FIELDS: dict[bytes, Callable[[Response], bytes | None]] = {
    b"etag": lambda response: response.etag,
    b"last-modified": _made_last_modified,
}


def _sent_trailer(rest: str) -> Getter:
    name = wire(rest.replace("_", "-"))

    def read(exchange: Exchange) -> str | None:
        found = [value for field, value in exchange.trailers if field.lower() == name]
        return text(b", ".join(found)) if found else None

    return read


def _cookie(rest: str) -> Getter:
    find = cookie_finder(wire(rest))

    def read(exchange: Exchange) -> str | None:
        value = find(exchange.headers.all(b"cookie"))
        return text(value) if value is not None else None

    return read


def _arg(rest: str) -> Getter:
    find = argument_finder(rest)
    return lambda exchange: find(exchange.args)


def _host(exchange: Exchange) -> str:
    return exchange.host or exchange.server.name


def _set_args(exchange: Exchange, value: str) -> None:
    exchange.args = value
    exchange.valid_target = False


def request_id(exchange: Exchange) -> str:
    """The request's name: the one it came with, where `request_id_header` asks for that, or one made now."""
    found = exchange.values.get("request_id")
    if found is None:
        found = exchange.values["request_id"] = _named_by_client(exchange) or os.urandom(16).hex()
    return found


def _named_by_client(exchange: Exchange) -> str | None:
    field = exchange.location.request_id_header
    value = exchange.headers.get(field) if field else None
    return text(value) if value is not None and REQUEST_ID.fullmatch(value) else None


def _binary_remote_addr(exchange: Exchange) -> str:
    address = exchange.connection.remote_addr
    if address == "unix:":
        return ""
    return text(socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address))


def _remote_port(exchange: Exchange) -> str:
    port = exchange.connection.remote_port
    return str(port) if port else ""


def _document_root(exchange: Exchange) -> str:
    return exchange.location.document_root(exchange)


def _realpath_root(exchange: Exchange) -> str:
    return os.path.realpath(exchange.location.document_root(exchange))


def _request_filename(exchange: Exchange) -> str:
    return exchange.location.path_of(exchange, exchange.uri)


def _content_length(exchange: Exchange) -> str | None:
    value = exchange.headers.get(b"content-length")
    if value is not None:
        return text(value)
    return str(exchange.body.received) if exchange.body.expected and exchange.body.complete else None


def _request_body(exchange: Exchange) -> str | None:
    body = exchange.kept_body
    return text(body.in_memory()) if body is not None and body.file_name is None else None


def _request_body_file(exchange: Exchange) -> str | None:
    body = exchange.kept_body
    return body.file_name if body is not None else None


def _request_time(exchange: Exchange) -> str:
    return f"{time.monotonic() - exchange.started:.3f}"


def _status(exchange: Exchange) -> str:
    return f"{exchange.status:03}"


def _now(form: Callable[[float], str]) -> Getter:
    return lambda _: form(time.time())


def _remote_user(exchange: Exchange) -> str | None:
    return exchange.remote_user or None


VARIABLES: tuple[Variable | Prefix, ...] = (
    Variable("args", lambda exchange: exchange.args or None, _set_args),
    Variable("query_string", lambda exchange: exchange.args or None),
    Variable("is_args", lambda exchange: "?" if exchange.args else ""),
    Variable("uri", lambda exchange: exchange.uri),
    Variable("document_uri", lambda exchange: exchange.uri),
    Variable("request_uri", lambda exchange: exchange.target or None),
    Variable("request", lambda exchange: exchange.request_line),
    Variable("request_method", lambda exchange: exchange.method),
    Variable("request_id", request_id),
    Variable("request_length", lambda exchange: str(exchange.request_length + exchange.body.received)),
    Variable("request_completion", lambda exchange: "OK" if exchange.complete else ""),
    Variable("request_filename", _request_filename),
    Variable("request_body", _request_body),
    Variable("request_body_file", _request_body_file),
    Variable("request_time", _request_time),
    Variable("document_root", _document_root),
    Variable("realpath_root", _realpath_root),
    Variable("host", _host),
    Variable("hostname", lambda _: HOSTNAME),
    Variable("server_name", lambda exchange: exchange.server.name),
    Variable("server_addr", lambda exchange: exchange.connection.local_addr),
    Variable("server_port", lambda exchange: str(exchange.connection.local_port or "")),
    Variable("server_protocol", lambda exchange: f"HTTP/{exchange.version}"),
    Variable("scheme", lambda exchange: exchange.connection.scheme),
    Variable("https", lambda exchange: "on" if exchange.connection.scheme == "https" else ""),
    Variable("remote_addr", lambda exchange: exchange.connection.remote_addr),
    Variable("remote_port", _remote_port),
    Variable("remote_user", _remote_user),
    Variable("binary_remote_addr", _binary_remote_addr),
    Variable("content_type", request_field("content-type")),
    Variable("content_length", _content_length),
    Variable("connection", lambda exchange: str(exchange.connection.serial)),
    Variable("connection_requests", lambda exchange: str(exchange.connection.requests)),
    Variable("connection_time", lambda exchange: f"{time.monotonic() - exchange.connection.opened:.3f}"),
    Variable("body_bytes_sent", lambda exchange: str(exchange.body_bytes_sent)),
    Variable("bytes_sent", lambda exchange: str(exchange.client.bytes_sent)),
    Variable("status", _status),
    Variable("msec", _now("{:.3f}".format)),
    Variable("time_local", _now(format_local)),
    Variable("time_iso8601", _now(format_iso8601)),
    Variable("pid", lambda _: str(os.getpid())),
    Variable("pipe", lambda _: "."),
    Variable("nginx_version", lambda _: NGINX_VERSION),
    *(Variable(f"http_{name}", _http(name)) for name in REQUEST_FIELDS),
    *(Variable(f"sent_http_{name}", _sent_http(name)) for name in RESPONSE_FIELDS),
    Prefix("arg_", _arg),
    Prefix("http_", _http),
    Prefix("sent_http_", _sent_http),
    Prefix("sent_trailer_", _sent_trailer),
    Prefix("cookie_", _cookie),
)
