"""`worker_shutdown_timeout`, which bounds how long an older configuration goes on."""

from __future__ import annotations

import http.client
import signal
import socket
from contextlib import closing
from pathlib import Path

from tests.support.daemon import PATIENCE, free_port, running

CONFIGURATION = """
    worker_shutdown_timeout {seconds}ms;
    events {{ }}
    http {{ server {{ listen 127.0.0.1:{port}; location / {{ return 200 short; }}
        location /held {{ proxy_pass http://127.0.0.1:{held}; }} }} }}
"""


def ended(client: socket.socket) -> bool:
    client.settimeout(PATIENCE)
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def test_what_an_older_configuration_began_is_broken_off_in_time(tmp_path: Path) -> None:
    port = free_port()
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as silent,
        running(tmp_path, CONFIGURATION.format(seconds=50, port=port, held=silent.getsockname()[1])) as daemon,
        closing(socket.create_connection(("127.0.0.1", port))) as idle,
        closing(socket.create_connection(("127.0.0.1", port))) as busy,
    ):
        busy.sendall(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        with closing(silent.accept()[0]):
            daemon.signal(signal.SIGHUP)
            assert ended(idle)
            assert ended(busy)


def test_before_that_connections_go_over_to_the_new_configuration(tmp_path: Path) -> None:
    port = free_port()
    with (
        running(tmp_path, CONFIGURATION.format(seconds=60_000, port=port, held=1)) as daemon,
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as client,
    ):
        for count in range(2):
            client.request("GET", "/")
            assert client.getresponse().read() == b"short"
            daemon.signal(signal.SIGHUP)
            daemon.wait_for("config_unchanged", count + 1)
