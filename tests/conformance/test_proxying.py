"""Requests and responses through the gateway: what arrives at the upstream, and what comes back."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.conformance.client import Answer, Broken, chunked, request
from tests.conformance.gateway import Opened, until
from tests.upstream.peers import OK, Listener, Peer, Script, listen

LARGE = bytes(range(256)) * 4096  # 1 MiB


def to(peer: Listener, more: str = "") -> str:
    return f"location / {{ proxy_pass http://{peer.address}; {more} }}"


def saying(response: bytes, heard: list[bytes] | None = None) -> Script:
    """Answers every request so."""

    async def script(peer: Peer) -> None:
        while True:
            asked = await peer.request()
            if heard is not None:
                heard.append(asked)
            peer.say(response)

    return script


async def echo(peer: Peer) -> None:
    """Answers with the request's body."""
    while True:
        head = await peer.head()
        body = b""
        if (length := re.search(rb"(?i)\r\ncontent-length: (\d+)", head)) is not None:
            body = await peer.reader.readexactly(int(length[1]))
        elif re.search(rb"(?i)\r\ntransfer-encoding: chunked", head):
            while size := int(await peer.reader.readuntil(b"\r\n"), 16):
                body += (await peer.reader.readexactly(size + 2))[:-2]
            await peer.reader.readexactly(2)
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


# Requests


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
async def test_methods_targets_and_fields_arrive_as_they_were_sent(opened: Opened, method: str) -> None:
    heard: list[bytes] = []
    async with listen(saying(OK, heard)) as peer, opened.gateway(to(peer)) as gateway:
        client = await gateway.connect()
        answer = await client.get("/a%2Fb//./c%20?x=%zz&y=+", "X-One: 1", "X-Two: a, b", "X-One: 2", method=method)
    assert (answer.status, answer.body) == (200, b"ok")
    lines = heard[0].decode().split("\r\n")
    assert lines[0] == f"{method} /a%2Fb//./c%20?x=%zz&y=+ HTTP/1.1"
    assert [line.lower() for line in lines[2:5]] == ["x-one: 1", "x-two: a, b", "x-one: 2"]
    assert lines[1] == f"Host: {peer.address}"


async def test_the_case_of_names_is_kept_both_ways(opened: Opened) -> None:
    opened.pair.needs("the case of names")
    heard: list[bytes] = []
    response = b"HTTP/1.1 200 Fine\r\nx-LOWER: 1\r\nX-Upper: 2\r\nx-lower: 3\r\nContent-Length: 0\r\n\r\n"
    async with listen(saying(response, heard)) as peer, opened.gateway(to(peer)) as gateway:
        answer = await (await gateway.connect()).get("/", "x-mIXED: a", "X-Mixed: b")
    assert b"\r\nx-mIXED: a\r\nX-Mixed: b\r\n" in heard[0]
    own = [field for field in answer.fields if field[0].lower() in {"x-lower", "x-upper"}]
    assert own == [("x-LOWER", "1"), ("X-Upper", "2"), ("x-lower", "3")]


async def test_reason_phrases_are_the_upstreams(opened: Opened) -> None:
    opened.pair.needs("reason phrases")
    response = b"HTTP/1.1 299 Not so bad\r\nContent-Length: 0\r\n\r\n"
    async with listen(saying(response)) as peer, opened.gateway(to(peer)) as gateway:
        answer = await (await gateway.connect()).get()
    assert (answer.status, answer.reason) == (299, "Not so bad")


async def test_hop_by_hop_fields_stay_with_their_hop(opened: Opened) -> None:
    heard: list[bytes] = []
    response = b"HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nContent-Length: 0\r\n\r\n"
    async with listen(saying(response, heard)) as peer, opened.gateway(to(peer)) as gateway:
        answer = await (await gateway.connect()).get(
            "/", "Connection: X-Mine", "X-Mine: 1", "Keep-Alive: 3", "TE: gzip"
        )
    assert not re.search(rb"(?i)\r\n(x-mine|keep-alive|te|connection):", heard[0])
    assert answer.get("x-hop") is None
    assert answer.get("keep-alive") is None


