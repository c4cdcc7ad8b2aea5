"""Values in force in a block: its own, else the nearest outer one's, else the default."""

from __future__ import annotations

import pickle

from pyngx.config.arguments import Text
from pyngx.config.declare import Opened
from pyngx.config.inherit import origin, settings
from pyngx.config.scope import Given, Scope
from pyngx.config.source import Source, Span
from tests.config.samples import Document, HttpSettings, ProxySettings, RewriteSettings

SOURCE = Source("x.conf", "abc\ndef\n")


def scope(kind: str, parent: Scope | None = None, **given: object) -> Scope:
    spans = (Span(SOURCE, len(given), 7),)
    return Scope(kind, {(ProxySettings, name): Given(value, spans) for name, value in given.items()}, None, parent)


def test_nothing_said_gives_the_defaults() -> None:
    assert settings(scope("http"), ProxySettings) == ProxySettings()
    assert origin(scope("http"), ProxySettings, "proxy_buffering") == ()


def test_a_block_that_says_nothing_shares_its_parents_settings() -> None:
    server = scope("server", scope("http", proxy_buffering=False))
    assert settings(scope("location", server), ProxySettings) is settings(server, ProxySettings)
    assert settings(scope("location", server), ProxySettings).proxy_buffering is False


def test_defaults_are_shared_even_where_values_are_not_handed_down() -> None:
    http = scope("http")
    assert settings(scope("location", scope("server", http)), HttpSettings) is settings(http, HttpSettings)


def test_an_own_value_replaces_the_outer_one() -> None:
    http = scope("http", log_tags=("a",), proxy_connect_timeout=5.0, proxy_method=(Text("GET"),))
    inner = settings(scope("server", http, proxy_connect_timeout=7.0), ProxySettings)
    assert (inner.proxy_connect_timeout, inner.proxy_method) == (7.0, (Text("GET"),))


def test_appended_values_keep_the_outer_ones() -> None:
    http = scope("http", log_tags=("a",))
    server = scope("server", http, log_tags=("b", "c"))
    assert settings(server, ProxySettings).log_tags == ("a", "b", "c")
    assert len(origin(server, ProxySettings, "log_tags")) == 2


def test_into_nameless_blocks_only() -> None:
    location = scope("location", None, proxy_pass=Text("http://a"))
    assert settings(scope("location-if", location), ProxySettings).proxy_pass == Text("http://a")
    assert settings(scope("limit_except", location), ProxySettings).proxy_pass == Text("http://a")
    nested = scope("location", location)
    assert settings(nested, ProxySettings).proxy_pass is None
    assert settings(scope("location-if", nested), ProxySettings).proxy_pass is None
    assert origin(nested, ProxySettings, "proxy_pass") == ()
    assert origin(scope("location-if", location), ProxySettings, "proxy_pass") != ()


def test_blocks_are_not_handed_down() -> None:
    opened = Opened(Text("($a)"), scope("location-if"))
    location = Scope("location", {(RewriteSettings, "steps"): Given((opened,), ())})
    inner = Scope("location-if", parent=location)
    assert settings(location, RewriteSettings).steps == (opened,)
    assert settings(inner, RewriteSettings).steps == ()


def test_origin_is_the_nearest_place() -> None:
    http = scope("http", proxy_buffering=False)
    server = scope("server", http, proxy_connect_timeout=1.0, proxy_buffering=True)
    location = scope("location", server)
    assert origin(location, ProxySettings, "proxy_buffering") == server.given[ProxySettings, "proxy_buffering"].spans


def test_a_scope_is_compared_by_what_it_says_and_survives_pickling() -> None:
    http = scope("http", proxy_buffering=False)
    child = scope("server", http, log_tags=("x",))
    http.given[HttpSettings, "servers"] = Given((Opened(None, child),), ())
    settings(child, ProxySettings)
    copy = pickle.loads(pickle.dumps(http))
    assert copy == http
    (opened,) = settings(copy, HttpSettings).servers
    assert opened.scope.parent is copy
    assert settings(opened.scope, ProxySettings) == settings(child, ProxySettings)


def test_the_default_of_alternatives() -> None:
    assert settings(scope("http"), HttpSettings).document == Document("html")
