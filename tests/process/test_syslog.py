import os
import socket
import time
from pathlib import Path

import pytest

from pyngx.process.log_files import LogFiles
from pyngx.process.log_styles import Level
from pyngx.process.logs import ErrorLog, make_log, open_sinks
from pyngx.process.syslog import SyslogSocket, SyslogTarget, format_syslog, parse_syslog


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("syslog:server=127.0.0.1", SyslogTarget(("127.0.0.1", 514))),
        ("syslog:server=[::1]:12345,nohostname", SyslogTarget(("::1", 12345), hostname=False)),
        (
            "syslog:server=unix:/dev/log,facility=local1,tag=web,severity=warn",
            SyslogTarget("/dev/log", "local1", Level.WARN, "web"),
        ),
    ],
)
def test_a_target_is_read_as_nginx_reads_it(text: str, target: SyslogTarget) -> None:
    assert parse_syslog(text) == target


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("syslog:", 'unknown syslog parameter ""'),
        ("syslog:tag=a", "no syslog server specified"),
        ("syslog:server=a,server=b", 'duplicate syslog "server"'),
        ("syslog:server=a:99999", 'invalid host or port in syslog server "a:99999"'),
        ("syslog:server=a,facility=x", 'unknown syslog facility "x"'),
        ("syslog:server=a,severity=x", 'unknown syslog severity "x"'),
        ("syslog:server=a,tag=a-b", 'syslog "tag" only allows alphanumeric characters and underscore'),
        (f"syslog:server=a,tag={'a' * 33}", "syslog tag length exceeds 32"),
        ("syslog:server=a,nohostname=1", 'unknown syslog parameter "nohostname=1"'),
    ],
)
def test_a_wrong_target_is_named(text: str, error: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_syslog(text)
    assert str(caught.value) == error


def test_the_header_is_rfc_3164(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    target = SyslogTarget("/x", tag="web", hostname=False)
    assert format_syslog(target, Level.ERROR, b"text\n", 1_700_000_000) == b"<187>Nov 14 22:13:20 web: text"
    named = SyslogTarget("/x")
    assert f" {socket.gethostname()} pyngx: ".encode() in format_syslog(named, Level.EMERG, b"text\n", 1_700_000_000)
    monkeypatch.undo()
    time.tzset()


def test_lines_reach_the_server_and_again_after_it_restarted(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    log = SyslogSocket(SyslogTarget(path, hostname=False))
    log.write_line(b"nobody there\n")
    for _ in range(2):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
            server.bind(path)
            server.settimeout(5)
            log.write_line(b"hello\n")
            assert server.recv(100).endswith(b"pyngx: hello")
        os.unlink(path)
        log.write_line(b"gone\n")
    log.close()
    assert log.lost == 3


def test_an_error_log_reaches_a_server_over_udp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        target = f"syslog:server=127.0.0.1:{server.getsockname()[1]},tag=t"
        lease = LogFiles().lease()
        make_log(open_sinks([ErrorLog(target)], lease)).crit("x")
        lease.close()
        assert server.recv(200).startswith(b"<186>")
