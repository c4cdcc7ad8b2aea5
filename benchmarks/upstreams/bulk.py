"""A server of large bodies: `GET /bulk/SIZE` gives so many bytes.

The kernel sends the same piece of memory again and again, so that it stays in the processor's cache and costs the load
next to nothing; a file of a GiB would make the memory the limit for everybody.

`python -m benchmarks.upstreams.bulk PORT`
"""

from __future__ import annotations

import os
import re
import socket
import sys
import threading

from benchmarks.servers import HOST

PIECE = 1 << 20  # bytes
TARGET = re.compile(rb"GET /bulk/(\d+) ")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n"


def _serve(client: socket.socket, file: int) -> None:
    """One request after the other, none before the last one is answered."""
    with client:
        try:
            while size := _read_size(client):
                client.sendall(HEAD % size)
                _send(client, file, size)
        except ConnectionError:
            pass


def _read_size(client: socket.socket) -> int:
    """0 where there is nothing more, or no sense in it."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        got = client.recv(65536)
        if not got:
            return 0
        data += got
    found = TARGET.match(data)
    return int(found[1]) if found else 0


def _send(client: socket.socket, file: int, size: int) -> None:
    while size:
        size -= os.sendfile(client.fileno(), file, 0, min(size, PIECE))


def main(port: int) -> None:
    """Until the process is ended."""
    file = os.memfd_create("bulk")
    os.write(file, bytes(PIECE))
    with socket.create_server((HOST, port)) as listener:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, file), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
