"""Too much, too slowly, and nothing at all: what is bounded, what is cut off, and that others are served meanwhile."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress

import pytest

from tests.hostile.client import PATIENCE, Answer, listen, read_answers
from tests.hostile.site import FIRST, IMPATIENT, LAST, Site, head

MIB = 2**20
CONNECTIONS = 400
DRIP = 0.1  # seconds between two bytes
# The impatient server waits for 1 second, and for 2 until it has said goodbye; a busy machine takes its own time.
TOO_LONG = 6.0


def connect(site: Site, server: int = IMPATIENT) -> socket.socket:
    return socket.create_connection(("127.0.0.1", site.ports[server]), PATIENCE)


def drip(site: Site, first: bytes, drops: Iterator[bytes]) -> tuple[float, list[Answer]]:
    """Say something ever so slowly; gives how long that was put up with, and the answers."""
    with closing(connect(site)) as client:
        client.sendall(first)
        client.settimeout(DRIP)
        started, data = time.monotonic(), b""
        for drop in drops:
            try:
                part = client.recv(65536)
            except TimeoutError:
                part = b" "
            except ConnectionError:
                break
            if not part:
                break
            data += part.strip(b" ") if part == b" " else part
            if time.monotonic() - started > TOO_LONG:
                break
            with suppress(OSError):
                client.sendall(drop)
        return time.monotonic() - started, read_answers(data)


def forever(drop: bytes) -> Iterator[bytes]:
    while True:
        yield drop


# What comes first, what comes then every tenth of a second, and the statuses of the answers: a 408 is not said.
DRIPS: dict[str, tuple[bytes, bytes, list[int]]] = {
    "nothing": (b"", b"", []),
    "blank lines": (b"", b"\r\n", []),
    "a request line byte by byte": (b"GET /", b"a", []),
    "fields": (b"GET / HTTP/1.1\r\nHost: t\r\n", b"X: y\r\n", []),
    "a field's value": (b"GET / HTTP/1.1\r\nHost: t\r\nX: ", b"a", []),
    "a second request": (head("GET /own"), b"G", [200]),
    "blank lines after an answer": (head("GET /own"), b"\r\n", [200]),
    "half a body": (head("POST /up", "Content-Length: 100") + b"half", b"", []),
    "half a body that is streamed": (head("POST /stream", "Content-Length: 100") + b"half", b"", []),
    "half a chunk": (head("POST /up", "Transfer-Encoding: chunked") + b"5\r\nhal", b"", []),
    "no chunk": (head("POST /up", "Transfer-Encoding: chunked"), b"", []),
    "no body, though it was asked for": (
        head("POST /up", "Expect: 100-continue", "Content-Length: 5"),
        b"",
        [100],
    ),
    "a body for nobody": (head("POST /own", "Content-Length: 100000"), b"a", [200]),
    "after a refusal": (b"GARBAGE\r\n\r\n", b"a", [400]),
    "after a body too large": (head("POST /up", "Content-Length: 99999999"), b"a", [413]),
}


def test_who_is_slow_is_cut_off_and_holds_nobody_up(site: Site) -> None:
    with ThreadPoolExecutor(len(DRIPS) + 1) as pool:
        running = {name: pool.submit(drip, site, first, forever(drop)) for name, (first, drop, _) in DRIPS.items()}
        started = time.monotonic()
        assert site.serves_others()
        assert time.monotonic() - started < 1
        for name, future in running.items():
            lasted, answers = future.result()
            assert lasted < TOO_LONG, name
            assert [answer.status for answer in answers] == DRIPS[name][2], name
    assert site.serves_others()


def test_a_head_that_comes_byte_by_byte_costs_no_more_than_others(site: Site) -> None:
    lines = b"GET /own HTTP/1.1\r\nHost: t\r\n" + b"a:\r\n" * 900
    with closing(connect(site, FIRST)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        started = time.monotonic()
        for at in range(len(lines)):
            client.sendall(lines[at : at + 1])
        client.sendall(b"Connection: close\r\n\r\n")
        assert listen(client).statuses == [200]
        assert time.monotonic() - started < 3
    assert site.serves_others()


def test_hundreds_of_idle_connections_cost_little(site: Site) -> None:
    before = site.memory
    with ExitStack() as stack:
        for at in range(CONNECTIONS):
            client = stack.enter_context(closing(connect(site, FIRST)))
            client.sendall((b"", b"GET /", head("GET /own"), head("POST /up", "Content-Length: 9"))[at % 4])
        started = time.monotonic()
        for _ in range(20):
            assert site.serves_others()
        assert time.monotonic() - started < 2
        assert site.memory - before < CONNECTIONS * 32 * 1024
    assert site.serves_others()


def test_a_flood_of_pipelined_requests_is_answered_in_order(site: Site) -> None:
    count = 2000
    with closing(connect(site, FIRST)) as client:
        client.sendall(b"".join(head(f"GET /own?{at}") for at in range(count // 2)))
        client.sendall(b"".join(head(f"GET /up?{at}") for at in range(count // 2)) + LAST)
        answers = listen(client).answers
    assert len(answers) == count + 1
    assert {answer.status for answer in answers} == {200}
    bodies = [answer.body for answer in answers]
    assert bodies == [b"own"] * (count // 2) + [b"GET /up?%d 0" % at for at in range(count // 2)] + [b"own"]


def _flood(site: Site, data: bytes, server: int = FIRST) -> int:
    """Send without ever reading, until the server takes no more; gives how much it took."""
    sent = 0
    with closing(connect(site, server)) as client:
        client.settimeout(0.5)
        with suppress(OSError):
            while sent < 32 * MIB:
                sent += client.send(data)
        assert site.serves_others()
    return sent


@pytest.mark.parametrize(
    "data",
    [
        head("GET /own") * 200,
        head("GET /static/large") * 200,
        head("GET /up") * 200,
        head("GET /missing") * 200,
        b"\r\n" * 10_000,
        head("POST /own", "Content-Length: 10") * 100,
        head("OPTIONS /up", "Transfer-Encoding: chunked") + (b"64\r\n" + b"a" * 100 + b"\r\n") * 600 + b"0\r\n\r\n",
    ],
    ids=["own", "files", "upstream", "missing", "blank lines", "bodies", "chunks"],
)
def test_who_reads_nothing_is_not_heard_for_long(site: Site, data: bytes) -> None:
    before = site.memory
    _flood(site, data)
    assert site.memory - before < 12 * MIB


def test_who_takes_nothing_is_cut_off(site: Site) -> None:
    with closing(socket.socket()) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", site.ports[IMPATIENT]))
        client.sendall(head("GET /static/large") * 20)
        time.sleep(2.5)
        client.settimeout(PATIENCE)
        data = 0
        with suppress(ConnectionError):
            while part := client.recv(65536):
                data += len(part)
    assert data < 10 * MIB
    assert site.serves_others()


HEADS: dict[str, Callable[[int], bytes]] = {
    "distinct heads": lambda at: head("GET /own", *[f"{field:x}:{at % 10}" for field in range(280)], host=f"t{at}"),
    "distinct hosts": lambda at: head("GET /own", host=f"{at}.{'a' * 200}"),
    "distinct targets": lambda at: head(f"GET /own?{at}{'a' * 1000}"),
    "distinct cookies": lambda at: head("GET /up", f"Cookie: {at}{'a' * 1000}"),
}


@pytest.mark.parametrize("name", HEADS)
def test_what_is_remembered_of_heads_is_bounded(site: Site, name: str) -> None:
    before = site.memory
    with closing(connect(site, FIRST)) as client:
        for start in range(0, 1500, 50):
            client.sendall(b"".join(HEADS[name](at) for at in range(start, start + 50)))
            seen = b""
            while seen.count(b"HTTP/1.1 200 ") < 50 or not seen.endswith((b"own", b" 0")):
                part = client.recv(65536)
                if not part:  # keepalive_requests
                    client.close()
                    return
                seen += part
    assert site.memory - before < 12 * MIB