@pytest.mark.parametrize("buffering", ["on", "off"])
@pytest.mark.parametrize("size", [0, 1, 70_000, 1_000_000])
async def test_bodies_of_known_length(opened: Opened, buffering: str, size: int) -> None:
    body = LARGE[:size]
    length = [] if size else ["Content-Length: 0"]
    more = f"client_max_body_size 0; proxy_request_buffering {buffering};"
    async with listen(echo) as peer, opened.gateway(to(peer, more)) as gateway:
        client = await gateway.connect(limit=2**21)
        for _ in range(2):
            answer = await client.ask(request("/", *length, method="POST", body=body))
            assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize("buffering", ["on", "off"])
async def test_chunked_bodies(opened: Opened, buffering: str) -> None:
    async with listen(echo) as peer, opened.gateway(to(peer, f"proxy_request_buffering {buffering};")) as gateway:
        client = await gateway.connect()
        head = request("/", "Transfer-Encoding: chunked", method="POST")
        for chunks in ((), (b"a",), (b"hello", b" ", b"world"), (LARGE[:70_000], b"\r\n")):
            data = head + chunked(*chunks)
            client.send(data[: len(data) // 2])
            await asyncio.sleep(0.001)
            answer = await client.ask(data[len(data) // 2 :], method="POST")
            assert (answer.status, answer.body) == (200, b"".join(chunks))


async def test_a_body_byte_by_byte(opened: Opened) -> None:
    async with listen(echo) as peer, opened.gateway(to(peer, "proxy_request_buffering off;")) as gateway:
        client = await gateway.connect()
        for byte in request(method="POST", body=b"hello") + request(method="PUT", body=b"again"):
            client.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await client.answer()).body == b"hello"
        assert (await client.answer()).body == b"again"


# Responses


@pytest.mark.parametrize(
    ("response", "body"),
    [
        (b"Content-Length: 5\r\n\r\nhello", b"hello"),
        (b"Content-Length: 0\r\n\r\n", b""),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n", b"hello"),
        (b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b""),
    ],
)
@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_responses_are_framed_anew(opened: Opened, response: bytes, body: bytes, version: str) -> None:
    script = saying(b"HTTP/1.1 200 OK\r\nX-A: b\r\n" + response)
    async with listen(script) as peer, opened.gateway(to(peer)) as gateway:
        client = await gateway.connect()
        answer = await client.get(version=version)
        assert (answer.status, answer.body, answer.get("x-a")) == (200, body, "b")
        if version == "1.1":
            assert (await client.get()).body == body
        else:
            assert await client.closed()
        assert peer.connections == 1


async def test_a_response_up_to_the_end_of_the_connection(opened: Opened) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.say(b"HTTP/1.0 200 OK\r\n\r\nhello")

    async with listen(script) as peer, opened.gateway(to(peer)) as gateway:
        client = await gateway.connect()
        assert (await client.get()).body == b"hello"
        assert (await client.get()).body == b"hello"
        assert peer.connections == 2


@pytest.mark.parametrize(
    ("method", "response"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nETag: x\r\nX-A: b\r\n\r\n"),
    ],
)
async def test_responses_without_a_body_leave_both_connections_open(
    opened: Opened, method: str, response: bytes
) -> None:
    async with listen(saying(response)) as peer, opened.gateway(to(peer)) as gateway:
        client = await gateway.connect()
        for _ in range(3):
            answer = await client.get(method=method)
            assert answer.get("x-a") == "b"
        if b"Content-Length" in response:
            assert answer.get("content-length") == "5"
        assert peer.connections == 1


async def test_pipelined_requests_are_answered_in_their_order(opened: Opened) -> None:
    async def script(peer: Peer) -> None:
        while True:
            target = (await peer.request()).split()[1]
            await asyncio.sleep(0.02 if target == b"/0" else 0)
            peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(target), target))

    async with listen(script) as peer, opened.gateway(to(peer) + "location = /own { return 200 own; }") as gateway:
        client = await gateway.connect()
        targets = ["/0", "/own", "/1", "/own", "/2"]
        client.send(b"".join(request(target) for target in targets))
        found = [(await client.answer()).body.decode() for _ in targets]
    assert found == ["/0", "own", "/1", "own", "/2"]


async def test_pipelined_bodies_don_t_mix_with_heads(opened: Opened) -> None:
    async with listen(echo) as peer, opened.gateway(to(peer) + "location = /own { return 200 own; }") as gateway:
        client = await gateway.connect()
        posts = [request("/", method="POST", body=b"GET /evil HTTP/1.1\r\n\r\n%d" % n) for n in range(3)]
        dropped = request("/own", method="POST", body=b"GET /evil HTTP/1.1\r\nHost: a\r\n\r\n")
        client.send(posts[0] + dropped + posts[1] + dropped + posts[2])
        found = [(await client.answer()).body[-3:] for _ in range(5)]
    assert found == [b"\n\r\n0"[-3:], b"own", b"\n\r\n1"[-3:], b"own", b"\n\r\n2"[-3:]]


async def test_a_large_download_to_a_slow_reader_holds_the_upstream_back(opened: Opened) -> None:
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * len(LARGE)))
        for _ in range(64):
            peer.say(LARGE)
            await peer.writer.drain()
            sent += 1

    async with listen(script) as peer, opened.gateway(to(peer, "proxy_buffering off;")) as gateway:
        client = await gateway.connect(limit=2**16)
        client.send(request())
        head = await client.head()
        await asyncio.sleep(0.3)
        held = sent
        assert held < 40, "the kernel's buffers, and little more"
        left = int(head.get("content-length") or 0)
        async with asyncio.timeout(20):
            while left:
                left -= len(await client.reader.read(2**20))
        assert sent == 64


