"""ngx_http_core_module: where files are, what type they have, and limits that handlers ask for."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, choice, flag, number, text_of, word
from pyngx.config.declare import directive, either, of, repeated
from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import Refused
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.locations import Modifier, Pattern
from pyngx.core.phases import Module
from pyngx.core.template import Template, constant
from pyngx.http.codec import wire
from pyngx.http.media_types import BUILT_IN, DEFAULT_TYPE, MediaTypes, collect_types
from pyngx.http.target import begins_with_dots
from pyngx.modules.core_variables import VARIABLES

if TYPE_CHECKING:
    from pyngx.config.syntax import Node
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})  # there is no such file
TypeTable = tuple[tuple[str, tuple[str, ...]], ...]
PathOf = Callable[["Exchange", str], str]


# arguments


@dataclass(frozen=True, slots=True)
class Document:
    """The value of `root` or `alias`."""

    path: Text
    is_alias: bool = False


def _document(is_alias: bool) -> Argument[Document]:
    def parse(node: Node) -> Document:
        path = text_of(node.args[0])
        if "$document_root" in path.value or "$realpath_root" in path.value:
            raise ConfigError(f'the $document_root variable can\'t be used in "{node.name.text}"', path.span)
        return Document(path, is_alias)

    return Argument("path", parse, 1, 1)


def _types(node: Node) -> TypeTable:
    return tuple((entry.name.text, tuple(suffix.text for suffix in entry.args)) for entry in node.block or ())


types = Argument("", _types, 0, 0, table=True)
NGINX_TYPES = tuple((media_type, (suffix,)) for suffix, media_type in BUILT_IN.items())


# settings


@dataclass(frozen=True, slots=True)
class CoreSettings:
    """Files, their types, and conditions on them."""

    document: Document = either(
        of("root", _document(False), f"{EVERYWHERE} location-if", doc="the directory that URIs are looked up in"),
        of("alias", _document(True), "location", doc="what takes the place of the location's prefix"),
        default=Document(Text("html")),
        shown="html",
    )
    types: tuple[TypeTable, ...] = repeated(
        types,
        EVERYWHERE,
        default=(NGINX_TYPES,),
        shown="{ text/html html; image/gif gif; image/jpeg jpg; }",
        doc="media types by file name extension; several blocks in one place add up",
    )
    default_type: str = directive(word, EVERYWHERE, default=DEFAULT_TYPE, doc="the type where no extension fits")
    log_not_found: bool = directive(flag, EVERYWHERE, default=True, doc="whether missing files are logged as errors")
    etag: bool = directive(flag, EVERYWHERE, default=True, doc="whether files get an ETag")
    if_modified_since: str = directive(
        choice("off", "exact", "before"), EVERYWHERE, default="exact", doc="how If-Modified-Since is compared"
    )
    max_ranges: int | None = directive(
        number(), EVERYWHERE, default=None, doc="how many byte ranges a request may ask for; 0 turns them off"
    )


# what other modules use


def media_types(build: Build) -> MediaTypes:
    """The types in force in a location."""
    own = build.settings(CoreSettings)
    return MediaTypes(collect_types(chain.from_iterable(own.types)), own.default_type)


def type_of(exchange: Exchange, types: MediaTypes) -> bytes:
    """The Content-Type of what a URI names; empty for none."""
    return exchange.media_type or wire(types.of(exchange.uri))


def document_root(build: Build) -> Template:
    """`root` or `alias`, with a relative path made absolute."""
    document = build.settings(CoreSettings).document
    path = document.path
    template = build.template(path if document.is_alias else Text(path.value.removesuffix("/"), path.span))
    if path.value.startswith("/"):
        return template
    prefix = build.runtime.prefix
    if template.constant is not None:
        return constant(os.path.join(prefix, template.constant))
    render = template.render
    return Template(lambda exchange: os.path.join(prefix, render(exchange)))


def alias_pattern(build: Build) -> Pattern | None:
    """The pattern of the location that says `alias`, if one is in force: what it takes the place of."""
    document = build.settings(CoreSettings).document
    if not document.is_alias:
        return None
    pattern = build.shared.patterns[id(build.giver(CoreSettings, "document"))]
    if pattern.modifier is Modifier.NAMED:
        raise ConfigError('the "alias" directive cannot be used inside the named location', document.path.span)
    return pattern


def path_of(build: Build) -> PathOf:
    """What maps a URI to a path (ngx_http_map_uri_to_path)."""
    root = document_root(build)
    render = root.render
    pattern = alias_pattern(build)
    if pattern is None:
        if (directory := root.constant) is not None:
            return lambda _, uri: directory + uri
        return lambda exchange, uri: render(exchange) + uri
    skipped = len(pattern.text)

    # `location /a { alias /b/; }` makes /b/../c of /a../c: nginx serves that.
    climbs = skipped and not pattern.text.endswith("/")

    def mapped(exchange: Exchange, uri: str) -> str:
        if not exchange.valid_location:
            raise Refused(500, f'"alias" cannot be used in location "{pattern}" where URI was rewritten')
        directory = render(exchange)
        if climbs and begins_with_dots(uri, skipped) and directory.endswith("/"):
            raise Refused(400, f'"{uri}" leaves the alias of location "{pattern}"')
        return directory + uri[skipped:]

    def matched(exchange: Exchange, uri: str) -> str:
        if not exchange.valid_location:
            raise Refused(500, f'"alias" cannot be used in location "{pattern}" where URI was rewritten')
        return render(exchange) + (uri if exchange.adds_uri_to_alias else "")

    return matched if pattern.is_regex else mapped


def furnish(build: Build) -> None:
    """Tell the location where its files are: variables ask it."""
    assert build.location is not None
    build.location.document_root = document_root(build).render
    build.location.path_of = path_of(build)


MODULE = Module("core", settings=(CoreSettings,), variables=VARIABLES, furnish=furnish)
