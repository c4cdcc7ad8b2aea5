import asyncio
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyngx.process.log_bridge import bridge_stdlib
from pyngx.process.log_files import LogFiles
from pyngx.process.log_styles import Level, json_line, nginx_line
from pyngx.process.logs import HIDDEN, ErrorLog, Log, Sink, early_sinks, make_log, open_sinks
from pyngx.server.asgi import NO_HANDSHAKE
from pyngx.server.asgi_outgoing import ResponseAborted


class Lines:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []

    def sink(self, level: Level = Level.DEBUG) -> Sink:
        return Sink(level, json_line, lambda _, line: self.raw.append(line))

    @property
    def facts(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.raw]

    @property
    def events(self) -> list[object]:
        return [line["event"] for line in self.facts]


def say_each_level(log: Log) -> None:
    for say in (log.debug, log.info, log.notice, log.warn, log.error, log.crit, log.alert, log.emerg):
        say("happened")


@pytest.mark.parametrize(("level", "count"), [(Level.DEBUG, 8), (Level.ERROR, 4), (Level.EMERG, 1), (Level.OFF, 0)])
def test_a_sink_takes_its_level_and_above(level: Level, count: int) -> None:
    lines = Lines()
    say_each_level(make_log([lines.sink(level)]))
    assert len(lines.raw) == count


def test_each_sink_has_its_own_level() -> None:
    few, many = Lines(), Lines()
    log = make_log([few.sink(Level.CRIT), many.sink(Level.INFO)])
    log.info("a")
    log.crit("b")
    assert (few.events, many.events) == (["b"], ["a", "b"])


def test_facts_are_not_touched_below_the_level() -> None:
    class Dear:
        def __str__(self) -> str:
            raise AssertionError("rendered")

    log = make_log([Lines().sink(Level.ERROR)])
    log.debug("happened", dear=Dear())
    assert log.passes(Level.ERROR)
    assert not log.passes(Level.WARN)


def test_bound_facts_come_with_every_event() -> None:
    lines = Lines()
    log = make_log([lines.sink()])
    log.bind(client="::1").info("a", tries=1)
    log.info("b")
    assert [line.get("client") for line in lines.facts] == ["::1", None]
    assert lines.facts[0]["tries"] == 1


def test_a_reload_redirects_bound_logs_too() -> None:
    before, after = Lines(), Lines()
    log = make_log([before.sink()])
    bound = log.bind(worker=1)
    log.redirect([after.sink(Level.ERROR)])
    bound.info("a")
    bound.error("b")
    assert (before.events, after.events) == ([], ["b"])


@pytest.mark.parametrize("name", ["exc_info", "exception"])
def test_an_exception_is_a_field(name: str) -> None:
    lines = Lines()
    try:
        raise ValueError("wrong")
    except ValueError as error:
        make_log([lines.sink()]).error("failed", **{name: error})
    (line,) = lines.facts
    assert str(line["exception"]).startswith("Traceback")
    assert str(line["exception"]).endswith("ValueError: wrong")
    assert "exc_info" not in line


def test_credentials_are_hidden() -> None:
    lines = Lines()
    headers = [(b"Cookie", b"s3cret"), ("Accept", "*/*")]
    make_log([lines.sink()]).error(
        "a", Authorization="s3cret", http_cookie="s3cret", headers=headers, head={"Set-Cookie": "s3cret", "x": "y"}
    )
    assert b"s3cret" not in lines.raw[0]
    assert lines.facts[0]["headers"] == [["Cookie", HIDDEN], ["Accept", "*/*"]]
    assert lines.facts[0]["head"] == {"Set-Cookie": HIDDEN, "x": "y"}


def test_error_logs_open_as_configured_and_share_a_file(tmp_path: Path) -> None:
    lease = LogFiles().lease()
    path = tmp_path / "e.log"
    logs = [ErrorLog(str(path), Level.ERROR, "nginx"), ErrorLog(str(path), Level.INFO)]
    log = make_log(open_sinks(logs, lease))
    log.info("a")
    log.error("b", message="broken")
    plain = [line for line in path.read_text().splitlines() if not line.startswith("{")]
    assert len(plain) == 1
    assert plain[0].endswith(": broken")
    assert path.read_text().count('"event"') == 2
    lease.close()


def test_a_log_file_that_cannot_be_opened_fails_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_sinks([ErrorLog(str(tmp_path / "no" / "e.log"))], LogFiles().lease())


def test_before_a_configuration_is_read_logs_go_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    log = make_log(early_sinks(LogFiles().lease(), nginx_line))
    log.info("a")
    log.notice("starting")
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "[notice]" in err


@pytest.fixture
def library_lines() -> Iterator[Lines]:
    lines = Lines()
    undo = bridge_stdlib(make_log([lines.sink()]))
    yield lines
    undo()


def test_what_libraries_log_comes_through(library_lines: Lines) -> None:
    logging.getLogger("uvicorn.error").warning("port %d", 80)
    logging.getLogger("aiohttp.client").error("late")
    logging.getLogger("app").critical("down")
    logging.getLogger("asyncio").info("chatter")
    logging.getLogger("app").debug("chatter")
    got = [(line["level"], line["event"], line["logger"], line["message"]) for line in library_lines.facts]
    assert got == [
        ("warn", "library_message", "uvicorn.error", "port 80"),
        ("error", "library_message", "aiohttp.client", "late"),
        ("crit", "library_message", "app", "down"),
    ]


def test_what_was_done_on_purpose_is_not_told_by_the_host_again(library_lines: Lines) -> None:
    host = logging.getLogger("uvicorn.error")
    aborted = ResponseAborted("GET / HTTP/1.1")
    host.error("Exception in ASGI application", exc_info=(ResponseAborted, aborted, None))
    host.error(NO_HANDSHAKE)
    host.info("connection open")
    assert library_lines.facts == []


def test_a_library_line_with_wrong_arguments_is_not_lost(library_lines: Lines) -> None:
    wrong = logging.LogRecord("a", logging.ERROR, "a.py", 1, "%d apples", ("no number",), None)
    logging.getLogger().handlers[0].handle(wrong)
    assert library_lines.facts[0]["message"] == "%d apples"


def test_warnings_come_through(library_lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        # The bridge must be set again: catch_warnings has its own way to show warnings.
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(False)
    assert [(line["event"], line["level"]) for line in library_lines.facts] == [("python_warning", "warn")]


async def test_an_exception_nobody_awaited_comes_through(library_lines: Lines) -> None:
    asyncio.get_running_loop().call_exception_handler({"message": "lost", "exception": ValueError("x")})
    (line,) = library_lines.facts
    assert (line["logger"], line["level"]) == ("asyncio", "error")
    assert "ValueError: x" in str(line["exception"])
