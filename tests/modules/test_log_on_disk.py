"""Logs as the process opens them: files, shared, buffered, compressed, handed on."""

import gzip
import json
from pathlib import Path

import pytest

from pyngx.core.exchange import Exchange
from pyngx.core.generation import Generation
from pyngx.core.runtime import Runtime
from pyngx.modules import core, error_log, log
from pyngx.process.log_files import LogFiles
from pyngx.process.open_logs import OpenLogs
from tests.support import reply
from tests.support.configure import answer, ask, configure, exchange, in_server, make_runtime

MODULES = (error_log.MODULE, core.MODULE, reply.MODULE, log.MODULE)


@pytest.fixture
def files() -> LogFiles:
    return LogFiles()


@pytest.fixture
def runtime(files: LogFiles, tmp_path: Path) -> Runtime:
    made = make_runtime(str(tmp_path))
    made.logs = OpenLogs(files)
    return made


def after(generation: Generation, uri: str, level: str) -> Exchange:
    """An exchange that had something to say."""
    asked = exchange(generation, f"GET {uri} HTTP/1.1")
    answer(asked)
    asked.log(level, "happened", "it happened")
    return asked


@pytest.mark.parametrize(("uri", "name", "lines"), [("/low", "low", 2), ("/dup", "dup", 2), ("/high", "high", 1)])
def test_each_error_log_applies_even_to_the_same_file(
    runtime: Runtime, tmp_path: Path, uri: str, name: str, lines: int
) -> None:
    text = """access_log off;
        location /low { error_log low warn; error_log low; reply 200 x; }
        location /dup { error_log dup; error_log dup; reply 200 x; }
        location /high { error_log high emerg; error_log high; reply 200 x; }"""
    after(configure("log_style nginx; " + in_server(text), MODULES, runtime), uri, "error")
    written = (tmp_path / name).read_text()
    assert written.count("[error]") == lines
    assert 'it happened, client: 127.0.0.1, server: localhost, request: "GET' in written


@pytest.mark.parametrize("level", ["debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"])
def test_levels_are_thresholds(runtime: Runtime, tmp_path: Path, level: str) -> None:
    text = in_server(f"access_log off; location / {{ error_log e {level} json; reply 200 x; }}")
    generation = configure(text, MODULES, runtime)
    for said in error_log.LEVELS:
        after(generation, "/", said)
    lines = [json.loads(line) for line in (tmp_path / "e").read_text().splitlines()]
    written = [line["level"] for line in lines if line["event"] == "happened"]
    assert written == list(error_log.LEVELS[error_log.LEVELS.index(level) :])


def test_a_debug_log_tells_where_a_request_goes(runtime: Runtime, tmp_path: Path) -> None:
    text = in_server("""access_log off;
        location /a { error_log a debug json; reply 200 x; }
        location /b { error_log b info json; reply 200 x; }""")
    generation = configure(text, MODULES, runtime)
    for uri in ("/a/1", "/b"):
        answer(exchange(generation, f"GET {uri} HTTP/1.1"))
    written = json.loads((tmp_path / "a").read_text())
    assert (written["event"], written["location"], written["uri"]) == ("location_chosen", "/a", "/a/1")
    assert (tmp_path / "b").read_text() == ""


def test_a_buffered_log_is_handed_on_and_closed_with_the_last_that_names_it(
    runtime: Runtime, files: LogFiles, tmp_path: Path
) -> None:
    text = in_server("access_log a combined buffer=64k; location / { reply 200 x; }")
    ask(configure(text, MODULES, runtime), "GET /1 HTTP/1.1")
    ask(configure(text, MODULES, runtime), "GET /2 HTTP/1.1")
    assert (tmp_path / "a").read_text() == ""
    configure(in_server("access_log off;"), MODULES, runtime)
    assert (tmp_path / "a").read_text().count("GET /") == 2
    assert files.paths() == ()


def test_a_compressed_log_can_be_read(runtime: Runtime, tmp_path: Path) -> None:
    text = in_server("access_log a.gz json gzip; location / { reply 200 x; }")
    generation = configure(text, MODULES, runtime)
    ask(generation, "GET /1 HTTP/1.1")
    ask(generation, "GET /2 HTTP/1.1")
    configure(in_server("access_log off;"), MODULES, runtime)
    lines = gzip.decompress((tmp_path / "a.gz").read_bytes()).splitlines()
    assert [json.loads(line)["uri"] for line in lines] == ["/1", "/2"]


def test_errors_and_requests_may_share_a_file(runtime: Runtime, tmp_path: Path) -> None:
    text = in_server("access_log all; error_log all info; location / { reply 200 x; }")
    after(configure(text, MODULES, runtime), "/", "info")
    lines = [json.loads(line) for line in (tmp_path / "all").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["request", "happened"]
    assert lines[0]["connection"] == lines[1]["connection"]
    assert lines[0]["client"] == lines[1]["client"]
