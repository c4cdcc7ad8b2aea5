"""A tree of directives becomes scopes of values; what is wrong is told all at once."""

from __future__ import annotations

import pickle
import shutil
import subprocess
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyngx.config.arguments import Text
from pyngx.config.check import Checked, check
from pyngx.config.diagnostics import ConfigError, Diagnostic, render
from pyngx.config.include import from_memory, load
from pyngx.config.inherit import origin, settings
from pyngx.config.schema import Known, Schema
from pyngx.config.scope import Scope
from pyngx.config.syntax import DEEPEST
from tests.config.samples import (
    SETTINGS,
    AccessSettings,
    Document,
    EventSettings,
    Header,
    HttpSettings,
    MainSettings,
    Peer,
    ProxySettings,
    Return,
    RewriteSettings,
    Rule,
    UpstreamSettings,
)

GOLDEN = Path(__file__).parent / "golden" / "check"
SCHEMA = Schema(SETTINGS)


def checked(text: str) -> Checked:
    read, find = from_memory({"/x.conf": text})
    return check(load("/x.conf", read, find=find), SCHEMA)


def errors(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        checked(text)
    return tuple(diagnostic.summary for diagnostic in caught.value.diagnostics)


def http(text: str) -> Scope:
    opened = settings(checked(f"http {{ {text} }}").root, MainSettings).http
    assert opened is not None
    return opened.scope


def test_values_of_each_block() -> None:
    root = checked("user www; worker_processes 4; events { worker_connections 9; } http { }").root
    main = settings(root, MainSettings)
    assert (main.user, main.worker_processes) == ("www", 4)
    assert main.events is not None
    assert settings(main.events.scope, EventSettings).worker_connections == 9


def test_repeated_directives_and_their_blocks_keep_their_order() -> None:
    scope = http("server { location / { } location = /x { } } server { listen 80; listen 81; }")
    first, second = settings(scope, HttpSettings).servers
    assert [each.argument for each in settings(first.scope, HttpSettings).locations] == [("/",), ("=", "/x")]
    assert settings(second.scope, HttpSettings).listen == ("80", "81")
    assert settings(second.scope, HttpSettings).locations == ()


def test_one_name_means_different_things_in_different_blocks() -> None:
    scope = http("upstream u { server a weight=3; server b down; }")
    (group,) = settings(scope, HttpSettings).upstreams
    assert group.argument == "u"
    assert settings(group.scope, UpstreamSettings).peers == (Peer("a", 3), Peer("b", is_down=True))


def test_mixed_directives_make_one_ordered_value() -> None:
    assert settings(http("deny a; allow b; deny all;"), AccessSettings).rules == (
        Rule(False, "a"),
        Rule(True, "b"),
        Rule(False, "all"),
    )


def test_the_kind_of_a_block_may_depend_on_where_it_stands() -> None:
    scope = http("server { if ($a) { return 1; } return 2; location / { if ($b) { return 3; } } }")
    (server,) = settings(scope, HttpSettings).servers
    opened, last = settings(server.scope, RewriteSettings).steps
    assert last == Return(2)
    assert not isinstance(opened, Return)
    assert (opened.scope.kind, opened.argument) == ("server-if", Text("($a)"))
    (location,) = settings(server.scope, HttpSettings).locations
    (step,) = settings(location.scope, RewriteSettings).steps
    assert not isinstance(step, Return)
    assert step.scope.kind == "location-if"


def test_two_names_of_one_value() -> None:
    assert settings(http("root /a;"), HttpSettings).document == Document("/a")
    (error,) = errors("http { server { location / { root /a;\n alias /b; } } }")
    assert error == '"alias" directive is duplicate, "root" directive was specified earlier in /x.conf:2'


def test_tables_are_read_by_their_directive() -> None:
    scope = http("types { text/css css; image/jpeg jpeg jpg; }")
    table = (("css", "text/css"), ("jpeg", "image/jpeg"), ("jpg", "image/jpeg"))
    assert settings(scope, HttpSettings).types == table


def test_values_know_where_they_were_written() -> None:
    scope = http("proxy_set_header a b;\nproxy_set_header c d;\nserver { }")
    (server,) = settings(scope, HttpSettings).servers
    assert [str(span) for span in origin(server.scope, ProxySettings, "proxy_set_header")] == ["/x.conf:1", "/x.conf:2"]
    assert settings(server.scope, ProxySettings).proxy_set_header == (Header("a", Text("b")), Header("c", Text("d")))


def test_what_is_checked_can_be_compared_and_sent() -> None:
    one = checked("http { server { listen 80; location / { proxy_pass http://a; } } }")
    other = checked("http {\n server { listen 80;\n location / { proxy_pass http://a; } } }  # the same")
    assert one == other
    assert pickle.loads(pickle.dumps(one)) == one
    assert checked("http { server { listen 81; } }") != one


def test_the_deepest_blocks_can_be_sent() -> None:
    locations = "location /a { " * (DEEPEST - 2)
    one = checked(f"http {{ server {{ {locations} }} }} {'} ' * (DEEPEST - 2)}")
    assert pickle.loads(pickle.dumps(one)) == one


def test_directives_without_effect_give_a_notice() -> None:
    (notice,) = checked("http { sendfile on; }").notices
    assert (notice.severity, notice.summary) == ("notice", '"sendfile" directive has no effect in /x.conf:1')


def test_refused_directives_say_why() -> None:
    assert errors("http { dav_methods PUT; }") == ('"dav_methods" directive is not supported in /x.conf:1',)
    assert errors("stream { server { } }") == ('"stream" directive is not supported in /x.conf:1',)
    assert errors("http { gzip on; }") == ('"gzip" directive is not supported by this version of pyngx in /x.conf:1',)


def test_a_declared_directive_goes_before_the_known_one() -> None:
    row = Known("user", frozenset({"main"}), "reject", "never", "user name;")
    read, find = from_memory({"/x.conf": "user www;"})
    schema = Schema(SETTINGS, known=(row,))
    assert settings(check(load("/x.conf", read, find=find), schema).root, MainSettings).user == "www"


def test_a_name_declared_twice_for_a_context_is_a_mistake_of_the_program() -> None:
    with pytest.raises(AssertionError, match='"user" is declared twice for main: by MainSettings and MainSettings'):
        Schema((MainSettings, MainSettings))


def test_a_missing_semicolon_that_goes_unpunished_is_warned_of() -> None:
    (warning,) = checked("http { index a b\n root /x; }").notices
    assert warning.severity == "warning"
    assert warning.related[0][1].text == "b"


def test_ten_thousand_unknown_directives_are_not_slow() -> None:
    assert len(errors("http { prox_pass; }" + "prxy_pass;" * 10_000)) == 10_001


NAMES = st.sampled_from(
    ["http", "server", "location", "if", "types", "listen", "root", "alias", "user", "upstream", "x"]
)
WORDS = st.sampled_from([" ", " /", " on", " a=b", ";", ";", " {", "}", "\n"])


@given(st.lists(st.one_of(NAMES, WORDS), max_size=30).map("".join))
@hypothesis.settings(deadline=None)
def test_any_configuration_is_checked_or_refused_with_places(text: str) -> None:
    found: tuple[Diagnostic, ...] = ()
    try:
        checked(text)
    except ConfigError as error:
        found = error.diagnostics
    assert all(diagnostic.span is not None for diagnostic in found)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.conf")), ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    text, _, expected = path.read_text(errors="surrogateescape").partition("----------\n")
    assert result_of(text) == expected


def result_of(text: str) -> str:
    """The errors, or the notices, as a user sees them."""
    try:
        found = checked(text).notices
    except ConfigError as error:
        found = error.diagnostics
    return "\n\n".join(map(render, found)) + "\n"


NGINX = shutil.which("nginx")
ERRORS = [
    "unknwn on;",
    'user "www;',
    "user www",
    "worker_processes 1; }",
    "user www }",
    ";",
    "{ }",
    "user 'a'b;",
    "events {",
    "events;",
    "user www { }",
    "events { } events { }",
    "user;",
    "worker_processes 1; worker_processes 2;",
    "events { worker_connections 1 2; }",
    "server { }",
    "http { proxy_buffering maybe; }",
    "http { keepalive_timeout 1q; }",
    "http { client_max_body_size 1q; }",
    "http { client_max_body_size 1m; client_max_body_size 2m; }",
    "http { satisfy one; }",
    "http { server { location / { alias /a; root /b; } } }",
    "http { server { location / { root /a; root /b; } } }",
    "http { server { listen; } }",
    "http { server { location / { internal on; } } }",
    "http { upstream u { server a wieght=1; } }",
    "http { upstream u { server a weight=x; } }",
    "http { upstream u { root /a; } }",
    "http { types { include; } }",
    "http { types { a { } } }",
    "include /nonexistent;",
]


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
@pytest.mark.parametrize("text", ERRORS)
def test_the_first_error_begins_with_nginxs_words(text: str, tmp_path: Path) -> None:
    assert NGINX is not None
    path = tmp_path / "x.conf"
    path.write_text(text)
    result = subprocess.run([NGINX, "-t", "-q", "-c", path], capture_output=True, text=True, timeout=10, check=False)
    line = next(line for line in result.stderr.splitlines() if "[emerg]" in line)
    message = line.partition("[emerg] ")[2].rpartition(" in ")[0]
    message = message.partition(": ")[2] if message[:1].isdigit() else message
    with pytest.raises(ConfigError) as caught:
        check(load(str(path)), SCHEMA)
    assert caught.value.diagnostics[0].message.startswith(message)
