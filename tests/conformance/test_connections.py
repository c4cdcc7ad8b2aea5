"""What only the fast server does with a connection: limits, timeouts, keep-alive, the end."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from tests.conformance.client import Broken, chunked, request
from tests.conformance.gateway import Opened, until
from tests.upstream.peers import OK, Peer, listen

OWN = "location / { return 200 own; }"


# Heads that are no requests


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"get / HTTP/1.1\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\n", 400),
        (b"GET / HTTP/2.0\r\n", 505),
        (b"GET /" + b"a" * 9000, 414),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 9000, 400),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 6000, 400),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 1001 + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\na", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501),
        (b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET /../ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    ],
)
async def test_what_is_no_request_gets_an_answer_a_log_line_and_the_end(fast: Opened, data: bytes, status: int) -> None:
    async with fast.gateway(OWN) as gateway:
        client = await gateway.connect()
        answer = await client.ask(data)
        assert (answer.status, answer.get("connection")) == (status, "close")
        assert await client.closed()
        lines = await gateway.until_logged()
        assert len(lines) == 1
        assert lines[0][:3] in {str(status), "494"}


async def test_limits_are_those_of_the_default_server(fast: Opened) -> None:
    limits = "client_header_buffer_size 64; large_client_header_buffers 2 128; max_headers 2;"
    async with fast.gateway(limits + OWN) as gateway:
        client = await gateway.connect()
        assert (await client.get("/" + "a" * 100)).status == 200
        assert (await client.get("/" + "a" * 120)).status == 414
        assert (await (await gateway.connect()).get("/", "A: " + "b" * 130)).status == 400
        assert (await (await gateway.connect()).get("/", "A: b", "B: c")).status == 400


async def test_bare_line_feeds_and_empty_lines_are_read_over(fast: Opened) -> None:
    async with fast.gateway(OWN) as gateway:
        client = await gateway.connect()
        assert (await client.ask(b"\r\n\n\r\nGET / HTTP/1.1\nHost: a\n\n", method="GET")).body == b"own"
        assert (await client.ask(b"\nGET / HTTP/1.1\nHost: a\r\n\n", method="GET")).body == b"own"


async def test_http_0_9_gets_the_body_and_the_end(fast: Opened) -> None:
    async with fast.gateway("location / { return 200 $request:$server_protocol; }") as gateway:
        client = await gateway.connect()
        client.send(b"GET /x\r\n")
        assert await client.rest() == b"GET /x:"


async def test_an_absolute_target_names_the_host(fast: Opened) -> None:
    async with fast.gateway("location / { return 200 $host$uri; }") as gateway:
        client = await gateway.connect()
        answer = await client.ask(b"GET http://Other:81/a?b HTTP/1.1\r\nHost: test\r\n\r\n")
        assert answer.body == b"other/a"


async def test_odd_names_are_left_out_unless_told_otherwise(fast: Opened) -> None:
    show = "location / { return 200 $http_a_b-$http_c; }"
    for more, body in (("", b"-"), ("underscores_in_headers on;", b"x-"), ("ignore_invalid_headers off;", b"x-")):
        async with fast.gateway(more + show) as gateway:
            assert (await (await gateway.connect()).get("/", "A_B: x", "c.d: y")).body == body


# Time


async def test_a_head_that_doesn_t_come_is_waited_for_so_long(fast: Opened) -> None:
    async with fast.gateway("client_header_timeout 100ms;" + OWN) as gateway:
        silent, slow = await gateway.connect(), await gateway.connect()
        slow.send(b"GET / HTTP/1.1\r\n")
        for part in b"A: b":
            await asyncio.sleep(0.015)
            slow.send(bytes([part]))
        assert await silent.closed()
        assert await slow.closed()
        lines = await gateway.until_logged()
        assert len(lines) == 1
        assert lines[0].startswith("408 GET ")


@pytest.mark.parametrize("buffering", ["on", "off"])
async def test_a_body_that_doesn_t_come_is_waited_for_so_long(fast: Opened, buffering: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read()

    async with listen(script) as peer:
        more = f"client_body_timeout 100ms; proxy_request_buffering {buffering};"
        async with fast.gateway(f"location / {{ proxy_pass http://{peer.address}; {more} }}") as gateway:
            client = await gateway.connect()
            client.send(request("/", "Content-Length: 10", method="POST"))
            for _ in range(3):
                await asyncio.sleep(0.06)
                client.send(b"a")
            assert await client.closed()
            assert (await gateway.until_logged())[0].startswith("408 POST ")


async def test_an_upstream_s_slowness_is_not_the_clients(fast: Opened) -> None:
    """A body that is held back by the upstream isn't late."""

    async def script(peer: Peer) -> None:
        await peer.head()
        await asyncio.sleep(0.4)
        await peer.reader.readexactly(8 * 2**20)
        peer.say(OK)

    async with listen(script) as peer:
        more = "client_body_timeout 100ms; proxy_request_buffering off; client_max_body_size 0;"
        async with fast.gateway(f"location / {{ proxy_pass http://{peer.address}; {more} }}") as gateway:
            client = await gateway.connect()
            assert (await client.ask(request(method="POST", body=bytes(8 * 2**20)))).body == b"ok"


