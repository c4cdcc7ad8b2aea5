"""Configurations that ask for HTTP/2 and HTTP/3 load, with a word on what clients get."""

from __future__ import annotations

from pyngx.config.include import load
from pyngx.core.load import check_snapshot
from pyngx.modules import MODULES
from tests.support.configure import MAIN, ask, configure


def findings(text: str) -> list[tuple[str, str]]:
    checked = check_snapshot(load(MAIN, read=lambda _: text), MODULES)
    return [(found.severity, found.message) for found in checked.notices]


def test_listening_for_http2_is_listening() -> None:
    text = "events { } http { server { listen 81 http2; return 200 $http2-$http3-; } }"
    generation = configure(text, MODULES)
    assert [str(address) for address in generation.addresses] == ["0.0.0.0:81"]
    assert ask(generation, "GET / HTTP/1.1").body == b"--"
    assert findings(text) == [("warning", 'the "http2" parameter has no effect yet')]


def test_nobody_listens_on_udp() -> None:
    text = "events { } http { server { listen 81 quic reuseport; listen 82; http3 on; quic_retry on; } }"
    assert [str(address) for address in configure(text, MODULES).addresses] == ["0.0.0.0:82"]
    assert findings(text) == [
        ("warning", '"http3" directive has no effect yet'),
        ("notice", '"quic_retry" directive has no effect'),
        ("warning", 'the "quic" parameter has no effect yet'),
    ]


def test_a_warning_is_told_once() -> None:
    text = "events { } http { server { listen 81 http2; listen 82 http2; } server { listen 83 http2; } }"
    assert len(findings(text)) == 1
