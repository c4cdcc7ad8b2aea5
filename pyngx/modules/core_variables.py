"""The variables of ngx_http_core_module and of the request line, host and connection."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyngx.core.exchange import NO_VERSION
from pyngx.core.subrequest import main_of
from pyngx.core.variables import Getter, Prefix, Variable
from pyngx.http.args import argument_finder
from pyngx.http.basic import read_basic
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
    read = request_field(rest.replace("_", "-"))
    if "_" not in rest:
        return read
    wanted = wire(rest)

    def read_any(exchange: Exchange) -> str | None:
        rules = exchange.server.field_rules
        if (value := read(exchange)) is not None or not (rules.underscores or not rules.ignores_invalid):
            return value
        values = [value for name, value in exchange.headers if name.lower().replace(b"-", b"_") == wanted]
        return text(b", ".join(values)) if values else None

    return read_any


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


def _request_port(exchange: Exchange) -> str:
    return str(exchange.port) if exchange.port else ""


def _set_args(exchange: Exchange, value: str) -> None:
    exchange.args = value
    exchange.valid_target = False


def request_id(exchange: Exchange) -> str:
    """The request's name: the one it came with, where `request_id_header` asks for that, or one made now."""
    found = exchange.values.get("request_id")
    if found is None:
        found = exchange.values["request_id"] = _named_by_client(exchange) or next(
            exchange.generation.runtime.request_ids
        )
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


def _realpath_root(exchange: Exchange) -> str | None:
    try:
        return os.path.realpath(exchange.location.document_root(exchange), strict=True)
    except (OSError, ValueError) as error:
        exchange.log("crit", "realpath_failed", f"realpath() failed: {error}")
        return None


def _request_filename(exchange: Exchange) -> str:
    return exchange.location.path_of(exchange, exchange.uri)


def _content_length(exchange: Exchange) -> str | None:
    value = exchange.headers.get(b"content-length")
    if value is not None:
        return text(value)
    return str(exchange.body.received) if exchange.body.expected and exchange.body.complete else None


def _request_body(exchange: Exchange) -> str | None:
    body = exchange.kept_body
    return text(body.in_memory()) or None if body is not None and body.file_name is None else None


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
    credentials = read_basic(exchange.headers.get(b"authorization") or b"")
    return text(credentials[0]) if credentials is not None else None