async def test_a_client_s_slowness_is_not_the_upstreams(fast: Opened) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.say(OK)

    async with listen(script) as peer:
        more = "proxy_send_timeout 100ms; proxy_read_timeout 100ms; proxy_request_buffering off;"
        async with fast.gateway(f"location / {{ proxy_pass http://{peer.address}; {more} }}") as gateway:
            client = await gateway.connect()
            client.send(request("/", "Content-Length: 2", method="POST") + b"a")
            await asyncio.sleep(0.25)
            client.send(b"b")
            assert (await client.answer()).body == b"ok"


async def test_a_client_that_takes_nothing_is_cut_off(fast: Opened) -> None:
    (fast.folder / "large").write_bytes(bytes(32 * 2**20))
    for more in ("", "reset_timedout_connection on;"):
        async with fast.gateway(f"send_timeout 200ms; {more} root FOLDER;") as gateway:
            reader = socket.socket()
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(("127.0.0.1", gateway.port))
            reader.send(request("/large", "Connection: close"))
            await until(lambda: gateway.connections)
            await until(lambda: not gateway.connections)
            reader.close()


async def test_a_slow_client_isn_t_a_silent_one(fast: Opened) -> None:
    (fast.folder / "large").write_bytes(bytes(8 * 2**20))
    async with fast.gateway("send_timeout 200ms; root FOLDER;") as gateway:
        client = await gateway.connect(limit=2**16)
        client.send(request("/large"))
        head = await client.head()
        left = int(head.get("content-length") or 0)
        while left:
            left -= len(await client.reader.read(2**18))
            await asyncio.sleep(0.01)


# Keep-alive


async def test_idle_connections_are_kept_so_long(fast: Opened) -> None:
    async with fast.gateway("keepalive_timeout 100ms;" + OWN) as gateway:
        client = await gateway.connect()
        for _ in range(3):
            assert (await client.get()).get("connection") == "keep-alive"
            await asyncio.sleep(0.05)
        assert await client.closed()


async def test_keep_alive_says_how_long_if_told_to(fast: Opened) -> None:
    async with fast.gateway("keepalive_timeout 75s 20s;" + OWN) as gateway:
        client = await gateway.connect()
        assert (await client.get()).get("keep-alive") == "timeout=20"


@pytest.mark.parametrize(
    ("settings", "fields", "version", "kept"),
    [
        ("", (), "1.1", True),
        ("", ("Connection: close",), "1.1", False),
        ("", ("Connection: keep-alive, Close",), "1.1", False),
        ("", (), "1.0", False),
        ("", ("Connection: keep-alive",), "1.0", True),
        ("keepalive_timeout 0;", (), "1.1", False),
        ("keepalive_requests 1;", (), "1.1", False),
        ("keepalive_time 0;", (), "1.1", False),
        ("", ("User-Agent: Mozilla/4.0 (compatible; MSIE 6.0; Windows)",), "1.1", True),
        ("keepalive_disable safari;", ("User-Agent: (Mac OS X) Safari/5",), "1.1", False),
        ("keepalive_disable safari;", ("User-Agent: (Mac OS X) Chrome/9 Safari/5",), "1.1", True),
        ("keepalive_disable none;", ("User-Agent: (Mac OS X) Safari/5",), "1.1", True),
    ],
)
async def test_who_is_kept(fast: Opened, settings: str, fields: tuple[str, ...], version: str, kept: bool) -> None:
    async with fast.gateway(settings + OWN) as gateway:
        client = await gateway.connect()
        answer = await client.get("/", *fields, version=version)
        assert answer.get("connection") == ("keep-alive" if kept else "close")
        if kept:
            assert (await client.get()).body == b"own"
        else:
            assert await client.closed()


async def test_so_many_requests_are_taken_from_a_connection(fast: Opened) -> None:
    async with fast.gateway("keepalive_requests 3;" + OWN) as gateway:
        client = await gateway.connect()
        assert [(await client.get()).get("connection") for _ in range(3)] == ["keep-alive", "keep-alive", "close"]
        assert await client.closed()


# Pipelines


