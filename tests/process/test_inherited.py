import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pyngx.process.inherited import take_inherited_sockets

ROOT = Path(__file__).parents[2]

# Hands its listeners on as a service manager does: from descriptor 3 on, with the pid of the process that execs.
CHILD = """
import os, sys
from pyngx.process.inherited import take_inherited_sockets
os.environ["LISTEN_PID"] = str(os.getpid())
for inherited in take_inherited_sockets(os.environ):
    blocking, passed_on = inherited.socket.getblocking(), inherited.socket.get_inheritable()
    print(inherited.name, inherited.address, blocking, passed_on)
print(sorted(name for name in os.environ if name.startswith("LISTEN_")))
"""


def hand_over(descriptors: list[int], **environ: str) -> list[str]:
    # First out of the way of 3, 4 …, which the shell then puts them on.
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in descriptors]
    home = " ".join(f"{3 + number}<&{fd}" for number, fd in enumerate(high))
    command = ["bash", "-c", f'exec "$0" -c "$1" {home}', sys.executable, CHILD]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | environ, pass_fds=high, stdout=subprocess.PIPE, timeout=20, check=True
        )
    finally:
        for fd in high:
            os.close(fd)
    return done.stdout.decode().splitlines()


def test_listeners_come_with_name_and_address_and_clear_the_environment(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(path)
        unix.listen()
        lines = hand_over([tcp.fileno(), unix.fileno()], LISTEN_FDS="2", LISTEN_FDNAMES="web:")
        port = tcp.getsockname()[1]
    assert lines == [f"web 127.0.0.1:{port} False False", f"unknown unix:{path} False False", "[]"]


def test_what_is_no_stream_socket_is_left_alone(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        assert hand_over([file.fileno(), udp.fileno()], LISTEN_FDS="2") == ["[]"]


def test_ipv6_addresses_are_bracketed() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with listener:
        (line, _) = hand_over([listener.fileno()], LISTEN_FDS="1", LISTEN_FDNAMES="six")
        assert line == f"six [::1]:{listener.getsockname()[1]} False False"


@pytest.mark.parametrize("pid", ["", "1"])
def test_sockets_of_another_process_are_not_taken(pid: str) -> None:
    environ = {"LISTEN_PID": pid, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "web"}
    assert take_inherited_sockets(environ) == ()
    assert environ == {}
