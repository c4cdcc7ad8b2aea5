import json
import socket
from pathlib import Path

import pytest

from pyngx.core import logs as port
from pyngx.process.log_files import LogFiles
from pyngx.process.open_logs import OpenLogs


def test_a_generation_opens_its_logs_and_the_next_adopts_them(tmp_path: Path) -> None:
    files = LogFiles()
    access, error = str(tmp_path / "access.log"), str(tmp_path / "error.log")
    old: port.Logs = OpenLogs(files)
    first = old.file(access, buffer=100)
    log = old.error_log(((error, "warn"), (access, "crit")), "nginx")
    first.write(b"1\n")
    assert (log.enabled("info"), log.enabled("warn")) == (False, True)
    log.write("crit", "down", "all peers are down", client="::1", exception=ValueError("x"))
    new = OpenLogs(files)
    assert new.file(access) is first
    old.close()
    first.write(b"2\n")
    assert files.paths() == (access,)
    new.close()
    assert ": all peers are down, client: ::1\n" in (tmp_path / "error.log").read_text()
    written = (tmp_path / "access.log").read_text().splitlines()
    # An error goes past the buffer; the buffer goes out when the next generation wants none.
    assert "all peers" in written[0]
    assert written[-2:] == ["1", "2"]


def test_the_style_is_chosen(tmp_path: Path) -> None:
    logs = OpenLogs(LogFiles())
    logs.error_log(((str(tmp_path / "e"), "info"),), "json").write("notice", "started", workers=1)
    logs.close()
    line = json.loads((tmp_path / "e").read_text())
    assert {"level": "notice", "event": "started", "workers": 1}.items() <= line.items()
    assert "message" not in line


def test_an_access_log_may_go_to_syslog(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "log"))
        server.settimeout(5)
        logs = OpenLogs(LogFiles())
        logs.file(f"syslog:server=unix:{tmp_path}/log,severity=warn,nohostname").write(b"GET /\n")
        assert server.recv(100).startswith(b"<188>")
        logs.close()


@pytest.mark.parametrize("path", ["syslog:server=", "/nonexistent/folder/a.log"])
def test_what_cannot_be_opened_is_an_error(path: str) -> None:
    with pytest.raises((OSError, ValueError)):
        OpenLogs(LogFiles()).file(path)
