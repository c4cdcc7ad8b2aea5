"""The same upstream blocks in real nginx and here: which addresses are asked, one request after the other."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from pyngx.core.ports import Address
from pyngx.upstream.group import Group
from pyngx.upstream.peer import Peer, PeerSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NGINX = os.environ.get("PYNGX_ORACLE_NGINX") or shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

pytestmark = pytest.mark.skipif(NGINX is None, reason="needs nginx")

# Each server: is it alive, and its parameters; each case: its servers, and the number of requests.
CASES = {
    "weights": (["up weight=5", "up", "up"], 14),
    "several weights": (["up", "up weight=2", "up weight=3"], 12),
    "one refuses": (["up weight=5", "refuse", "up"], 10),
    "one refuses, heavy": (["refuse weight=10 max_fails=3", "up", "up weight=2"], 16),
    "failures don't count": (["refuse max_fails=0", "up"], 5),
    "single, refusing": (["refuse"], 3),
    "all refuse": (["refuse", "refuse"], 3),
    "backup": (["refuse", "up backup", "refuse weight=2 max_fails=2"], 6),
    "backups in turn": (["down", "up backup", "up backup weight=2", "refuse"], 6),
    "single and backup": (["refuse", "up backup"], 3),
}

CONF = """
daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/error.log;
events {{ }}
http {{
    log_format asked "$upstream_addr"; access_log off;
    client_body_temp_path {root}/t; proxy_temp_path {root}/t; fastcgi_temp_path {root}/t;
    uwsgi_temp_path {root}/t; scgi_temp_path {root}/t;
    server {{ {listens} location / {{ return 204; }} }}
    {upstreams}
    server {{ listen 127.0.0.1:{front}; {locations} }}
}}
"""


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [open_socket.getsockname()[1] for open_socket in sockets]
    for open_socket in sockets:
        open_socket.close()
    return ports


class _Nginx:
    """A running nginx with one upstream for each case."""

    def __init__(self, root: Path) -> None:
        total = sum(len(servers) for servers, _ in CASES.values())
        self.front, *ports = _free_ports(total + 1)
        self.ports: dict[str, list[int]] = {}
        upstreams, locations, listens = [], [], []
        for number, (case, (servers, _)) in enumerate(CASES.items()):
            self.ports[case] = [ports.pop() for _ in servers]
            lines = []
            for port, server in zip(self.ports[case], servers, strict=True):
                kind, _, parameters = server.partition(" ")
                lines.append(f"server 127.0.0.1:{port} {'down' if kind == 'down' else ''} {parameters};")
                if kind == "up":
                    listens.append(f"listen 127.0.0.1:{port};")
            upstreams.append(f"upstream u{number} {{ {' '.join(lines)} }}")
            locations.append(
                f"location /{number}/ {{ proxy_pass http://u{number}; add_header X-Asked $upstream_addr always; }}"
            )
        self.paths = {case: f"/{number}/" for number, case in enumerate(CASES)}
        parts = {"upstreams": "\n".join(upstreams), "locations": "\n".join(locations), "listens": "\n".join(listens)}
        conf = root / "nginx.conf"
        conf.write_text(CONF.format(root=root, front=self.front, **parts))
        self.process = subprocess.Popen([str(NGINX), "-c", str(conf), "-p", str(root), "-e", f"{root}/error.log"])

    def ask(self, case: str, number: int) -> list[str]:
        asked = []
        for _ in range(number):
            connection = HTTPConnection("127.0.0.1", self.front, timeout=5)
            connection.request("GET", self.paths[case])
            header = connection.getresponse().headers["X-Asked"]
            asked.append(" ".join(self._letter(case, address) for address in re.split(", ", header)))
            connection.close()
        return asked

    def wait(self) -> None:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.front)).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise TimeoutError("nginx did not start")

    def _letter(self, case: str, address: str) -> str:
        if not address.startswith("127."):
            return "-"
        return "abcdef"[self.ports[case].index(int(address.rpartition(":")[2]))]


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Nginx]:
    server = _Nginx(tmp_path_factory.mktemp("nginx"))
    try:
        server.wait()
        yield server
    finally:
        server.process.terminate()
        server.process.wait(10)


def _settings(letter: str, server: str) -> PeerSettings:
    kind, *parameters = server.split(" ")
    numbers = {name: int(value) for name, _, value in (p.partition("=") for p in parameters) if value}
    return PeerSettings(Address(letter), letter, down=kind == "down", backup="backup" in parameters, **numbers)


def _ask(servers: list[str], number: int) -> list[str]:
    settings = [_settings(letter, server) for letter, server in zip("abcdef", servers, strict=False)]
    refusing = {letter for letter, server in zip("abcdef", servers, strict=False) if server.startswith("refuse")}
    group = Group("app", settings)
    asked = []
    for _ in range(number):
        tried: set[Peer] = set()
        names = []
        for _ in range(1 if len(settings) == 1 else group.tries):
            chosen = group.select(tried, 100)
            names.append(chosen.settings.name if chosen else "-")
            if chosen is None:
                break
            if chosen.settings.name not in refusing:
                group.succeeded(chosen)
                break
            group.failed(chosen, 100)
        asked.append(" ".join(names))
    return asked


@pytest.mark.parametrize("case", CASES)
def test_the_same_peers_are_asked_as_by_nginx(case: str, nginx: _Nginx) -> None:
    servers, number = CASES[case]
    assert _ask(servers, number) == nginx.ask(case, number)