async def test_a_large_upload_to_a_slow_upstream_holds_the_client_back(opened: Opened) -> None:
    go_on = asyncio.Event()
    received = 0

    async def script(peer: Peer) -> None:
        nonlocal received
        await peer.head()
        await go_on.wait()
        while received < 128 * len(LARGE):
            received += len(await peer.reader.read(2**20))
        peer.say(OK)

    inside = "client_max_body_size 0; proxy_request_buffering off;"
    async with listen(script) as peer, opened.gateway(to(peer, inside)) as gateway:
        client = await gateway.connect()
        client.send(request("/", f"Content-Length: {128 * len(LARGE)}", method="POST"))
        sent = 0

        async def upload() -> None:
            nonlocal sent
            for _ in range(128):
                client.send(LARGE)
                await client.writer.drain()
                sent += 1

        uploading = asyncio.create_task(upload())
        await asyncio.sleep(0.3)
        assert sent < 96  # what both kernels' buffers hold, at most
        go_on.set()
        async with asyncio.timeout(20):
            await uploading
            assert (await client.answer()).body == b"ok"


# Failures


async def test_an_upstream_that_refuses_is_a_502_and_one_that_is_silent_a_504(opened: Opened) -> None:
    async def silent(peer: Peer) -> None:
        await peer.request()
        await asyncio.sleep(5)

    async with listen(silent) as peer:
        inside = to(peer, "proxy_read_timeout 100ms;") + "location /none { proxy_pass http://127.0.0.1:1; }"
        async with opened.gateway(inside) as gateway:
            client = await gateway.connect()
            assert (await client.get("/none")).status == 502
            assert (await client.get("/")).status == 504
            assert (await client.get("/none")).status == 502
            await gateway.until_logged(3)
            assert [line[:3] for line in gateway.access] == ["502", "504", "502"]


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno field\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 50,
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 200_000,
    ],
)
async def test_what_is_no_response_is_a_502(opened: Opened, response: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.say(response)
        await peer.writer.drain()

    async with listen(script) as peer, opened.gateway(to(peer)) as gateway:
        client = await gateway.connect()
        assert (await client.get()).status == 502
        assert (await client.get()).status == 502


async def test_folded_fields_of_a_response_are_refused(opened: Opened) -> None:
    opened.pair.needs("refusing folded fields")
    script = saying(b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n")
    async with listen(script) as peer, opened.gateway(to(peer)) as gateway:
        assert (await (await gateway.connect()).get()).status == 502


@pytest.mark.parametrize(
    "response",
    [
        b"Content-Length: 10\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello",
    ],
)
@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_a_response_that_breaks_off_looks_broken(opened: Opened, response: bytes, version: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.say(b"HTTP/1.1 200 OK\r\n" + response)
        await peer.writer.drain()

    async with listen(script) as peer, opened.gateway(to(peer)) as gateway:
        client = await gateway.connect()
        with pytest.raises((Broken, ConnectionError)):
            await client.get(version=version)
        assert (await gateway.until_logged())[0].startswith("200 GET /")


async def test_a_reset_in_a_response_without_length_looks_broken(opened: Opened) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.say(b"HTTP/1.1 200 OK\r\n\r\nhello")
        await peer.writer.drain()
        await asyncio.sleep(0.05)
        peer.reset()

    async with listen(script) as peer, opened.gateway(to(peer)) as gateway:
        client = await gateway.connect()
        with pytest.raises((Broken, ConnectionError)):
            await client.get()


async def test_the_next_peer_is_tried_when_one_fails(opened: Opened) -> None:
    async def dying(peer: Peer) -> None:
        await peer.request()
        peer.reset()

    async with listen(dying) as bad, listen(saying(OK)) as good:
        http = f"upstream u {{ server 127.0.0.1:1; server {bad.address}; server {good.address}; }}"
        async with opened.gateway("location / { proxy_pass http://u; }", http=http) as gateway:
            for _ in range(4):
                assert (await (await gateway.connect()).get()).body == b"ok"
            await gateway.until_logged(4)
            assert "502, 502, 200" in gateway.access[0]


async def test_a_request_that_may_have_been_done_is_not_sent_twice(opened: Opened) -> None:
    heard: list[bytes] = []

    async def dying(peer: Peer) -> None:
        heard.append(await peer.request())
        peer.reset()

    async with listen(dying) as bad, listen(saying(OK, heard)) as good:
        http = f"upstream u {{ server {bad.address}; server {good.address} backup; }}"
        async with opened.gateway("location / { proxy_pass http://u; }", http=http) as gateway:
            client = await gateway.connect()
            assert (await client.ask(request(method="POST", body=b"x"))).status == 502
    assert len(heard) == 1


async def test_kept_connections_that_died_are_noticed(opened: Opened) -> None:
    """The peer closes each connection when it is used for the second time: nobody may see that."""

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.say(OK)
        await peer.head()
        peer.reset()

    async with listen(script) as peer, opened.gateway(to(peer)) as gateway:
        client = await gateway.connect()
        for _ in range(4):
            assert (await client.get()).body == b"ok"
        assert peer.connections == 4


async def test_late_bytes_of_one_response_never_become_the_next(opened: Opened) -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            peer.say(OK)
            peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil" if peer.number == 1 else b"")

    async with listen(script) as peer, opened.gateway(to(peer)) as gateway:
        client = await gateway.connect()
        assert (await client.get()).body == b"ok"
        await asyncio.sleep(0.02)
        assert (await client.get()).body == b"ok"


async def test_a_client_that_leaves_cancels_the_upstream(opened: Opened) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.reader.read()

    async with listen(script) as peer, opened.gateway(to(peer)) as gateway:
        client = await gateway.connect()
        client.send(request())
        await until(lambda: peer.open)
        client.writer.transport.abort()
        await until(lambda: not peer.open)
        assert (await gateway.until_logged())[0].startswith("499 GET /")


@pytest.mark.parametrize("buffering", ["on", "off"])
async def test_a_client_that_leaves_amid_its_body_ends_its_request(opened: Opened, buffering: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read()

    async with listen(script) as peer, opened.gateway(to(peer, f"proxy_request_buffering {buffering};")) as gateway:
        client = await gateway.connect()
        client.send(request("/", "Content-Length: 100", method="POST") + b"part")
        await asyncio.sleep(0.05)
        client.writer.transport.abort()
        await gateway.until_logged()
        await until(lambda: not peer.open and not gateway.connections)
        await asyncio.sleep(0.01)
        assert repr(gateway.tasks) == "<Tasks []>"


async def test_an_early_answer_ends_the_upload(opened: Opened) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        peer.say(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        await peer.reader.read()

    async with listen(script) as peer, opened.gateway(to(peer, "proxy_request_buffering off;")) as gateway:
        client = await gateway.connect()
        client.send(request("/", "Content-Length: 100000", method="POST") + b"part")
        answer = await client.answer()
        assert (answer.status, answer.body) == (403, b"no")


async def test_a_body_that_is_too_large_is_refused(opened: Opened) -> None:
    for buffering in ("on", "off"):
        async with listen(echo) as peer:
            inside = f"client_max_body_size 10; proxy_request_buffering {buffering};"
            async with opened.gateway(to(peer, inside)) as gateway:
                announced = await (await gateway.connect()).ask(request(method="POST", body=b"x" * 11))
                assert (announced.status, announced.get("connection")) == (413, "close")
                client = await gateway.connect()
                data = request("/", "Transfer-Encoding: chunked", method="POST") + chunked(b"x" * 11)
                assert (await client.ask(data)).status == 413


# 1xx and trailers


async def test_a_client_that_expects_is_told_to_continue(opened: Opened) -> None:
    heard: list[bytes] = []
    async with listen(saying(OK, heard)) as peer, opened.gateway(to(peer)) as gateway:
        client = await gateway.connect()
        client.send(request("/", "Expect: 100-continue", "Content-Length: 5", method="POST"))
        assert (await client.head()).status == 100
        client.send(b"hello")
        assert (await client.answer()).body == b"ok"
        assert heard[0].endswith(b"hello")
        assert b"xpect:" not in heard[0]


async def test_a_client_that_expects_and_is_refused_isn_t_told_to_continue(opened: Opened) -> None:
    async with opened.gateway("location / { return 403; }") as gateway:
        client = await gateway.connect()
        client.send(request("/", "Expect: 100-continue", "Content-Length: 5", method="POST"))
        head = await client.head()
        assert head.status == 403


async def test_early_hints_are_passed_on(opened: Opened) -> None:
    opened.pair.needs("103")
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with listen(saying(early + OK)) as peer, opened.gateway(to(peer, "early_hints $arg_hints;")) as gateway:
        client = await gateway.connect()
        client.send(request("/?hints=1"))
        head = await client.head()
        assert (head.status, head.reason, head.get("link")) == (103, "Early Hints", "</a>")
        assert (await client.answer()).body == b"ok"


async def test_early_hints_are_between_the_upstream_and_us_unless_they_are_wanted(opened: Opened) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with listen(saying(early + OK)) as peer, opened.gateway(to(peer, "early_hints 0 $arg_hints;")) as gateway:
        assert (await (await gateway.connect()).get("/?hints=0")).status == 200


async def test_early_hints_show_nothing_that_is_hidden(opened: Opened) -> None:
    opened.pair.needs("103")
    early = b"HTTP/1.1 103 Early Hints\r\nX-Accel-Redirect: /x\r\nKeep-Alive: 1\r\n"
    hints = early + b"\r\n" + early + b"Link: </a>\r\n\r\n"
    async with listen(saying(hints + OK)) as peer, opened.gateway(to(peer, "early_hints 1;")) as gateway:
        client = await gateway.connect()
        client.send(request())
        head = await client.head()
        assert (head.status, head.fields) == (103, [("Link", "</a>")])
        assert (await client.answer()).status == 200


async def test_trailers_are_trailers(opened: Opened) -> None:
    opened.pair.needs("trailers")
    response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"
    async with listen(saying(response)) as peer, opened.gateway(to(peer)) as gateway:
        answer = await (await gateway.connect()).get()
    assert answer.trailers in ([("X-Sum", "1")], [])
    assert answer.get("x-sum") is None


async def test_own_trailers_are_sent(opened: Opened) -> None:
    opened.pair.needs("trailers")
    async with opened.gateway("location / { add_trailer X-Uri $uri; return 200 ok; }") as gateway:
        answer: Answer = await (await gateway.connect()).get("/a")
    assert answer.body == b"ok"
    assert answer.trailers == [("X-Uri", "/a")]


async def test_trailers_of_requests_never_become_fields(opened: Opened) -> None:
    opened.pair.needs("trailers of requests")
    heard: list[bytes] = []

    async def script(peer: Peer) -> None:
        heard.append(await peer.reader.readuntil(b"0\r\n\r\n" if not heard else b"\r\n\r\n"))
        peer.say(OK)

    async with listen(script) as peer, opened.gateway(to(peer, "proxy_request_buffering off;")) as gateway:
        head = request("/", "Transfer-Encoding: chunked", method="POST")
        client = await gateway.connect()
        client.send(head + b"1\r\na\r\n")
        await asyncio.sleep(0.1)  # a body that is there whole is not streamed
        await client.ask(b"0\r\nX-Real-IP: evil\r\nHost: evil\r\n\r\n")
    assert b"evil" not in heard[0].partition(b"\r\n\r\n")[0]
