"""Clients that leave, and bodies that are large: what is logged, and whether the upstream is let go."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from tests.oracle.backend import Reply
from tests.oracle.pair import Pair, Side, needs_nginx, pair
from tests.oracle.wire import ask, chunked, send

pytestmark = needs_nginx

MEBIBYTE = bytes(range(256)) * 4096
REPLIES = {
    "waits": Reply.raw(0.5, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    "large": Reply.of("200 OK", body=MEBIBYTE * 16),
    "large chunked": Reply.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(*[MEBIBYTE] * 4)),
}
CONFIGURATION = """
    proxy_http_version 1.1; proxy_set_header Connection ""; client_max_body_size 0;
    upstream waits { server <waits>; }
    log_format short '$request_uri $status $upstream_status [$request_completion] $upstream_addr';
    server {
        listen LISTEN0; server_name localhost; access_log OWN/logs/short.log short;
        location / { proxy_pass http://<main>; }
        location /unbuffered { proxy_pass http://<main>; proxy_buffering off; proxy_request_buffering off; }
        location /waits { proxy_pass http://waits; }
        location /stays { proxy_ignore_client_abort on; proxy_pass http://waits; }
        location /error { error_page 502 504 /page; proxy_pass http://waits; }
        location /page { return 200 page; }
    }
"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with pair(tmp_path_factory.mktemp("lifecycle"), CONFIGURATION, ("main", "waits"), REPLIES) as running:
        yield running


def leave(side: Side, raw: bytes, after: int = 0) -> None:
    """Send a request, read so many bytes, and go."""
    with socket.create_connection(("127.0.0.1", side.ports[0]), 5) as client:
        client.sendall(raw)
        while after > 0:
            after -= len(client.recv(65536))
        time.sleep(0.1)


@pytest.mark.parametrize("target", ["/waits", "/stays", "/error"])
def test_clients_that_leave_are_logged_alike(servers: Pair, target: str) -> None:
    count = len(servers.logged("logs/short.log", 0)[0]) if (servers.nginx.own / "logs/short.log").exists() else 0
    for side in servers.sides:
        leave(side, ask(f"GET {target}").raw)
    theirs, ours = servers.logged("logs/short.log", count + 1)
    assert ours[-1] == theirs[-1]


@pytest.mark.parametrize("target", ["/x", "/unbuffered/x"])
def test_clients_that_leave_during_a_download_are_logged_alike(servers: Pair, target: str) -> None:
    count = len(servers.logged("logs/short.log", 0)[0]) if (servers.nginx.own / "logs/short.log").exists() else 0
    for side in servers.sides:
        leave(side, ask(f"GET {target}", "X-Reply: large").raw, 100_000)
    theirs, ours = servers.logged("logs/short.log", count + 1)
    assert ours[-1] == theirs[-1]


@pytest.mark.parametrize("target", ["/x", "/unbuffered/x"])
@pytest.mark.parametrize("reply", ["large", "large chunked"])
def test_large_bodies_arrive_whole(servers: Pair, target: str, reply: str) -> None:
    for side in servers.sides:
        answer = send(side.ports[0], ask(f"GET {target}", f"X-Reply: {reply}").raw, "GET", {})
        assert answer is not None
        assert answer.whole
        assert answer.body == MEBIBYTE * (16 if reply == "large" else 4)


@pytest.mark.parametrize("target", ["/x", "/unbuffered/x"])
@pytest.mark.parametrize("framing", ["Content-Length: 4194304", "Transfer-Encoding: chunked"])
def test_large_uploads_arrive_whole(servers: Pair, target: str, framing: str) -> None:
    body = chunked(*[MEBIBYTE] * 4) if "chunked" in framing else MEBIBYTE * 4
    theirs, ours = servers.passed(ask(f"PUT {target}", framing, body=body))
    for received in (*theirs, *ours):
        assert received.body == MEBIBYTE * 4
    assert [[name for name, _ in one.fields] for one in ours] == [[name for name, _ in one.fields] for one in theirs]