async def test_a_long_pipeline_is_answered_in_order_without_holding_all_of_it(fast: Opened) -> None:
    (fast.folder / "page").write_bytes(b"x" * 20_000)
    async with fast.gateway("root FOLDER; keepalive_requests 2000; location /n { return 200 $arg_n$pipe; }") as gateway:
        client = await gateway.connect(limit=2**16)
        count = 500
        client.send(b"".join(request(f"/n?n={n}") + request("/page") for n in range(count)))
        for n in range(count):
            assert (await client.answer()).body in {b"%dp" % n, b"%d." % n}
            assert len((await client.answer()).body) == 20_000
    assert gateway.access[-1].startswith("200 GET /page")


async def test_a_pipeline_whose_client_half_closes_is_answered_to_its_end(fast: Opened) -> None:
    async with fast.gateway(OWN) as gateway:
        client = await gateway.connect()
        client.send(request() * 3 + b"GET / HT")
        client.writer.write_eof()
        for _ in range(3):
            assert (await client.answer()).body == b"own"
        assert await client.closed()


async def test_a_client_that_leaves_while_the_rest_waits_for_its_turn_is_let_go(fast: Opened) -> None:
    async with fast.gateway(f"limit_rate 400; return 200 {'x' * 10_000};") as gateway:
        client = await gateway.connect()
        client.send(request())
        await client.reader.readuntil(b"\r\n\r\n")
        client.writer.write_eof()
        await until(lambda: not gateway.connections)
        assert gateway.runtime.exchanges == 0


async def test_connections_are_counted_by_what_they_do(fast: Opened) -> None:
    async with fast.gateway(OWN) as gateway:
        census = gateway.runtime.census
        client = await gateway.connect()
        assert (census.accepted, census.active, census.reading) == (1, 1, 0)
        client.send(request()[:10])
        await until(lambda: census.reading)
        client.send(request()[10:])
        assert (await client.answer()).body == b"own"
        assert (census.accepted, census.active, census.reading) == (1, 1, 0)
        other = await gateway.connect()
        assert (census.accepted, census.active, census.reading) == (2, 2, 0)
        assert (await other.get()).body == b"own"
        assert (gateway.runtime.requests, gateway.runtime.exchanges) == (2, 0)


async def test_bodies_that_nobody_wants_are_read_over(fast: Opened) -> None:
    async with fast.gateway(OWN) as gateway:
        client = await gateway.connect()
        body = b"GET /evil HTTP/1.1\r\nHost: a\r\n\r\n" * 5000
        half = len(body) // 2
        for data in (
            request(method="POST", body=body),
            request("/", "Transfer-Encoding: chunked", method="PUT") + chunked(body[:half], body[half:]),
        ):
            client.send(data[:200])
            await client.writer.drain()
            await asyncio.sleep(0.01)
            client.send(data[200:] + request("/next"))
            assert (await client.answer()).body == b"own"
            assert (await client.answer()).body == b"own"
        targets = [line.split()[2] for line in gateway.access]
        assert targets == ["/", "/next"] * 2


async def test_what_nobody_wants_isn_t_read_without_end(fast: Opened) -> None:
    async with fast.gateway("lingering_time 200ms; lingering_timeout 1s;" + OWN) as gateway:
        client = await gateway.connect()
        client.send(request("/", "Content-Length: 1000000", method="POST"))
        assert (await client.answer()).body == b"own"
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                client.send(b"x")
                await asyncio.sleep(0.01)
                if client.reader.at_eof():
                    break
        await until(lambda: not gateway.connections)


async def test_a_client_gets_to_read_a_refusal_before_the_end(fast: Opened) -> None:
    async with fast.gateway("client_max_body_size 1k;" + OWN) as gateway:
        client = await gateway.connect()
        client.send(request(method="POST", body=bytes(4 * 2**20)))
        assert (await client.answer()).status == 413
        assert await client.closed()
        client.writer.close()
        await until(lambda: not gateway.connections)


async def test_lingering_off_closes_at_once(fast: Opened) -> None:
    async with fast.gateway("lingering_close off; client_max_body_size 1k;" + OWN) as gateway:
        client = await gateway.connect()
        client.send(request("/", "Content-Length: 5000", method="POST"))
        assert (await client.answer()).status == 413
        await until(lambda: not gateway.connections)


async def test_a_bad_chunk_is_a_400(fast: Opened) -> None:
    async with listen(lambda peer: peer.reader.read()) as peer:
        for buffering in ("on", "off"):
            text = f"location / {{ proxy_pass http://{peer.address}; proxy_request_buffering {buffering}; }}"
            async with fast.gateway(text) as gateway:
                client = await gateway.connect()
                data = request("/", "Transfer-Encoding: chunked", method="POST") + b"1\r\na\r\nx\r\n"
                answer = await client.ask(data)
                assert (answer.status, answer.get("connection")) == (400, "close")
                assert await client.closed()


