from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.daemon import PATIENCE, ROOT, Daemon, accepts, free_port, get, pyngx, running, until


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "index.html").write_text("from a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "index.html").write_text("from b")
    return tmp_path


def serving(port: int, root: str = "a", more: str = "") -> str:
    return f"events {{ }}\nhttp {{\n server {{ listen 127.0.0.1:{port}; root {root}; }}\n{more}\n}}\n"


@pytest.fixture
def daemon(folder: Path, port: int) -> Iterator[Daemon]:
    with running(folder, serving(port)) as daemon:
        yield daemon


def test_serves_when_the_pid_file_is_there_and_tells_of_its_start(daemon: Daemon, port: int) -> None:
    assert get(port) == (200, "from a")
    assert daemon.pid_file.read_text() == f"{daemon.process.pid}\n"
    started = daemon.wait_for("started")
    assert started["listeners"] == [f"127.0.0.1:{port}"]
    assert started["generation"] == 1


def test_a_saved_file_is_in_force_within_half_a_second(daemon: Daemon, port: int) -> None:
    daemon.write(serving(port, "b"))
    saved = time.monotonic()
    until(lambda: get(port) == (200, "from b"))
    # Twice what is promised, for the machine may have other things to do.
    assert time.monotonic() - saved < 1
    event = daemon.wait_for("config_reloaded")
    assert event["generation"] == 2
    assert (event["added"], event["removed"]) == ([], [])
    assert event["changed"] == [f"server 127.0.0.1:{port}: root"]


def test_a_file_that_was_only_emptied_yet_ends_nothing(daemon: Daemon, port: int) -> None:
    daemon.write("")
    event = daemon.wait_for("config_rejected")
    assert 'no "events" section in configuration' in str(event["message"])
    assert get(port) == (200, "from a")


def test_a_wrong_file_changes_nothing_and_is_told_with_all_its_errors(daemon: Daemon, port: int) -> None:
    daemon.write(serving(port, "b", "sever { }\n foo bar;"))
    event = daemon.wait_for("config_rejected")
    assert [error["line"] for error in event["errors"]] == [4, 5]  # type: ignore[attr-defined]
    assert "^^^^^" in str(event["details"])
    assert 'did you mean "server"?' in str(event["details"])
    assert get(port) == (200, "from a")
    daemon.write(serving(port, "b"))
    until(lambda: get(port) == (200, "from b"))


def test_an_included_file_that_made_the_configuration_wrong_is_watched(daemon: Daemon, port: int) -> None:
    more = daemon.conf.parent / "more.conf"
    more.write_text("nonsense;")
    daemon.write(serving(port, "b", "include more.conf;"))
    daemon.wait_for("config_rejected")
    more.write_text("# nothing")
    daemon.wait_for("config_reloaded")
    assert get(port) == (200, "from b")


def test_what_was_wrong_and_is_as_before_is_no_new_generation(daemon: Daemon, port: int) -> None:
    daemon.write("nonsense;")
    daemon.wait_for("config_rejected")
    daemon.write(serving(port))
    assert daemon.wait_for("config_unchanged")["generation"] == 1


def test_an_address_that_is_taken_changes_nothing(daemon: Daemon, port: int) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        other = taken.getsockname()[1]
        daemon.write(serving(port, "b", f"server {{ listen 127.0.0.1:{other}; }}"))
        event = daemon.wait_for("config_rejected")
    assert f"bind() to 127.0.0.1:{other} failed (98: Address already in use)" in str(event["message"])
    assert get(port) == (200, "from a")


def test_listeners_come_and_go_while_connections_live(daemon: Daemon, port: int) -> None:
    other = free_port()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as kept:
        kept.request("GET", "/")
        assert kept.getresponse().read() == b"from a"
        daemon.write(serving(port, "b", f"server {{ listen 127.0.0.1:{other}; root a; }}"))
        until(lambda: accepts(other))
        kept.request("GET", "/")
        assert kept.getresponse().read() == b"from b"
        daemon.write(serving(port, "b"))
        until(lambda: not accepts(other))
        kept.request("GET", "/")
        assert kept.getresponse().read() == b"from b"
    assert daemon.wait_for("config_reloaded")["added"] == [f"server 127.0.0.1:{other}"]
    assert daemon.wait_for("listeners_changed", 2)["closed"] == [f"127.0.0.1:{other}"]


def test_the_command_line_reloads_and_stops(daemon: Daemon, port: int) -> None:
    assert pyngx("-p", str(daemon.prefix), "-s", "reload").returncode == 0
    assert daemon.wait_for("config_unchanged")["generation"] == 2
    daemon.write(serving(port, "b"))
    assert pyngx("-p", str(daemon.prefix), "-s", "stop").returncode == 0
    assert daemon.wait() == 0
    assert not daemon.pid_file.exists()


def test_quit_closes_idle_connections_at_once(daemon: Daemon, port: int) -> None:
    with closing(socket.create_connection(("127.0.0.1", port))) as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.recv(4096)
        daemon.signal(signal.SIGQUIT)
        assert daemon.wait() == 0
    assert [event["event"] for event in daemon.events()][-2:] == ["stopping", "stopped"]
    assert not daemon.pid_file.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_at_once_when_told_to(daemon: Daemon, port: int, number: signal.Signals) -> None:
    with closing(socket.create_connection(("127.0.0.1", port))) as unfinished:
        unfinished.sendall(b"GET / HTTP/1.1\r\n")
        get(port)
        daemon.signal(number)
        assert daemon.wait() == 0


def test_signals_without_a_meaning_are_told_and_ignored(daemon: Daemon, port: int) -> None:
    daemon.signal(signal.SIGWINCH)
    assert daemon.wait_for("signal_ignored")["signal"] == "SIGWINCH"
    daemon.signal(signal.SIGUSR2)
    assert daemon.wait_for("signal_ignored", 2)["signal"] == "SIGUSR2"
    assert get(port) == (200, "from a")


def test_logs_are_opened_again(folder: Path, port: int) -> None:
    text = "log_style nginx; error_log error.log notice;" + serving(port, more="access_log access.log;")
    log = folder / "error.log"
    with running(folder, text) as daemon:
        get(port)
        for name in ("error.log", "access.log"):
            (folder / name).rename(folder / f"{name}.1")
        daemon.signal(signal.SIGUSR1)
        until(lambda: log.exists() and "log files reopened" in log.read_text())
        get(port)
        until(lambda: '"GET / HTTP/1.1" 200' in (folder / "access.log").read_text())
    assert "[notice]" in (folder / "error.log.1").read_text()


def test_survives_without_standard_descriptors(folder: Path, port: int) -> None:
    daemon = Daemon(folder)
    daemon.write(f"error_log {folder}/error.log;" + serving(port))
    # A shell closes them; `exec` keeps the number of the process.
    command = f"exec {sys.executable} -m pyngx -p {folder} <&- >&- 2>&-"
    daemon.process = subprocess.Popen(["sh", "-c", command], cwd=ROOT)
    try:
        until(daemon.pid_file.exists, "the pid file")
        assert get(port) == (200, "from a")
        fds = Path(f"/proc/{daemon.process.pid}/fd")
        assert {os.readlink(fds / str(fd)) for fd in range(3)} == {"/dev/null"}
    finally:
        daemon.end()


def test_a_start_that_fails_says_why_and_leaves_nothing(folder: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        taken_port = taken.getsockname()[1]
        daemon = Daemon(folder)
        daemon.write(serving(taken_port))
        done = pyngx("-p", str(folder), "-e", "error.log")
    assert done.returncode == 1
    message = f"bind() to 127.0.0.1:{taken_port} failed (98: Address already in use) in {daemon.conf}:3"
    assert done.stderr.startswith(f"pyngx: [emerg] {message}\n")
    assert "start_failed" in (folder / "error.log").read_text()
    assert not daemon.pid_file.exists()


def test_goes_to_the_background_once_it_serves(folder: Path, port: int) -> None:
    daemon = Daemon(folder)
    daemon.write(f"daemon on; error_log {folder}/error.log notice;" + serving(port))
    assert pyngx("-p", str(folder)).returncode == 0
    assert get(port) == (200, "from a")
    pid = int(daemon.pid_file.read_text())
    assert os.getsid(pid) == pid
    assert pyngx("-p", str(folder), "-s", "quit").returncode == 0
    until(lambda: not daemon.pid_file.exists())


def test_in_the_background_a_start_that_fails_is_told_all_the_same(folder: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        Daemon(folder).write("daemon on;" + serving(taken.getsockname()[1]))
        done = pyngx("-p", str(folder))
    assert done.returncode == 1
    assert "Address already in use" in done.stderr


def test_the_service_manager_is_kept_informed(folder: Path, port: int) -> None:
    path = str(folder / "notify")
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.bind(path)
        manager.settimeout(PATIENCE)
        environment = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "60000000"}
        with running(folder, serving(port), environment=environment) as daemon:
            assert manager.recv(999) == b"READY=1\nSTATUS=generation 1, 1 listener"
            assert manager.recv(999) == b"WATCHDOG=1"
            daemon.write(serving(port, "b"))
            assert manager.recv(999).startswith(b"RELOADING=1\n")
            assert manager.recv(999) == b"READY=1\nSTATUS=generation 2, 1 listener"
            daemon.signal(signal.SIGTERM)
            assert manager.recv(999).startswith(b"STOPPING=1")
            daemon.wait()


def test_takes_sockets_of_the_service_manager(folder: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as given:
        port = given.getsockname()[1]
        daemon = Daemon(folder)
        daemon.write(serving(port))
        fd = given.fileno()
        become = f"import os; os.dup2({fd}, 3); os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))"
        command = f"{become}; os.execv({sys.executable!r}, [{sys.executable!r}, '-m', 'pyngx', '-p', {str(folder)!r}])"
        daemon.process = subprocess.Popen([sys.executable, "-c", command], cwd=ROOT, pass_fds=[fd])
        try:
            until(daemon.pid_file.exists, "the pid file")
            assert get(port) == (200, "from a")
        finally:
            daemon.end()


def test_does_as_it_is_told_of_the_process(folder: Path, port: int) -> None:
    text = f"worker_rlimit_nofile 500; working_directory {folder}; env PYNGX_TEST=1; worker_priority 5;" + serving(port)
    with running(folder, text) as daemon:
        proc = Path(f"/proc/{daemon.process.pid}")
        limits = (proc / "limits").read_text().splitlines()
        assert next(line for line in limits if line.startswith("Max open files")).split()[3:5] == ["500", "500"]
        assert os.readlink(proc / "cwd") == str(folder)
        assert os.getpriority(os.PRIO_PROCESS, daemon.process.pid) == 5


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_becomes_the_user(folder: Path, port: int) -> None:
    for path in [folder, *folder.parents[:3]]:
        path.chmod(path.stat().st_mode | 0o755)
    text = "user nobody nogroup;" + serving(port, more="access_log access.log;")
    with running(folder, text) as daemon:
        assert get(port) == (200, "from a")
        assert "Uid:\t65534\t65534\t65534\t65534" in Path(f"/proc/{daemon.process.pid}/status").read_text()
        assert (folder / "access.log").stat().st_uid == 65534
        assert daemon.events("config_finding") == []


CLOCK = "location / { asgi_pass pyngx.demo:app; }"


def clock(port: int, before: str = "") -> str:
    """A configuration whose /sse?interval=… goes on for ever."""
    return f"{before} events {{ }} http {{ server {{ listen 127.0.0.1:{port}; root a; {CLOCK} }} }}"


@contextmanager
def following_clock(port: int) -> Iterator[http.client.HTTPResponse]:
    """A response that never ends."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request("GET", "/sse?interval=0.05")
        with closing(connection.getresponse()) as response:
            yield response


def test_a_response_under_way_outlives_reloads(folder: Path, port: int) -> None:
    with running(folder, clock(port)) as daemon, following_clock(port) as response:
        assert response.readline().startswith(b"id: 1")
        daemon.write(serving(port, "b"))
        until(lambda: get(port) == (200, "from b"))
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("config_unchanged")
        assert any(response.readline().startswith(b"id: ") for _ in range(9))


def test_a_graceful_end_waits_as_long_as_it_may(folder: Path, port: int) -> None:
    with running(folder, clock(port, "worker_shutdown_timeout 300ms;")) as daemon, following_clock(port):
        began = time.monotonic()
        daemon.signal(signal.SIGQUIT)
        until(lambda: not accepts(port))
        assert daemon.process.poll() is None
        assert daemon.wait() == 0
        assert time.monotonic() - began >= 0.3


def test_patience_may_end_before(folder: Path, port: int) -> None:
    with running(folder, clock(port)) as daemon, following_clock(port):
        daemon.signal(signal.SIGQUIT)
        until(lambda: not accepts(port))
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
