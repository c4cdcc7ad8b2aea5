import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyngx.process.notify import Notifier, open_notifier, take_watchdog_interval


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@pyngx-test-{os.getpid()}"


@pytest.fixture
def manager(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(address.replace("@", "\0", 1) if address[0] == "@" else address)
        receiver.settimeout(5)
        yield receiver


def test_the_manager_hears_each_state(address: str, manager: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": address, "HOME": "/"}
    notifier = open_notifier(environ)
    assert environ == {"HOME": "/"}
    notifier.ready("serving")
    notifier.status("two\nlines")
    notifier.watchdog()
    notifier.main_pid(7)
    notifier.stopping()
    heard = [manager.recv(1000) for _ in range(5)]
    assert heard == [b"READY=1\nSTATUS=serving", b"STATUS=two lines", b"WATCHDOG=1", b"MAINPID=7", b"STOPPING=1"]
    notifier.close()


def test_a_reload_says_when_it_began(address: str, manager: socket.socket) -> None:
    notifier = Notifier(address)
    notifier.reloading("generation 2")
    assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=[0-9]+\nSTATUS=generation 2", manager.recv(1000))
    notifier.close()


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nonexistent/notify"}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_a_manager_there_is_silence(environ: dict[str, str]) -> None:
    notifier = open_notifier(environ)
    notifier.ready()
    notifier.close()
    notifier.ready()


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_asked(environ: dict[str, str], interval: float | None) -> None:
    assert take_watchdog_interval(environ) == interval
    assert environ == {}
