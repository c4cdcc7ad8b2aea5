"""What is found many times is told once."""

from __future__ import annotations

from pyngx.config.check import Checked, check
from pyngx.config.diagnostics import ConfigError, Diagnostic, render
from pyngx.config.gather import without_repeats
from pyngx.config.include import from_memory, load
from pyngx.config.schema import Schema
from pyngx.config.source import Source, Span
from tests.config.samples import SETTINGS


def checked(files: dict[str, str]) -> Checked:
    read, find = from_memory(files)
    return check(load("/x.conf", read, find=find), Schema(SETTINGS))


def test_directives_without_effect_for_one_reason_are_one_notice() -> None:
    text = "http {\n sendfile on;\n tcp_nopush on;\n sendfile on;\n types_hash_max_size 9;\n proxy_cache_key a;\n}"
    tuning, caching = checked({"/x.conf": text}).notices
    names = '"sendfile", "tcp_nopush" and "types_hash_max_size" directives have'
    assert tuning.summary == f"{names} no effect in /x.conf:2"
    assert caching.summary == '"proxy_cache_key" directive has no effect in /x.conf:6'
    assert caching.help == "it only means something beside proxy_cache"


def test_what_is_off_anyway_deserves_no_notice() -> None:
    assert checked({"/x.conf": "http { sendfile off; http2 off; proxy_cache off; }"}).notices == ()


def test_what_clients_get_instead_is_a_warning() -> None:
    (found,) = checked({"/x.conf": "http { server { http2 on; } server { http2 on; } }"}).notices
    assert (found.severity, found.help) == ("warning", "clients are served over HTTP/1.1")
    assert found.summary == '"http2" directive has no effect yet in /x.conf:1'


def test_errors_of_a_file_that_is_included_twice_are_told_once() -> None:
    files = {"/x.conf": "http { server { include a; } server { include a; rot a; } }", "/a": "rot a;\n"}
    try:
        checked(files)
    except ConfigError as error:
        places = [diagnostic.summary for diagnostic in error.diagnostics]
    assert places == ['unknown directive "rot" in /a:1', 'unknown directive "rot" in /x.conf:1']


def test_a_warning_that_many_places_deserve_names_some() -> None:
    source = Source("/x.conf", "a\nb\nc\nd\ne\nf\n")
    warnings = [Diagnostic("odd", Span(source, at, at + 1), "why", severity="warning") for at in (0, 2, 4, 6, 8, 10)]
    (told,) = without_repeats([*warnings, *warnings])
    assert render(told) == (
        "odd in /x.conf:1\n 1 | a\n   | ^\n   = why\n   = also in /x.conf:2, /x.conf:3, /x.conf:4 and 2 more"
    )


def test_errors_keep_their_own_places() -> None:
    source = Source("/x.conf", "a\nb\n")
    found = [Diagnostic("odd", Span(source, at, at + 1)) for at in (0, 2)]
    assert list(without_repeats([*found, *found])) == found
