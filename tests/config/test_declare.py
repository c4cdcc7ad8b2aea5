"""Declarations are read from settings classes; tables agree with themselves."""

from __future__ import annotations

import pickle
import re
from dataclasses import dataclass

import pytest

from pyngx.config.declare import APPEND, INTO_NAMELESS, NEVER, REPLACE, declarations
from pyngx.config.diagnostics import ConfigError, Diagnostic, render
from pyngx.config.schema import Schema, known_directives
from pyngx.config.source import COMMAND_LINE, Source, Span
from pyngx.modules import MODULES
from tests.config.samples import HttpSettings, MainSettings, ProxySettings, RewriteSettings


def test_a_field_is_its_directive() -> None:
    user, *_ = declarations(MainSettings)
    (spec,) = user.specs
    assert (user.cls, user.field, user.default, user.repeated) == (MainSettings, "user", "nobody", False)
    assert (spec.name, spec.contexts, spec.doc) == ("user", frozenset({"main"}), "user that workers run as")
    assert spec.usage == "user value;"


def test_names_inheritance_and_merging_may_differ() -> None:
    by_field = {each.field: each for each in declarations(ProxySettings)}
    assert by_field["log_tags"].specs[0].name == "log_tag"
    assert by_field["log_tags"].merge is APPEND
    assert by_field["proxy_buffering"].merge is REPLACE
    assert by_field["proxy_pass"].inherits is INTO_NAMELESS


def test_block_directives_belong_to_their_block_alone() -> None:
    by_field = {each.field: each for each in declarations(HttpSettings)}
    assert by_field["locations"].inherits is NEVER
    (spec,) = by_field["limit_except"].specs
    assert spec.usage == "limit_except value ... { ... }"
    assert by_field["types"].specs[0].usage == "types { ... }"


def test_one_field_may_have_several_directives() -> None:
    (steps,) = declarations(RewriteSettings)
    assert [(spec.name, dict(spec.opens)) for spec in steps.specs] == [
        ("return", {}),
        ("if", {"server": "server-if", "location": "location-if"}),
    ]


def test_every_field_must_be_a_directive() -> None:
    @dataclass(frozen=True)
    class Wrong:
        x: int = 1

    with pytest.raises(TypeError, match=r"Wrong\.x is not declared as a directive"):
        declarations(Wrong)


def test_settings_can_be_made_compared_and_sent() -> None:
    assert pickle.loads(pickle.dumps(HttpSettings())) == HttpSettings()
    assert HttpSettings().document.path == "html"


def test_the_table_of_known_directives() -> None:
    rows = known_directives()
    assert {row.handling for row in rows} == {"implement", "accept-noop", "accept-less", "reject"}
    assert all(row.reason for row in rows if row.handling != "implement")
    assert all(row.usage.startswith(row.name) and row.contexts for row in rows)
    places = [(row.name, kind) for row in rows for kind in row.contexts]
    twice = {place for place in places if places.count(place) > 1} if len(places) != len(set(places)) else set()
    assert twice == {("status_zone", "server")}


def test_what_protects_somebody_is_never_ignored() -> None:
    ignored = {row.name for row in known_directives() if row.handling[:6] == "accept" and "mgmt" not in row.contexts}
    assert not ignored & {"ssl_ocsp", "ssl_crl", "ssl_verify_client", "allow", "deny", "proxy_ssl_verify"}


def test_what_only_means_something_beside_another_is_ignored_while_that_one_is_refused() -> None:
    schema = Schema([cls for module in MODULES for cls in module.settings])
    handled = {row.name: row.handling for row in known_directives()}
    for row in known_directives():
        beside = re.fullmatch(r"it only means something beside (\w+)", row.reason)
        if beside is not None:
            assert not schema.entries(beside[1]), f"{beside[1]} is there: declare {row.name}"
            assert handled[beside[1]] in {"implement", "reject", "accept-less"}


def test_an_error_survives_pickling() -> None:
    error = ConfigError("bad", Span(Source("x.conf", "a b;"), 2, 3), help="better")
    assert pickle.loads(pickle.dumps(error)).diagnostics == error.diagnostics
    both = ConfigError.of([*error.diagnostics, Diagnostic("worse")])
    assert pickle.loads(pickle.dumps(both)).diagnostics == both.diagnostics
    assert str(both) == "bad in x.conf:1\n 1 | a b;\n   |   ^\n   = better\nworse"


def test_the_command_line_is_shown_without_a_line_number() -> None:
    span = Span(Source(COMMAND_LINE, "daemon maybe;"), 7, 12)
    assert render(Diagnostic("bad", span)) == "bad in command line\n   | daemon maybe;\n   |        ^^^^^"


def test_long_lines_are_shown_in_part() -> None:
    text = "add_header X " + "a" * 3000 + " " + "b" * 3000
    shown = render(Diagnostic("bad", Span(Source("x.conf", text), 3014, 3020))).splitlines()
    assert max(map(len, shown)) < 200
    assert shown[2].index("^") == shown[1].index("bbb")
