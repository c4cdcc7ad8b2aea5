"""A checked configuration becomes a generation: servers, locations, addresses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pyngx.config.diagnostics import ConfigError
from pyngx.config.inherit import settings
from pyngx.core.access import access_chain
from pyngx.core.blocks import HttpBlocks, LocationBlocks, MainBlocks, PipelineSettings, ServerSettings
from pyngx.core.build import Build, Shared
from pyngx.core.connection import ConnectionSettings
from pyngx.core.generation import EVERYTHING, ErrorRoute, Generation, Location, Server
from pyngx.core.head import head_writer
from pyngx.core.listen import ANY4, ANY6, Listen, ListenAddress, SocketOptions
from pyngx.core.locations import Locations, Modifier, Pattern
from pyngx.core.pages import page_maker
from pyngx.core.phases import Module, Phase
from pyngx.core.servers import ServerName, ServerNames
from pyngx.core.variables import Variables
from pyngx.http.request_head import FieldRules

if TYPE_CHECKING:
    from pyngx.config.scope import Scope
    from pyngx.core.answers import Handler
    from pyngx.core.runtime import Runtime

DEFAULT_LISTEN = Listen((ListenAddress(ANY4, 80),))
METHODS_OF_GET = frozenset({"GET", "HEAD"})


def assemble(root: Scope, modules: Sequence[Module], runtime: Runtime, number: int) -> Generation:
    """Build a generation; raises ConfigError with everything that is wrong."""
    variables = Variables(variable for module in modules for variable in module.variables)
    shared = Shared(runtime, variables, modules)
    generation = Generation(runtime, number, nowhere(root, shared), root=root)
    http = settings(root, MainBlocks).http
    if http is not None:
        _assemble_http(http.scope, shared, generation)
    shared.errors += variables.finish()
    if shared.errors:
        raise ConfigError.of(dict.fromkeys(found for error in shared.errors for found in error.diagnostics))
    generation.preparations = tuple(shared.preparations.values())
    generation.starts = tuple(shared.starts)
    generation.claims = frozenset(shared.claims)
    generation.findings = tuple(shared.findings)
    return generation


def nowhere(root: Scope, shared: Shared) -> Server:
    """The server of requests that have none yet."""
    server = Server("")
    server.location = Location(EVERYTHING, server, root)
    server.locations = Locations(())
    server.location.send_head = head_writer(Build(shared, root, server, server.location))
    server.location.built_in = page_maker(PipelineSettings())
    return server


def _assemble_http(http: Scope, shared: Shared, generation: Generation) -> None:
    build = Build(shared, http)
    for module in shared.modules:
        if module.define is not None:
            _collect(shared, partial(module.define, build))
    servers: list[tuple[Server, Scope]] = []
    for opened in settings(http, HttpBlocks).server:
        server = _server(opened.scope, shared)
        servers.append((server, opened.scope))
    _place(servers, shared, generation)


def _collect(shared: Shared, work: partial[None]) -> None:
    try:
        work()
    except ConfigError as error:
        shared.errors.append(error)


def _server(scope: Scope, shared: Shared) -> Server:
    own = settings(scope, ServerSettings)
    names = [name for group in own.server_name for name in group]
    server = Server(names[0].text.removeprefix(".") if names else "", own.merge_slashes)
    limits = settings(scope, ConnectionSettings)
    server.field_rules = FieldRules(limits.underscores_in_headers, limits.ignore_invalid_headers)
    server.location = Location(EVERYTHING, server, scope, scope.span)
    _furnish(server.location, scope, server, shared)
    handlers = Build(shared, scope, server, server.location, partial(_branch, server, shared))
    try:
        server.post_read = _handlers(handlers, Phase.POST_READ)
        server.rewrite = _handlers(handlers, Phase.SERVER_REWRITE)
    except ConfigError as error:
        shared.errors.append(error)
    server.location.rewrite = ()
    server.locations = _locations(scope, server, shared)
    return server


def _locations(scope: Scope, server: Server, shared: Shared) -> Locations:
    opened = settings(scope, LocationBlocks).location
    found = [_location(one.argument, one.scope, server, shared) for one in opened]
    try:
        return Locations(found)
    except ConfigError as error:
        shared.errors.append(error)
        return Locations(())


def _location(pattern: Pattern, scope: Scope, server: Server, shared: Shared) -> Location:
    location = Location(pattern, server, scope, scope.span)
    shared.patterns[id(scope)] = pattern
    _furnish(location, scope, server, shared)
    if pattern.is_regex:
        _collect(shared, partial(_set_regex, location, Build(shared, scope, server, location)))
    blocks = settings(scope, LocationBlocks)
    if blocks.location:
        _check_nesting(location, [opened.argument for opened in blocks.location], shared)
        location.nested = _locations(scope, server, shared)
    if (limited := blocks.limit_except) is not None:
        methods = frozenset(limited.argument)
        allowed = methods | METHODS_OF_GET if "GET" in methods else methods
        location.limit_except = (allowed, _branch(server, shared, limited.scope, location))
    return location


def _set_regex(location: Location, build: Build) -> None:
    ignore_case = location.pattern.modifier is Modifier.REGEX_NO_CASE
    location.matches = build.regex_test(location.pattern.text, location.span, ignore_case=ignore_case)


def _check_nesting(outer: Location, inner: Iterable[Pattern], shared: Shared) -> None:
    for pattern in inner:
        message = ""
        if pattern.modifier is Modifier.NAMED:
            message = f'named location "@{pattern.text}" can be on the server level only'
        elif outer.pattern.modifier is Modifier.EXACT:
            message = f'location "{pattern}" cannot be inside the exact location "{outer.pattern.text}"'
        elif outer.pattern.modifier is Modifier.NAMED:
            message = f'location "{pattern}" cannot be inside the named location "@{outer.pattern.text}"'
        elif not pattern.is_regex and not pattern.text.startswith(outer.pattern.text):
            message = f'location "{pattern}" is outside location "{outer.pattern}"'
        if message:
            shared.errors.append(ConfigError(message, outer.span))


def _branch(server: Server, shared: Shared, scope: Scope, of: Location | None = None) -> Location:
    """What runs in an `if` or `limit_except` block; built once, whoever asks."""
    found = shared.branches.get(id(scope))
    if found is None:
        found = Location(of.pattern if of is not None else EVERYTHING, server, scope, scope.span)
        shared.branches[id(scope)] = found
        _furnish(found, scope, server, shared)
    return found


def _furnish(location: Location, scope: Scope, server: Server, shared: Shared) -> None:
    """Call the factories of all modules for one block."""

    def make_branch(inner: Scope) -> Location:
        return _branch(server, shared, inner, location)

    build = Build(shared, scope, server, location, make_branch)
    try:
        for module in shared.modules:
            if module.furnish is not None:
                module.furnish(build)
        own = build.settings(PipelineSettings)
        location.connection = build.settings(ConnectionSettings)
        location.internal = own.internal
        location.max_body_size = own.client_max_body_size
        location.recursive_error_pages = own.recursive_error_pages
        location.error_pages = _error_pages(build, own)
        location.content = _handlers(build, Phase.CONTENT)
        location.rewrite = _handlers(build, Phase.REWRITE)
        location.preaccess = _handlers(build, Phase.PREACCESS)
        location.access = access_chain(build, _handlers(build, Phase.ACCESS))
        location.precontent = _handlers(build, Phase.PRECONTENT)
        location.inside = location.preaccess + location.access + location.precontent + location.content
        location.inner = location.preaccess + location.precontent + location.content
        location.header_filters, location.inner_filters = build.header_filters()
        loggers = (module.logger(build) for module in shared.modules if module.logger is not None)
        location.loggers = tuple(logger for logger in loggers if logger is not None)
        location.inner_loggers = location.loggers if own.log_subrequest else ()
        location.inner_body_limit = own.subrequest_output_buffer_size
        location.send_head = head_writer(build)
        location.built_in = page_maker(own)
    except ConfigError as error:
        shared.errors.append(error)


def _handlers(build: Build, phase: Phase) -> tuple[Handler, ...]:
    factories = (module.handlers[phase] for module in build.shared.modules if phase in module.handlers)
    found = (factory(build) for factory in factories)
    return tuple(handler for handler in found if handler is not None)


def _error_pages(build: Build, own: PipelineSettings) -> dict[int, ErrorRoute]:
    routes: dict[int, ErrorRoute] = {}
    for page in own.error_page:
        route = ErrorRoute(build.template(page.uri), page.overwrite)
        for code in page.codes:
            routes.setdefault(code, route)
    return routes


def _place(servers: list[tuple[Server, Scope]], shared: Shared, generation: Generation) -> None:
    """Put the servers on their addresses."""
    addresses: dict[ListenAddress, ServerNames] = {}
    options: dict[ListenAddress, Listen] = {}
    explicit: dict[ListenAddress, Listen] = {}
    for server, scope in servers:
        own = settings(scope, ServerSettings)
        names = [name for group in own.server_name for name in group] or [ServerName("")]
        here: dict[ListenAddress, Listen] = {}
        for listen in own.listen or (DEFAULT_LISTEN,):
            for address in dict.fromkeys(listen.addresses):
                _require_first(here, address, listen, "a duplicate listen", shared)
                if address not in addresses:
                    addresses[address] = ServerNames(server)
                addresses[address].tls |= listen.tls
                addresses[address].proxy_protocol |= listen.proxy_protocol
                if listen.default_server:
                    _require_first(explicit, address, listen, "a duplicate default server for", shared)
                    addresses[address].default = server
                if listen.options != SocketOptions():
                    _require_first(options, address, listen, "duplicate listen options for", shared)
                for name in names:
                    _collect(shared, partial(_add_name, addresses[address], name, server, Build(shared, scope, server)))
    if not shared.errors:  # else a certificate may be missing that was just found wrong
        _check_tls(servers, addresses, shared)
    generation.addresses = addresses
    generation.listeners = {
        address: options.get(address, DEFAULT_LISTEN).options
        for address in addresses
        if address.is_wildcard or not _covered(address, addresses)
    }


def _check_tls(
    servers: list[tuple[Server, Scope]], addresses: dict[ListenAddress, ServerNames], shared: Shared
) -> None:
    """What answers for an address without a better server must be able to shake hands."""
    for server, scope in servers:
        for listen in settings(scope, ServerSettings).listen:
            places = [addresses[address] for address in listen.addresses]
            if server.tls is None and any(names.tls and _needs_certificate(server, names) for names in places):
                message = 'no "ssl_certificate" is defined for the "listen ... ssl" directive'
                shared.errors.append(
                    ConfigError(message, listen.span, help="ssl_certificate FILE; ssl_certificate_key FILE;")
                )


def _needs_certificate(server: Server, names: ServerNames) -> bool:
    """Whether there is none that it could borrow: that of the default server."""
    default = names.default.tls
    return names.default is server or (default is not None and not default.certified)


def _require_first(
    seen: dict[ListenAddress, Listen], address: ListenAddress, listen: Listen, fault: str, shared: Shared
) -> None:
    """Only one `listen` of an address may do what this one does."""
    if (first := seen.setdefault(address, listen)) is not listen:
        related = (("first here", first.span),) if first.span is not None else ()
        shared.errors.append(ConfigError(f"{fault} {address}", listen.span, related=related))


def _add_name(names: ServerNames, name: ServerName, server: Server, build: Build) -> None:
    test = build.regex_test(name.text[1:], name.span, ignore_case=True) if name.is_regex else None
    names.add(name, server, test)


def _covered(address: ListenAddress, addresses: Iterable[ListenAddress]) -> bool:
    """Whether a wildcard socket takes an address's connections anyway."""
    wildcard = ANY6 if ":" in address.host else ANY4
    return not address.path and replace(address, host=wildcard) in addresses