# Ends


async def test_444_says_nothing(fast: Opened) -> None:
    async with fast.gateway("location / { return 444; }") as gateway:
        client = await gateway.connect()
        client.send(request())
        assert await client.closed()
        assert (await gateway.until_logged())[0].startswith("444 GET /")


async def test_a_file_that_shrinks_looks_broken(fast: Opened) -> None:
    large = fast.folder / "large"
    large.write_bytes(bytes(32 * 2**20))
    async with fast.gateway("root FOLDER;") as gateway:
        client = await gateway.connect(limit=2**16)
        client.send(request("/large"))
        head = await client.head()
        large.write_bytes(b"")
        with pytest.raises((Broken, ConnectionError, asyncio.IncompleteReadError)):
            async with asyncio.timeout(5):
                await client.reader.readexactly(int(head.get("content-length") or 0))


async def test_shutdown_ends_idle_connections_and_waits_for_requests(fast: Opened) -> None:
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await go_on.wait()
        peer.say(OK)

    async with listen(script) as peer, fast.gateway(f"location / {{ proxy_pass http://{peer.address}; }}") as gateway:
        idle, busy, partial = [await gateway.connect() for _ in range(3)]
        busy.send(request())
        partial.send(request()[:-2])
        await until(lambda: peer.open)
        ending = asyncio.create_task(gateway.installer.listeners.shutdown(5))
        assert await idle.closed()
        go_on.set()
        assert (await busy.answer()).get("connection") == "close"
        assert await busy.closed()
        partial.send(b"\r\n")
        assert (await partial.answer()).get("connection") == "close"
        async with asyncio.timeout(5):
            await ending


async def test_young_idle_connections_are_spared_at_shutdown(fast: Opened) -> None:
    async with fast.gateway("keepalive_min_timeout 200ms;" + OWN) as gateway:
        client = await gateway.connect()
        await client.get()
        ending = asyncio.create_task(gateway.installer.listeners.shutdown(5))
        await asyncio.sleep(0.05)
        assert (await client.get()).get("connection") == "close"
        async with asyncio.timeout(2):
            await ending


async def test_a_reload_is_seen_by_kept_connections_and_not_by_requests_under_way(fast: Opened) -> None:
    go_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await go_on.wait()
        peer.say(OK)

    old = "location / {{ proxy_pass http://{}; add_header X-Gen old; }} location /own {{ return 200 old; }}"
    async with listen(script) as peer, fast.gateway(old.format(peer.address)) as gateway:
        idle, busy = await gateway.connect(), await gateway.connect()
        assert (await idle.get("/own")).body == b"old"
        busy.send(request() + request("/own"))
        await until(lambda: peer.open)
        await gateway.reload(fast.text("location / { return 200 new; }", gateway.port))
        assert (await idle.get("/own")).body == b"new"
        go_on.set()
        assert (await busy.answer()).get("x-gen") == "old"
        assert (await busy.answer()).body == b"new"


async def test_connections_of_a_closed_listener_end(fast: Opened) -> None:
    async with fast.gateway(OWN) as gateway:
        used, fresh = await gateway.connect(), await gateway.connect()
        assert (await used.get()).body == b"own"
        await gateway.reload(fast.text(OWN, gateway.port, listen="unix:FOLDER/other.sock"))
        assert await used.closed()
        fresh.send(request())
        assert await fresh.closed()


async def test_unix_sockets(fast: Opened) -> None:
    show = "location / { return 200 $remote_addr:$server_addr; }"
    async with fast.gateway(show, listen="unix:FOLDER/s.sock") as gateway:
        client = await gateway.connect(path=str(fast.folder / "s.sock"))
        assert (await client.get()).body.startswith(b"unix:")
        assert (await client.get()).status == 200


async def test_ipv6(fast: Opened) -> None:
    async with fast.gateway("location / { return 200 $remote_addr; }", listen="[::1]:PORT") as gateway:
        assert (await (await gateway.connect(host="::1")).get()).body == b"::1"


async def test_upstreams_on_unix_sockets_and_ipv6(opened: Opened) -> None:
    async def script(peer: Peer) -> None:
        while await peer.request():
            peer.say(OK)

    path = str(opened.folder / "up.sock")
    async with listen(script, path=path) as peer:
        async with opened.gateway(f"location / {{ proxy_pass http://unix:{path}:/; }}") as gateway:
            client = await gateway.connect()
            for _ in range(3):
                assert (await client.get()).body == b"ok"
        assert peer.connections == 1