VARIABLES: tuple[Variable | Prefix, ...] = (
    Variable(
        "args",
        lambda exchange: exchange.args or None,
        _set_args,
        doc="the query of the request, without its question mark; may be set",
    ),
    Variable("query_string", lambda exchange: exchange.args or None, doc="the same as $args"),
    Variable("is_args", lambda exchange: "?" if exchange.args else "", doc="`?` if there is a query, else empty"),
    Variable(
        "uri",
        lambda exchange: exchange.uri,
        doc="the path in force: decoded, normalised, changed by rewrites; without the query",
    ),
    Variable("document_uri", lambda exchange: exchange.uri, doc="the same as $uri"),
    Variable("request_uri", lambda exchange: exchange.target or None, doc="path and query as the client sent them"),
    Variable("request", lambda exchange: exchange.request_line, doc="the request line as the client sent it"),
    Variable(
        "request_method",
        lambda exchange: main_of(exchange).method,
        doc="GET, POST and so on; in a subrequest still the client's",
    ),
    Variable(
        "request_id", request_id, doc="the request's name: 32 hexadecimal digits, or what request_id_header takes over"
    ),
    Variable(
        "request_length",
        lambda exchange: str(exchange.request_length + exchange.body.received),
        doc="bytes of the request: line, fields and body",
    ),
    Variable(
        "request_completion",
        lambda exchange: "OK" if exchange.complete else "",
        doc="`OK` if the response was sent whole, else empty",
    ),
    Variable("request_filename", _request_filename, doc="the path of the file that $uri stands for, by root or alias"),
    Variable(
        "request_body",
        _request_body,
        doc="the request's body, where it was read before the upstream was asked and is held in memory",
    ),
    Variable(
        "request_body_file", _request_body_file, doc="the file that holds the body, where it was too large for memory"
    ),
    Variable("request_time", _request_time, doc="seconds since the first byte of the request, with milliseconds"),
    Variable("document_root", _document_root, doc="the root or alias in force"),
    Variable("realpath_root", _realpath_root, doc="the same without symbolic links"),
    Variable("host", _host, doc="the name that was asked for, in lower case and without port; else the server's name"),
    Variable("request_port", _request_port, doc="the port that was named beside the host"),
    Variable("is_request_port", lambda exchange: ":" if exchange.port else "", doc="`:` if there was one, else empty"),
    Variable("hostname", lambda _: HOSTNAME, doc="the name of this machine"),
    Variable("server_name", lambda exchange: exchange.server.name, doc="the first name of the server that answers"),
    Variable("server_addr", lambda exchange: exchange.connection.local_addr, doc="the address that took the request"),
    Variable(
        "server_port", lambda exchange: str(exchange.connection.local_port or ""), doc="the port that took the request"
    ),
    Variable(
        "server_protocol",
        lambda exchange: f"HTTP/{exchange.version}" if exchange.version not in NO_VERSION else None,
        doc="HTTP/1.0 or HTTP/1.1",
    ),
    Variable("scheme", lambda exchange: exchange.connection.scheme, doc="http or https"),
    Variable(
        "https", lambda exchange: "on" if exchange.connection.scheme == "https" else "", doc="`on` over TLS, else empty"
    ),
    Variable(
        "remote_addr",
        lambda exchange: exchange.connection.remote_addr,
        doc="the client's address; `unix:` over a Unix socket",
    ),
    Variable("remote_port", _remote_port, doc="the client's port"),
    Variable("remote_user", _remote_user, doc="the user name of Basic authentication"),
    Variable("binary_remote_addr", _binary_remote_addr, doc="the client's address in 4 or 16 bytes"),
    Variable("content_type", request_field("content-type"), doc="the request's Content-Type"),
    Variable("content_length", _content_length, doc="the request's Content-Length"),
    Variable("connection", lambda exchange: str(exchange.connection.serial), doc="the connection's number"),
    Variable(
        "connection_requests",
        lambda exchange: str(exchange.connection.requests),
        doc="how many requests the connection had so far",
    ),
    Variable(
        "connection_time",
        lambda exchange: f"{time.monotonic() - exchange.connection.opened:.3f}",
        doc="seconds since the connection began, with milliseconds",
    ),
    Variable(
        "body_bytes_sent",
        lambda exchange: str(exchange.body_bytes_sent),
        doc="bytes of the response's body that were sent",
    ),
    Variable(
        "bytes_sent", lambda exchange: str(exchange.client.bytes_sent), doc="bytes of the response that were sent"
    ),
    Variable("status", _status, doc="the response's status, three digits"),
    Variable("msec", _now("{:.3f}".format), doc="now, in seconds since 1970, with milliseconds"),
    Variable("time_local", _now(format_local), doc="now, as in `02/Jan/2026:15:04:05 +0100`"),
    Variable("time_iso8601", _now(format_iso8601), doc="now, as in `2026-01-02T15:04:05+01:00`"),
    Variable("pid", lambda _: str(os.getpid()), doc="the number of the process"),
    Variable("pipe", lambda exchange: "p" if exchange.pipelined else ".", doc="`p` for a pipelined request, else `.`"),
    Variable("nginx_version", lambda _: NGINX_VERSION, doc="the version of nginx that pyngx is like"),
    *(Variable(f"http_{name}", _http(name)) for name in REQUEST_FIELDS),
    *(Variable(f"sent_http_{name}", _sent_http(name)) for name in RESPONSE_FIELDS),
    Prefix("arg_", _arg, doc="a parameter of the query"),
    Prefix("http_", _http, doc="a field of the request; dashes are underscores"),
    Prefix("sent_http_", _sent_http, doc="a field of the response"),
    Prefix("sent_trailer_", _sent_trailer, doc="a field of the response's trailer"),
    Prefix("cookie_", _cookie, doc="a cookie of the request"),
)
