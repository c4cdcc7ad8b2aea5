"""Which servers of a group are asked, request for request, by real nginx and by pyngx: the same servers behind both."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection

import pytest

from tests.oracle.backend import Reply
from tests.oracle.pair import Pair, Side, needs_nginx, pair

pytestmark = needs_nginx

DOORS = ("a", "b", "c", "d")
DEAD = {"127.0.0.1:1": "x", "127.0.0.1:2": "y", "127.0.0.1:3": "z"}  # nobody listens there
SLOW = 0.6  # seconds
REPLIES = {
    **{door: Reply.of("200 OK", body=b"ok") for door in DOORS},
    "slow": Reply.raw(SLOW, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    "404": Reply.of("404 Not Found", body=b"no"),
}
ALL = "server <a>; server <b>; server <c>;"
WEIGHTED = "server <a> weight=5; server <b>; server <c> weight=3;"
FAILING = "server <a>; server 127.0.0.1:1; server <b> weight=2; server 127.0.0.1:2 weight=3 max_fails=3; server <c>;"
GROUPS = {
    "turns": ALL,
    "turns-weighted": WEIGHTED,
    "turns-failing": FAILING,
    "turns-backup": "server 127.0.0.1:1; server <a> down; server <b> backup; server <c> backup weight=2;",
    "turns-max_fails": "server 127.0.0.1:1 weight=4 max_fails=5; server <a>; server <b> weight=2;",
    "turns-never-failing": "server 127.0.0.1:1 max_fails=0; server <a>;",
    "least": f"least_conn; {ALL}",
    "least-weighted": f"least_conn; {WEIGHTED}",
    "least-failing": f"least_conn; {FAILING}",
    "least-backup": "least_conn; server 127.0.0.1:1; server <a> backup; server <b> backup weight=3;",
    "hash": f"hash $arg_k; {ALL}",
    "hash-weighted": f"hash $arg_k; {WEIGHTED}",
    "hash-failing": f"hash $arg_k; {FAILING}",
    "hash-down": "hash a$arg_k; server <a> down; server <b> weight=2; server <c>; server 127.0.0.1:1 down;",
    "hash-all-dead": "hash $arg_k; server 127.0.0.1:1; server 127.0.0.1:2; server 127.0.0.1:3;",
    "hash-backup": "server <a> backup; server 127.0.0.1:1; server 127.0.0.1:2; hash $arg_k;",
    "hash-single": "hash $arg_k; server <a>;",
    "ring": f"hash $arg_k consistent; {ALL}",
    "ring-weighted": f"hash $arg_k consistent; {WEIGHTED}",
    "ring-failing": f"hash $arg_k consistent; {FAILING}",
    "ring-down": "hash $arg_k consistent; server <a> down; server <b> weight=2; server <c>;",
    "ring-twice": "hash $arg_k consistent; server <a>; server <a>; server <b>;",
    "ring-all-dead": "hash $arg_k consistent; server 127.0.0.1:1; server 127.0.0.1:2; server 127.0.0.1:3;",
    "address": f"ip_hash; {ALL} server <d>;",
    "address-weighted": f"ip_hash; {WEIGHTED}",
    "address-failing": f"ip_hash; {FAILING}",
    "address-down": "ip_hash; server <a>; server <b> down; server <c>; server <d>;",
}
CHANCES = {
    "chance": f"random; {ALL}",
    "chance-weighted": f"random; {WEIGHTED}",
    "chance-two": f"random two; {ALL}",
    "chance-two-weighted": f"random two least_conn; {WEIGHTED}",
    "chance-failing": "random; server 127.0.0.1:1; server <a>; server <b>;",
}
LOADED = {
    "busy-least": f"least_conn; {ALL}",
    "busy-least-weighted": "least_conn; server <a> weight=3; server <b>; server <c> weight=2;",
    "busy-full": "server <a> max_conns=2; server <b> max_conns=1; server <c> backup max_conns=3;",
    "busy-least-full": "least_conn; server <a> max_conns=1; server <b>; server <c> max_conns=2;",
    "busy-hash-full": "hash $arg_k; server <a> max_conns=2; server <b> max_conns=3; server <c> max_conns=1;",
    "busy-ring-full": "hash $arg_k consistent; server <a> max_conns=2; server <b> max_conns=3; server <c>;",
    "busy-address-full": "ip_hash; server <a> max_conns=2; server <b> max_conns=3; server <c>;",
}
EVERY = GROUPS | CHANCES | LOADED
CONFIGURATION = """
    {groups}
    log_format tries '$request_uri a=$upstream_addr s=$upstream_status l=$upstream_response_length '
                     'in=$upstream_bytes_received c=$upstream_connect_time h=$upstream_header_time '
                     't=$upstream_response_time';
    server {{
        access_log OWN/logs/tries.log tries;
        location /again/ {{ proxy_pass http://turns-backup; error_page 502 /hash-all-dead/; error_page 404 /turns/; }}
        location /nobody/ {{ proxy_pass http://hash-all-dead; error_page 502 =200 /nothing; }}
        location /thrice/ {{ proxy_pass http://ring-all-dead; error_page 502 = /again/x; proxy_next_upstream_tries 2; }}
        location /nothing {{ return 200; }}
        recursive_error_pages on; proxy_intercept_errors on;
        listen LISTEN0; add_header X-Asked "$upstream_addr; $upstream_status" always;
        keepalive_requests 10000; proxy_next_upstream error timeout http_404;
        {locations}
    }}
"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    groups = "\n".join(f"upstream {name} {{ {lines} }}" for name, lines in EVERY.items())
    locations = "\n".join(f"location /{name}/ {{ proxy_pass http://{name}; }}" for name in EVERY)
    text = CONFIGURATION.format(groups=groups, locations=locations)
    with pair(tmp_path_factory.mktemp("balancing"), text, DOORS, REPLIES) as running:
        yield running


def letters(running: Pair) -> dict[str, str]:
    return DEAD | {f"127.0.0.1:{port}": door for door, port in running.backend.ports.items()}


def ask(connection: HTTPConnection, target: str, names: Mapping[str, str], reply: str = "") -> str:
    """The servers that one request asked, and their statuses."""
    connection.request("GET", target, headers={"X-Reply": reply} if reply else {})
    answer = connection.getresponse()
    answer.read()
    asked = answer.headers["X-Asked"]
    for address, letter in names.items():
        asked = asked.replace(address, letter)
    return f"{answer.status} {asked}"


def ask_all(side: Side, targets: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """What came of requests from several networks, one after the other."""
    connections = [
        HTTPConnection("127.0.0.1", side.ports[0], timeout=5, source_address=(f"127.0.{network}.9", 0))
        for network in range(7)
    ]
    try:
        return [ask(connections[at % 7], target, names) for at, target in enumerate(targets)]
    finally:
        for connection in connections:
            connection.close()


@pytest.mark.parametrize("group", GROUPS)
def test_the_same_servers_are_asked(servers: Pair, group: str) -> None:
    targets = [f"/{group}/?k={'' if at % 10 == 9 else at * 37}" for at in range(210)]
    names = letters(servers)
    theirs, ours = (ask_all(side, targets, names) for side in servers.sides)
    assert ours == theirs
    assert len(set(theirs)) > 1 or group.endswith("-single")


@pytest.mark.parametrize("group", ["turns-weighted", "hash-weighted", "ring-weighted", "address-weighted"])
def test_the_same_servers_are_asked_where_one_says_no(servers: Pair, group: str) -> None:
    """A 404 is no failure, but another server is asked, until none is left."""
    names = letters(servers)
    got = []
    for side in servers.sides:
        with closing(HTTPConnection("127.0.0.1", side.ports[0], timeout=5)) as connection:
            got.append([ask(connection, f"/{group}/?k={at}", names, "404") for at in range(20)])
    assert got[1] == got[0]
    assert {len(line.split(",")) for line in got[0]} == {5}  # three addresses, three statuses


def test_what_the_variables_say_of_several_tries(servers: Pair) -> None:
    """Servers of one round stand behind commas, rounds behind colons; times are compared by their shape."""
    names = letters(servers)
    targets = [
        f"/{place}/{number}?k={number}" for place in ("again", "nobody", "thrice", "turns") for number in range(4)
    ]
    for side in servers.sides:
        with closing(HTTPConnection("127.0.0.1", side.ports[0], timeout=5)) as connection:
            for target in targets:
                for reply in ("", "404"):
                    ask(connection, target, names, reply)
    logged = servers.logged("logs/tries.log", len(targets) * 2)
    theirs, ours = ([re.sub(r"\d\.\d{3}", "T", line) for line in lines[-len(targets) * 2 :]] for lines in logged)
    assert ours == theirs
    assert any(" : " in line for line in theirs)


@pytest.mark.parametrize("group", CHANCES)
def test_chance_gives_each_its_share(servers: Pair, group: str) -> None:
    names = letters(servers)
    total = 500
    targets = [f"/{group}/"] * total
    theirs, ours = (Counter(line.split(";")[0][-1] for line in ask_all(side, targets, names)) for side in servers.sides)
    assert theirs.keys() == ours.keys()
    for letter, count in theirs.items():  # each is off by less than 35 with a chance of 99.8 %
        assert abs(count - ours[letter]) < 90, (theirs, ours)


@pytest.mark.parametrize("group", LOADED)
def test_the_same_servers_are_asked_under_load(servers: Pair, group: str) -> None:
    """Nine requests that overlap, each begun when the one before is under way."""
    names = letters(servers)

    def one(side: Side, at: int) -> str:
        with closing(HTTPConnection("127.0.0.1", side.ports[0], timeout=5)) as connection:
            return ask(connection, f"/{group}/?k={at}", names, "slow")

    def begin(pool: ThreadPoolExecutor, side: Side) -> list[str]:
        running = []
        for at in range(9):
            running.append(pool.submit(one, side, at))
            time.sleep(SLOW / 20)
        return [future.result() for future in running]

    with ThreadPoolExecutor(32) as pool:
        both = [pool.submit(begin, pool, side) for side in servers.sides]
        theirs, ours = (future.result() for future in both)
    assert ours == theirs
