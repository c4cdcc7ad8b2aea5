"""ngx_http_referer_module: whether a request comes from a page that may link here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument
from pyngx.config.declare import repeated
from pyngx.config.diagnostics import ConfigError
from pyngx.config.inherit import settings
from pyngx.core.blocks import ServerSettings
from pyngx.core.phases import Module
from pyngx.core.variables import Variable
from pyngx.core.wildcards import HELP, NameTable, lower, places
from pyngx.http.codec import text

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.config.syntax import Word
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

WORDS = frozenset({"none", "blocked", "server_names"})
SHORTEST = len("http://i.ru")
LONGEST_HOST = 256

Search = Callable[[str], Sequence[str | None] | None]


# arguments


@dataclass(frozen=True, slots=True)
class Page:
    """Who may link here: none, blocked or server_names, a host with the beginning of a path, or a regex."""

    text: str
    span: Span | None = field(default=None, compare=False, repr=False)

    @property
    def is_regex(self) -> bool:
        return self.text.startswith("~")


def _page(word: Word) -> Page:
    if not word.text:
        raise ConfigError('invalid referer ""', word.span)
    if word.text == "~":
        raise ConfigError('empty regex in "~"', word.span)
    host = word.text.partition("/")[0]
    if host and not host.startswith("~") and not places(lower(host)):
        raise ConfigError(f'invalid hostname or wildcard "{host}"', word.span, help=HELP)
    return Page(word.text, word.span)


pages = Argument("none | blocked | server_names | string ...", lambda node: tuple(map(_page, node.args)), 1, None)


# settings


@dataclass(frozen=True, slots=True)
class RefererSettings:
    """Pages that may link here."""

    valid_referers: tuple[tuple[Page, ...], ...] = repeated(
        pages, "server location", doc="values of Referer that are right: hosts, with a path perhaps, and ~regexes"
    )


# variables


def _invalid_referer(exchange: Exchange) -> str:
    found = exchange.values.get(NAME)
    if found is None:
        referers = exchange.location.known.get(Referers)
        is_valid = not isinstance(referers, Referers) or referers.allow(exchange)
        found = exchange.values[NAME] = "" if is_valid else "1"
    return found


def _set_invalid_referer(exchange: Exchange, value: str) -> None:
    exchange.values[NAME] = value


NAME = "invalid_referer"
VARIABLES = (
    Variable(NAME, _invalid_referer, _set_invalid_referer, doc="empty if Referer is one of valid_referers, else `1`"),
)


# state


@dataclass(frozen=True, slots=True)
class _Path:
    """How the path of a page has to begin; empty for any."""

    start: str


@dataclass(frozen=True, slots=True)
class Referers:
    """The pages that may link to a location, ready to be asked."""

    find: Callable[[str], _Path | None]  # by host
    server_regexes: tuple[Search, ...] = ()  # asked about the host
    regexes: tuple[Search, ...] = ()  # asked about all behind the scheme
    none: bool = False
    blocked: bool = False

    def allow(self, exchange: Exchange) -> bool:
        """Whether a request may come from where it does (ngx_http_referer_variable)."""
        value = exchange.headers.get(b"referer")
        if value is None:
            return self.none
        referer = text(value)
        scheme, separator, rest = referer.partition("://")
        if len(value) < SHORTEST or not separator or scheme.lower() not in {"http", "https"}:
            return self.blocked
        host = rest[: min(at for at in (rest.find("/"), rest.find(":"), len(rest)) if at >= 0)]
        if len(host) > LONGEST_HOST:
            return False
        name = lower(host)
        if (path := self.find(name)) is not None:
            at = rest.find("/", len(host))
            return not path.start or rest[at if at >= 0 else len(rest) :].startswith(path.start)
        tests = [(search, name) for search in self.server_regexes] + [(search, rest) for search in self.regexes]
        return any(search(subject) is not None for search, subject in tests)


@dataclass(frozen=True, slots=True)
class Made:
    """The referers of each `valid_referers`, by the identity of its value: blocks that inherit it share them."""

    referers: dict[int, Referers] = field(default_factory=dict)


def define(build: Build) -> None:
    """Make room for the referers of this configuration."""
    build.name("", Made())


def furnish(build: Build) -> None:
    """Tell the location who may link to it. A block comes behind the one around it."""
    own = build.settings(RefererSettings).valid_referers
    if not own:
        return
    made = build.named(Made, "")
    assert made is not None, "define comes first"
    assert build.location is not None
    if id(own) not in made.referers:
        assert build.scope.parent is not None
        outer = made.referers.get(id(settings(build.scope.parent, RefererSettings).valid_referers))
        made.referers[id(own)] = _referers(build, [page for group in own for page in group], outer)
    build.location.known[Referers] = made.referers[id(own)]


def _referers(build: Build, pages: list[Page], outer: Referers | None) -> Referers:
    """As in nginx, a block without regexes has those of the block around it."""
    words = {page.text for page in pages if page.text in WORDS}
    table = NameTable[_Path]()
    for page in pages:
        if page.text not in WORDS and not page.is_regex:
            host, slash, path = page.text.partition("/")
            _add(table, Page(host, page.span), slash + path)
    server_regexes: list[Search] = []
    if "server_names" in words:
        for name in _server_names(build):
            if name.is_regex:
                server_regexes.append(_search(build, name))
            else:
                _add(table, name, "")
    if not table and words & {"none", "blocked"}:
        raise ConfigError(
            'the "none" or "blocked" referers are specified in the "valid_referers" directive'
            " without any valid referer",
            build.origin(RefererSettings, "valid_referers"),
            help="add a host, or server_names; regexes are not enough",
        )
    regexes = tuple(_search(build, page) for page in pages if page.is_regex)
    return Referers(
        table.finder(),
        tuple(server_regexes) or (outer.server_regexes if outer is not None else ()),
        regexes or (outer.regexes if outer is not None else ()),
        "none" in words,
        "blocked" in words,
    )


def _server_names(build: Build) -> list[Page]:
    """The names of the server around; one without a name has the empty one."""
    assert build.server is not None
    groups = settings(build.server.location.scope, ServerSettings).server_name
    return [Page(name.text, name.span) for group in groups for name in group] or [Page("")]


def _add(table: NameTable[_Path], name: Page, path: str) -> None:
    value = _Path(path)
    for place in places(lower(name.text)):
        if not table.add(place, value):
            raise ConfigError(f'conflicting parameter "{name.text}"', name.span, help="a host may be there once")


def _search(build: Build, page: Page) -> Search:
    return build.regex(page.text[1:], page.span, ignore_case=True).search


MODULE = Module("referer", settings=(RefererSettings,), variables=VARIABLES, define=define, furnish=furnish)
