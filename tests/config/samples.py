"""Settings classes that the tests of the language use in place of the real modules'."""

from __future__ import annotations

from dataclasses import dataclass

from pyngx.config.arguments import (
    Argument,
    Text,
    bare,
    bits,
    choice,
    flag,
    number,
    off_or,
    parameters,
    parse_number,
    parse_seconds,
    seconds,
    size,
    text,
    text_of,
    texts,
    word,
    words,
)
from pyngx.config.arguments import nothing as empty
from pyngx.config.declare import APPEND, INTO_NAMELESS, NEVER, Opened, block, directive, either, mixed, of, repeated
from pyngx.config.syntax import Node

HSL = "http server location"


@dataclass(frozen=True, slots=True)
class Header:
    name: str
    value: Text


@dataclass(frozen=True, slots=True)
class Rule:
    allows: bool
    address: str


@dataclass(frozen=True, slots=True)
class Document:
    path: str
    is_alias: bool = False


@dataclass(frozen=True, slots=True)
class Peer:
    address: str
    weight: float = 1
    is_down: bool = False


def parse_header(node: Node) -> Header:
    return Header(node.args[0].text, text_of(node.args[1]))


def parse_peer(node: Node) -> Peer:
    given = parameters(node.args[1:], {"weight": parse_number, "fail_timeout": parse_seconds}, bare=("down", "backup"))
    return Peer(node.args[0].text, given.get("weight", 1), "down" in given)


def parse_types(node: Node) -> tuple[tuple[str, str], ...]:
    return tuple((ext.text, entry.name.text) for entry in node.block or () for ext in entry.args)


header = Argument("name value", parse_header, 2, 2)
types_table = Argument("", parse_types, 0, 0, table=True)


@dataclass(frozen=True, slots=True)
class MainSettings:
    """What the process is told."""

    user: str = directive(word, "main", default="nobody", doc="user that workers run as")
    worker_processes: int = directive(number(1, 512), "main", default=1, doc="how many workers")
    events: Opened[None] | None = block(bare, "main", opens="events", doc="settings of connections")
    http: Opened[None] | None = block(bare, "main", opens="http", doc="settings of HTTP")


@dataclass(frozen=True, slots=True)
class EventSettings:
    """What connections are told."""

    worker_connections: int = directive(number(1), "events", default=512, doc="connections a worker may hold")


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Servers, locations and groups."""

    servers: tuple[Opened[None], ...] = repeated(bare, "http", name="server", opens="server", doc="a virtual server")
    upstreams: tuple[Opened[str], ...] = repeated(
        word.called("name"), "http", name="upstream", opens="upstream", doc="a group of peers"
    )
    locations: tuple[Opened[tuple[str, ...]], ...] = repeated(
        Argument("[ = | ~ | ~* | ^~ ] uri", lambda node: tuple(map(str, node.args)), 1, 2),
        "server location",
        name="location",
        opens="location",
        doc="settings by URI",
    )
    limit_except: Opened[tuple[str, ...]] | None = block(
        words(), "location", opens="limit_except", doc="limits methods"
    )
    listen: tuple[str, ...] = repeated(word.called("address"), "server", inherits=NEVER, doc="an address to listen on")
    document: Document = either(
        of("root", Argument("path", lambda node: Document(node.args[0].text), 1, 1), HSL, doc="directory of files"),
        of("alias", Argument("path", lambda node: Document(node.args[0].text, True), 1, 1), "location", doc="other"),
        default=Document("html"),
    )
    internal: bool = directive(empty, "location", default=False, inherits=NEVER, doc="only for internal redirects")
    types: tuple[tuple[str, str], ...] = directive(
        types_table, HSL, default=(("html", "text/html"),), doc="media types"
    )
    keepalive_timeout: float = directive(seconds, HSL, default=75.0, doc="seconds to keep a connection")
    client_max_body_size: int = directive(size, HSL, default=1 << 20, shown="1m", doc="largest body")
    satisfy: str = directive(choice("all", "any"), HSL, default="all", doc="which access rules must agree")
    disable_symlinks: frozenset[str] = directive(bits("on", "if_not_owner"), HSL, default=frozenset(), doc="links")
    index: tuple[tuple[str, ...], ...] = repeated(words(), HSL, default=(("index.html",),), doc="names of index files")


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """Peers of a group."""

    peers: tuple[Peer, ...] = repeated(
        Argument("address [parameters]", parse_peer, 1, None), "upstream", name="server", doc="a peer"
    )


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """What the proxy is told."""

    proxy_buffering: bool = directive(flag, HSL, default=True, doc="read ahead of the client")
    proxy_connect_timeout: float = directive(seconds, HSL, default=60.0, doc="seconds to connect")
    proxy_pass: Text | None = directive(
        text.called("URL"), "location location-if limit_except", default=None, inherits=INTO_NAMELESS, doc="where to"
    )
    proxy_bind: Text | None = directive(off_or(text), HSL, default=None, doc="local address")
    proxy_set_header: tuple[Header, ...] = repeated(header, HSL, doc="a header for the upstream")
    proxy_method: tuple[Text, ...] = directive(texts(), HSL, default=(), doc="method")
    log_tags: tuple[str, ...] = repeated(word, HSL, name="log_tag", merge=APPEND, doc="a tag of each log line")


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """Who may."""

    rules: tuple[Rule, ...] = mixed(
        of("allow", Argument("address", lambda node: Rule(True, node.args[0].text), 1, 1), HSL, doc="lets in"),
        of("deny", Argument("address", lambda node: Rule(False, node.args[0].text), 1, 1), HSL, doc="keeps out"),
    )


@dataclass(frozen=True, slots=True)
class Return:
    code: int


return_code = Argument("code [text]", lambda node: Return(parse_number(node.args[0])), 1, 2)
IF_KINDS = {"server": "server-if", "location": "location-if"}


@dataclass(frozen=True, slots=True)
class RewriteSettings:
    """Steps in the order written."""

    steps: tuple[Return | Opened[Text], ...] = mixed(
        of("return", return_code, "server location server-if location-if", doc="ends"),
        of("if", text.called("(condition)"), "server location", opens=IF_KINDS, doc="tests"),
        inherits=NEVER,
    )


SETTINGS = (
    MainSettings,
    EventSettings,
    HttpSettings,
    UpstreamSettings,
    ProxySettings,
    AccessSettings,
    RewriteSettings,
)
