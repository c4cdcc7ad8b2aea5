"""The real nginx, to be compared with; tests that need it are skipped where it is not installed."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

NGINX = shutil.which("nginx")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
PATIENCE = 5.0  # seconds


@dataclass(frozen=True)
class Answer:
    """What nginx sent: fields as (name, value), the body as it was framed."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes


@contextmanager
def nginx(http: str, prefix: Path) -> Iterator[int]:
    """Run `http { ... }` with a server block that listens on `LISTEN`; gives the port."""
    assert NGINX is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    conf = prefix / "nginx.conf"
    (prefix / "logs").mkdir(exist_ok=True)
    text = http.replace("LISTEN", f"127.0.0.1:{port}")
    conf.write_text(
        f"daemon off; master_process off; pid {prefix}/nginx.pid; error_log {prefix}/error.log; events {{ }}\n"
        f"http {{ client_body_temp_path {prefix}/body; {text} }}"
    )
    process = subprocess.Popen([NGINX, "-p", str(prefix), "-c", str(conf)], stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE)


def ask_nginx(port: int, line: str, fields: Sequence[tuple[bytes, bytes]]) -> Answer:
    """Send a request and read to the end."""
    head = b"".join(b"%s: %s\r\n" % field for field in (*fields, (b"Connection", b"close")))
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(line.encode() + b"\r\n" + head + b"\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    start, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = start.decode("latin-1").split("\r\n")
    pairs = [entry.partition(": ") for entry in rest]
    return Answer(int(first.split(" ")[1]), [(name, value) for name, _, value in pairs], body)


def _wait(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), PATIENCE).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
    raise TimeoutError("nginx does not listen")
