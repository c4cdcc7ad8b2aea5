"""Limits of rates and of requests under way: what real nginx lets pass, delays and refuses, and what pyngx does."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection

import pytest

from tests.oracle.backend import Reply
from tests.oracle.pair import Pair, Side, needs_nginx, pair

pytestmark = needs_nginx

SLOW = 0.5  # seconds
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
REPLIES = {
    "main": Reply.raw(SLOW, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    "websocket": Reply.raw(SWITCHED, b"hello", 2.0, close=True),
    "short": Reply.raw(SWITCHED, b"hello", 0.2, close=True),
}
HANDSHAKE = (
    b"GET /websocket?a=%s HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\nX-Reply: %s\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
# A rate so low that nothing leaks while a test runs; each location has keys of its own by its name.
CONFIGURATION = """
    limit_req_zone $arg_a$uri zone=a:1m rate=1r/m;
    limit_req_zone $arg_b$arg_u zone=b:1m rate=2r/m;
    limit_req_zone $arg_f zone=fast:1m rate=1000r/s;
    limit_req_zone $arg_t zone=timed:1m rate=10r/s;
    limit_req_zone $arg_k$arg_k zone=tiny:32k rate=1r/m;
    limit_conn_zone $arg_a$arg_u zone=c:1m;
    limit_conn_zone $arg_b zone=d:1m;
    log_format status '$request_uri $status $limit_req_status $limit_conn_status';
    server {
        listen LISTEN0; access_log OWN/logs/status.log status; keepalive_requests 10000;
        add_header X-Req $limit_req_status always; add_header X-Conn $limit_conn_status always;
        error_page 404 =200 /none;
        location /one { limit_req zone=a; }
        location /burst { limit_req zone=a burst=3 nodelay; }
        location /several { limit_req zone=a burst=2 nodelay; limit_req zone=b burst=4 nodelay; }
        location /last-empty { limit_req zone=a burst=1 nodelay; limit_req zone=fast; }
        location /dry { limit_req zone=a burst=2 delay=1; limit_req_dry_run on; }
        location /status {
            limit_req zone=a; limit_req_status 429; limit_req_log_level warn; error_page 429 =403 /none;
        }
        location /redirected { limit_req zone=a burst=1 nodelay; error_page 404 /burst; }
        location /timed { limit_req zone=timed burst=6 delay=2; }
        location /tiny { limit_req zone=tiny; }
        location /rewritten { limit_req zone=a; rewrite ^ /one last; }
        location /none { return 200 none; }
        location /conn { limit_conn c 2; limit_conn d 3; proxy_pass http://<main>; }
        location /conn-dry { limit_conn c 1; limit_conn d 1; limit_conn_dry_run on; proxy_pass http://<main>; }
        location /both { limit_conn c 1; limit_req zone=a burst=2 nodelay; limit_conn_status 509;
                         limit_conn_log_level info; proxy_pass http://<main>; }
        location /websocket {
            limit_conn c 1; proxy_pass http://<main>; proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
        }
        location /refused { limit_conn c 1; proxy_pass http://<refused>; }
    }
"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with pair(tmp_path_factory.mktemp("limits"), CONFIGURATION, ("main",), REPLIES) as running:
        yield running


def ask(side: Side, target: str) -> str:
    """The status of an answer, and what limits said."""
    with closing(HTTPConnection("127.0.0.1", side.ports[0], timeout=10)) as connection:
        connection.request("GET", target)
        answer = connection.getresponse()
        answer.read()
        return f"{answer.status} {answer.headers['X-Req']} {answer.headers['X-Conn']}"


SEQUENCES = {
    "one": ["/one?a=1"] * 3 + ["/one?a=2", "/one", "/one/other"],
    "burst": ["/burst?a=1"] * 6 + ["/burst"] * 5,
    "several": ["/several?a=1&b=1&u=1"] * 4 + ["/several?a=2&b=1&u=1"] * 4 + ["/several?a=3"] * 5,
    "a later limit refuses": ["/several?a=9&b=7"] * 2 + ["/several/x?b=7"] * 2 + ["/several?a=9&b=8"] * 3,
    "the last key is empty": ["/last-empty?a=1"] * 4 + ["/last-empty?a=1&f=2"] * 2,
    "dry": ["/dry?a=1"] * 5,
    "status": ["/status"] * 3,
    "redirected": ["/redirected"] * 4,
    "rewritten": ["/rewritten?a=5"] * 3,
    "refused": ["/refused?a=1"] * 3,
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_the_same_requests_pass(servers: Pair, name: str) -> None:
    theirs, ours = ([ask(side, target) for target in SEQUENCES[name]] for side in servers.sides)
    assert ours == theirs


def test_a_full_zone_forgets_who_was_not_there_for_longest(servers: Pair) -> None:
    """A zone of 32k has room for some two hundred keys."""

    def fill(side: Side) -> list[str]:
        got = []
        with closing(HTTPConnection("127.0.0.1", side.ports[0], timeout=10)) as connection:
            for number in [*range(400), *range(0, 400, 3), *range(399, 0, -7)]:
                connection.request("GET", f"/tiny?k={number:04}")
                answer = connection.getresponse()
                answer.read()
                got.append(f"{number} {answer.status}")
        return got

    theirs, ours = (fill(side) for side in servers.sides)
    assert any(line.endswith("200") for line in theirs[400:])
    assert any(line.endswith("503") for line in theirs[400:])
    assert ours == theirs


def overlapping(side: Side, targets: Sequence[str], gap: float) -> list[tuple[str, float]]:
    """Answers to requests that are begun a moment after each other, and the seconds they took."""

    def timed(target: str) -> tuple[str, float]:
        begun = time.monotonic()
        return ask(side, target), time.monotonic() - begun

    with ThreadPoolExecutor(len(targets)) as pool:
        running = []
        for target in targets:
            running.append(pool.submit(timed, target))
            time.sleep(gap)
        return [future.result() for future in running]


def test_requests_wait_as_long(servers: Pair) -> None:
    """On a busy machine requests may come otherwise than they are sent, so they have more than one chance."""
    for key in range(3):
        theirs, ours = (overlapping(side, [f"/timed?t={key}"] * 9, 0.01) for side in servers.sides)
        alike = [answer for answer, _ in ours] == [answer for answer, _ in theirs]
        delays = zip(theirs, ours, strict=True)
        if alike and all(waited == pytest.approx(expected, abs=0.06) for (_, expected), (_, waited) in delays):
            return
    assert ours == theirs


@pytest.mark.parametrize(
    "targets",
    [
        ["/conn?a=1"] * 4,
        ["/conn?a=2&b=1", "/conn?a=3&b=1", "/conn?a=4&b=1", "/conn?a=5&b=1", "/conn?a=5", "/conn?a=5"],
        ["/conn", "/conn", "/conn"],
        ["/conn-dry?a=6", "/conn-dry?a=6", "/conn-dry?b=5", "/conn?b=5", "/conn?a=7&b=5", "/conn-dry?a=7"],
        ["/both?a=8", "/both?a=8", "/both?a=8", "/both?a=9"],
        [f"/conn?a={'x' * 255}", f"/conn?a={'x' * 255}", f"/conn?a={'x' * 255}"],
        [f"/conn?a={'y' * 256}", f"/conn?a={'y' * 256}", f"/conn?a={'y' * 256}"],
    ],
    ids=["one key", "two zones", "no key", "dry", "with a rate", "longest key", "too long a key"],
)
def test_as_many_may_be_under_way(servers: Pair, targets: list[str]) -> None:
    theirs, ours = (overlapping(side, targets, 0.03) for side in servers.sides)
    assert [answer for answer, _ in ours] == [answer for answer, _ in theirs]
    theirs, ours = (overlapping(side, targets[:2], 0.03) for side in servers.sides)
    assert [answer for answer, _ in ours] == [answer for answer, _ in theirs], "those before are counted no more"


def test_who_leaves_is_counted_no_more(servers: Pair) -> None:
    got = []
    for side in servers.sides:
        with ExitStack() as stack:
            for _ in range(2):
                client = stack.enter_context(socket.create_connection(("127.0.0.1", side.ports[0]), 5))
                client.sendall(b"GET /conn?a=left HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(0.1)
            refused = ask(side, "/conn?a=left")
        time.sleep(0.1)
        got.append((refused, ask(side, "/conn?a=left")))
    assert got[1] == got[0]


def test_a_websocket_counts_as_long_as_it_is_open(servers: Pair) -> None:
    got = []
    for side in servers.sides:
        statuses = []
        for key, reply in ((b"held", b"websocket"), (b"ended", b"short")):
            client = socket.create_connection(("127.0.0.1", side.ports[0]), 5)
            client.sendall(HANDSHAKE % (key, reply))
            data = b""
            while not data.endswith(b"hello"):
                data += client.recv(4096)
            target = f"/websocket?a={key.decode()}"
            statuses += [data[9:12].decode(), ask(side, target)]
            if reply == b"short":
                assert client.recv(4096) == b""  # the upstream has ended it
            client.close()
            time.sleep(0.1)
            statuses.append(ask(side, target))
        got.append(statuses)
    assert got[1] == got[0]
    assert got[0] == ["101", "503 None REJECTED", "200 None PASSED"] * 2


def test_who_leaves_while_delayed_is_logged_alike(servers: Pair) -> None:
    for side in servers.sides:
        for _ in range(3):
            ask(side, "/timed?t=left")
        for half in (False, True):
            with socket.create_connection(("127.0.0.1", side.ports[0]), 5) as client:
                client.sendall(b"GET /timed?t=left HTTP/1.1\r\nHost: localhost\r\n\r\n")
                time.sleep(0.03)
                if half:
                    client.shutdown(socket.SHUT_WR)
                    time.sleep(0.03)
    time.sleep(0.2)
    logged = servers.logged("logs/status.log", 5)
    theirs, ours = ([line for line in lines if "t=left" in line] for lines in logged)
    assert ours == theirs
    assert sum(" 499 " in line for line in theirs) == 2


def test_the_error_log_says_the_same(servers: Pair) -> None:
    sentences = []
    for side in servers.sides:
        for _ in range(3):
            ask(side, "/dry?a=log")
        path = side.own / ("error.log" if side is servers.nginx else "stderr")
        text = path.read_text()
        found = {"delaying request, dry run, excess: ", "limiting requests, dry run, excess: ", 'by zone "a"'}
        sentences.append({sentence for sentence in found if sentence in text.replace('\\"', '"')})
    assert sentences[0] == sentences[1]
    assert sentences[0]
