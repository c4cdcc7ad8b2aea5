import gzip
import json
import socket
from pathlib import Path

import pytest

from pyngx.core import logs as port
from pyngx.core.logs import UNBUFFERED, Buffering, ErrorSink
from pyngx.process.log_files import LogFiles
from pyngx.process.open_logs import OpenLogs


def test_the_same_path_is_the_same_file_until_nobody_holds_it(tmp_path: Path) -> None:
    files = LogFiles()
    access, error = str(tmp_path / "access.log"), str(tmp_path / "error.log")
    logs: port.Logs = OpenLogs(files)
    first = logs.file(access)
    first.buffer(Buffering(100))
    log = logs.error_log((ErrorSink(error, "warn", "nginx"), ErrorSink(access, "crit", "nginx")))
    first.write(b"1\n")
    assert (log.enabled("info"), log.enabled("warn")) == (False, True)
    log.write("crit", "down", "all peers are down", client="::1", exception=ValueError("x"))
    second = logs.file(access)
    second.buffer(UNBUFFERED)
    first.close()
    log.close()
    assert files.paths() == (access,)
    second.write(b"2\n")
    second.close()
    assert files.paths() == ()
    assert ": all peers are down, client: ::1\n" in (tmp_path / "error.log").read_text()
    written = (tmp_path / "access.log").read_text().splitlines()
    # An error goes past the buffer; the buffer goes out when nobody wants one any more.
    assert "all peers" in written[0]
    assert written[-2:] == ["1", "2"]


def test_the_style_is_chosen(tmp_path: Path) -> None:
    log = OpenLogs(LogFiles()).error_log((ErrorSink(str(tmp_path / "e"), "info"),))
    log.write("notice", "started", workers=1)
    log.close()
    line = json.loads((tmp_path / "e").read_text())
    assert {"level": "notice", "event": "started", "workers": 1}.items() <= line.items()
    assert "message" not in line


def test_full_buffers_may_be_compressed(tmp_path: Path) -> None:
    file = OpenLogs(LogFiles()).file(str(tmp_path / "a.gz"))
    file.buffer(Buffering(8, gzip=1))
    for line in (b"first\n", b"second\n", b"longer than the buffer\n"):
        file.write(line)
    file.close()
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"first\nsecond\nlonger than the buffer\n"


def test_a_line_is_appended_without_keeping_the_file(tmp_path: Path) -> None:
    files = LogFiles()
    logs = OpenLogs(files)
    for line in (b"1\n", b"2\n"):
        logs.append(str(tmp_path / "a"), line)
    assert (tmp_path / "a").read_bytes() == b"1\n2\n"
    assert files.paths() == ()


def test_an_access_log_may_go_to_syslog(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "log"))
        server.settimeout(5)
        file = OpenLogs(LogFiles()).file(f"syslog:server=unix:{tmp_path}/log,severity=warn,nohostname")
        file.write(b"GET /\n")
        assert server.recv(100).startswith(b"<188>")
        file.close()


@pytest.mark.parametrize("path", ["syslog:server=", "/nonexistent/folder/a.log"])
def test_what_cannot_be_opened_is_an_error(path: str, tmp_path: Path) -> None:
    files = LogFiles()
    with pytest.raises((OSError, ValueError)):
        OpenLogs(files).file(path)
    with pytest.raises((OSError, ValueError)):
        OpenLogs(files).error_log((ErrorSink(str(tmp_path / "fine")), ErrorSink(path)))
    assert files.paths() == ()
