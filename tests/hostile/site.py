"""The server under attack: one configuration, by pyngx or by nginx, in front of an upstream that believes nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from tests.hostile.client import PATIENCE, Heard, talk
from tests.hostile.upstream import Upstream

# Asks for something that needs no upstream, and for the end of the connection.
LAST = b"GET /own HTTP/1.1\r\nHost: last\r\nConnection: close\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: smuggled\r\n\r\n"
CONFIGURATION = """
    events { worker_connections 4096; }
    http {
        client_header_timeout 20s; client_body_timeout 20s; keepalive_timeout 20s; keepalive_requests 5000;
        proxy_read_timeout 20s;
        proxy_http_version 1.1; proxy_set_header Connection ""; access_log OWN/access.log;
        TEMPORARY
        upstream up { server UPSTREAM; keepalive 16; }
        server {
            listen LISTEN0; root ROOT/public;
            location /static/ { }
            location /own { return 200 own; }
            location /up { proxy_pass http://up; }
            location /lie/ { proxy_pass http://up; }
            location /smuggled { proxy_pass http://up; }
            location /stream { proxy_request_buffering off; proxy_pass http://up; }
            location /uri/ { proxy_pass http://up/base/; }
            location /api { proxy_pass http://up/v1/; }
            location /files { alias ROOT/aliased/files/; }
            location /listed/ { alias ROOT/aliased/files/; }
            location /tried/ { try_files $uri $uri/ =404; }
            location ~ ^/re/(.*)$ { alias ROOT/aliased/files/$1; }
            location /named { proxy_set_header Host $http_host; proxy_set_header X-Host $host; proxy_pass http://up; }
            location /set {
                proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr;
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-User "ours"; proxy_pass http://up;
            }
            location /recipe {
                proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_pass http://up;
            }
            location /private { return 403; }
            location /plus {
                proxy_set_header X-User "plus"; add_header X-Added plus; proxy_hide_header X-Up; proxy_pass http://up;
            }
            location /minus { proxy_pass_request_headers off; proxy_pass http://up; }
            location /gunzip/ { gunzip on; proxy_pass http://up/lie/; }
            SERVER
        }
        server {
            listen LISTEN1; underscores_in_headers on;
            location /own { return 200 own; }
            location / { proxy_pass http://up; }
        }
        server {
            listen LISTEN2; ignore_invalid_headers off;
            location /own { return 200 own; }
            location / { proxy_pass http://up; }
        }
        server {
            listen LISTEN3; client_header_timeout 1s; client_body_timeout 1s; keepalive_timeout 1s; send_timeout 1s;
            lingering_timeout 1s; lingering_time 2s; proxy_read_timeout 1s; root ROOT/public;
            location / { proxy_pass http://up; }
            location /stream { proxy_request_buffering off; proxy_pass http://up; }
            location /static/ { }
            location /own { return 200 own; }
        }
    }
"""
OURS = """
            location /recipe/lie/ {
                proxy_websocket off; proxy_pass http://up/lie/;
                proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";
            }
            location /echo { asgi_pass tests.hostile.echo:app; }
"""
FIRST, UNDERSCORES, ALL_NAMES, IMPATIENT = range(4)
PORTS = 4


@dataclass(frozen=True)
class Case:
    """Bytes, and what has to come of them.

    `status` is that of the first answer, 0 where the connection is closed without one. `passed` is what the upstream
    gets of the attack: request lines with their bodies. After a refusal (and where `ends`) nothing is answered any
    more.
    """

    raw: bytes
    status: int = 400
    passed: tuple[tuple[str, bytes], ...] = ()
    server: int = FIRST
    ends: bool = False
    sees: Mapping[str, list[str]] = field(default_factory=dict)  # fields of the first request that the upstream gets
    more: tuple[int, ...] = ()  # the statuses of further answers, before the last
    method: str = "GET"  # of the first request; "0.9" where no head is owed

    @property
    def refuses(self) -> bool:
        return self.ends or self.status in {0, 400, 405, 408, 413, 414, 494, 501, 505}


@dataclass
class Site:
    """A server at work, and what to ask it."""

    ports: tuple[int, ...]
    upstream: Upstream
    pid: int
    bystander: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self._connect()

    def _connect(self) -> None:
        self.bystander = socket.create_connection(("127.0.0.1", self.ports[FIRST]), PATIENCE)

    def close(self) -> None:
        self.bystander.close()

    @property
    def memory(self) -> int:
        """What the server holds, in bytes."""
        with open(f"/proc/{self.pid}/statm") as statm:
            return int(statm.read().split()[1]) * 4096

    def talk(
        self, *parts: bytes | float, server: int = FIRST, method: str = "GET", patience: float = PATIENCE
    ) -> Heard:
        """Say something on a connection of its own."""
        return talk(self.ports[server], *parts, method=method, patience=patience)

    def say_all(self, *parts: bytes) -> bytes:
        """Say the parts and that there is no more; gives all that comes back."""
        data = b""
        with socket.create_connection(("127.0.0.1", self.ports[FIRST]), PATIENCE) as client, suppress(ConnectionError):
            for part in parts:
                client.sendall(part)
            client.shutdown(socket.SHUT_WR)
            while part := client.recv(65536):
                data += part
        return data

    def stream(self, request: bytes) -> Iterator[bytes]:
        """What comes back, part by part."""
        with socket.create_connection(("127.0.0.1", self.ports[FIRST]), PATIENCE) as client:
            client.sendall(request)
            while part := client.recv(65536):
                yield part

    def strike(self, case: Case, patience: float = PATIENCE) -> Heard:
        """Attack, and ask for something else behind it."""
        self.upstream.forget()
        return self.talk(case.raw + LAST, server=case.server, method=case.method, patience=patience)

    def serves_others(self) -> bool:
        """Whether a connection that has been there for long is served."""
        self.bystander.sendall(b"GET /own HTTP/1.1\r\nHost: bystander\r\n\r\n")
        data = b""
        while not data.endswith(b"own"):
            part = self.bystander.recv(4096)
            if not part:
                return False
            data += part
        if b"Connection: close" in data:  # it has served its time
            self.bystander.close()
            self._connect()
        return data.startswith(b"HTTP/1.1 200 ")


def check(site: Site, case: Case) -> Heard:
    """Attack, and see that nothing came of it but what should."""
    heard = site.strike(case)
    upstream = site.upstream
    assert heard.end != "open", f"hangs: {heard}"
    assert upstream.problems == []
    assert [(seen.line, seen.body) for seen in upstream.seen] == list(case.passed)
    assert {name: upstream.seen[0].all(name) for name in case.sees} == case.sees
    first = [case.status] if case.status else []
    last = [] if case.refuses or any(status in {400, 414} for status in case.more) else [200]
    assert heard.statuses == [*first, *case.more, *last], heard
    if last:
        assert heard.last.body == b"own"
    assert all(answer.whole for answer in heard.answers)
    assert site.serves_others()
    return heard


def head(line: str | bytes, *fields: str | bytes, host: str | None = "t", end: bytes = b"\r\n") -> bytes:
    """A request's head; a line that says no version is of HTTP/1.1."""
    whole = line.encode("latin-1") if isinstance(line, str) else line
    if b" HTTP/" not in whole:
        whole += b" HTTP/1.1"
    lines = [whole, *([b"Host: " + host.encode("latin-1")] if host is not None else [])]
    lines += [field.encode("latin-1") if isinstance(field, str) else field for field in fields]
    return end.join([*lines, b"", b""])
