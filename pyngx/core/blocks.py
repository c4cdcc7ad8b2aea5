"""The blocks of a configuration, and what the pipeline itself is told: the frame of ngx_http_core_module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, flag, nothing, of_words, size, text_of
from pyngx.config.declare import NEVER, Opened, block, directive, repeated
from pyngx.config.diagnostics import ConfigError, did_you_mean
from pyngx.core.listen import Listen, listen
from pyngx.core.locations import Pattern, pattern
from pyngx.core.servers import ServerName, check_name

if TYPE_CHECKING:
    from pyngx.config.syntax import Node, Word

EVERYWHERE = "http server location"
METHODS = (
    *("GET", "HEAD", "POST", "PUT", "DELETE", "MKCOL", "COPY", "MOVE", "OPTIONS", "PROPFIND", "PROPPATCH"),
    *("LOCK", "UNLOCK", "PATCH"),
)
"""Those that nginx has names for; no other can be let through by name."""


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """One `error_page`: what answers instead of bare statuses; `overwrite` is None, or 0 for the page's own status."""

    codes: tuple[int, ...]
    uri: Text
    overwrite: int | None = None


def _error_page(node: Node) -> ErrorPage:
    *coded, uri = node.args
    overwrite: int | None = None
    if coded[-1].text.startswith("="):
        last = coded.pop()
        overwrite = _code(last, last.text[1:], 200) if last.text != "=" else 0
    if not coded:
        raise ConfigError('no status code in "error_page"', node.span, help="error_page 404 =200 /empty.gif;")
    return ErrorPage(tuple(_code(word, word.text, 300) for word in coded), text_of(uri), overwrite)


def _code(word: Word, text: str, minimum: int) -> int:
    if not text.isdigit():
        raise ConfigError(f'invalid value "{word.text}"', word.span, help="a status is a number")
    code = int(text)
    if not minimum <= code <= 599 or code == 499:
        raise ConfigError(f'value "{word.text}" must be between {minimum} and 599', word.span)
    return code


def _server_names(node: Node) -> tuple[ServerName, ...]:
    names = tuple(ServerName(word.text, word.span) for word in node.args)
    for name in names:
        check_name(name)
    return names


def _method(word: Word) -> str:
    method = word.text.upper()
    if method not in METHODS:
        raise ConfigError(f'invalid method "{word.text}"', word.span, did_you_mean(method, METHODS))
    return method


error_page = Argument("code ... [=[response]] uri", _error_page, 2, None)
server_names = Argument("name ...", _server_names, 1, None)


@dataclass(frozen=True, slots=True)
class MainBlocks:
    """What stands outermost."""

    events: Opened[bool] | None = block(nothing, "main", opens="events", doc="how connections are handled")
    http: Opened[bool] | None = block(nothing, "main", opens="http", doc="all HTTP servers")


@dataclass(frozen=True, slots=True)
class HttpBlocks:
    """What stands in `http`."""

    server: tuple[Opened[bool], ...] = repeated(nothing, "http", opens="server", inherits=NEVER, doc="a virtual server")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How a server is found."""

    listen: tuple[Listen, ...] = repeated(listen, "server", inherits=NEVER, doc="an address that the server listens on")
    server_name: tuple[tuple[ServerName, ...], ...] = repeated(
        server_names, "server", inherits=NEVER, doc="the server's names: exact, *.x, x.*, .x or ~regex"
    )
    merge_slashes: bool = directive(
        flag, "http server", default=True, doc="whether several slashes in a row count as one in a URI"
    )


@dataclass(frozen=True, slots=True)
class LocationBlocks:
    """What stands in servers and locations."""

    location: tuple[Opened[Pattern], ...] = repeated(
        pattern, "server location", opens="location", inherits=NEVER, doc="a configuration for a part of the URIs"
    )
    limit_except: Opened[tuple[str, ...]] | None = block(
        of_words("method ...", _method),
        "location",
        opens="limit_except",
        doc="a configuration for all but the named methods",
    )


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """What the pipeline asks of a location."""

    internal: bool = directive(nothing, "location", default=False, doc="only for internal redirects")
    client_max_body_size: int = directive(
        size, EVERYWHERE, default=1 << 20, shown="1m", doc="bytes a request's body may have; 0 for any number"
    )
    error_page: tuple[ErrorPage, ...] = repeated(
        error_page, f"{EVERYWHERE} location-if", doc="what answers instead of a bare status"
    )
    recursive_error_pages: bool = directive(
        flag, EVERYWHERE, default=False, doc="whether an error page's own error may have an error page"
    )
    absolute_redirect: bool = directive(
        flag, EVERYWHERE, default=True, doc="whether redirects get the scheme and the host in front"
    )
    server_name_in_redirect: bool = directive(
        flag, EVERYWHERE, default=False, doc="whether redirects name the server by its first server_name"
    )
    port_in_redirect: bool = directive(flag, EVERYWHERE, default=True, doc="whether redirects name the port")
    server_tokens: str = directive(
        Argument("on | off | build | string", lambda node: node.args[0].text, 1, 1),
        EVERYWHERE,
        default="on",
        doc="what the Server field and the built-in pages say",
    )
    msie_padding: bool = directive(
        flag, EVERYWHERE, default=True, doc="whether built-in error pages are made long enough for old browsers"
    )
    msie_refresh: bool = directive(
        flag, EVERYWHERE, default=False, doc="whether Internet Explorer gets a page that refreshes, not a redirect"
    )
    log_subrequest: bool = directive(
        flag, EVERYWHERE, default=False, doc="whether subrequests are written to the access log"
    )
    subrequest_output_buffer_size: int = directive(
        size, EVERYWHERE, default=4096, shown="4k", doc="bytes that a subrequest's body may have that is kept in memory"
    )


SETTINGS = (MainBlocks, HttpBlocks, ServerSettings, LocationBlocks, PipelineSettings)
