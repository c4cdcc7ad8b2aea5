"""HTTP calls over real sockets, to peers that answer well and peers that don't."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from pyngx.core.ports import Address, KeepAlive, Timeouts
from tests.upstream.peers import OK, Peer, Recorder, ask, get, listen, transport

if TYPE_CHECKING:
    from pathlib import Path

MIB = 2**20


async def answer(peer: Peer) -> None:
    while await peer.request():
        peer.say(OK)


# Requests


async def test_the_request_arrives_byte_by_byte_as_it_was_given() -> None:
    heard = []

    async def script(peer: Peer) -> None:
        heard.append(await peer.request())
        peer.say(OK)

    fields = [(b"x-B", b"\xff\xe9"), (b"Host", b"app:1"), (b"Cookie", b"a"), (b"X-a", b""), (b"Cookie", b"b")]
    async with listen(script) as peer, transport() as upstream:
        recorder = await ask(upstream, get(peer.address, b"/a%2Fb//../%zz?\xe9=%20&", fields=fields))
    assert recorder.notes == ["connected", "200 OK", "body", "ended"]
    assert heard == [
        b"GET /a%2Fb//../%zz?\xe9=%20& HTTP/1.1\r\n"
        b"x-B: \xff\xe9\r\nHost: app:1\r\nCookie: a\r\nX-a: \r\nCookie: b\r\n\r\n"
    ]


async def test_a_body_that_is_sent_as_soon_as_there_is_a_connection_follows_the_head() -> None:
    heard = []

    async def script(peer: Peer) -> None:
        heard.append(await peer.reader.readuntil(b"hello"))
        peer.say(OK)

    async with listen(script) as peer, transport() as upstream:
        recorder = Recorder()
        call = upstream.start(get(peer.address, method=b"POST", body_length=5), recorder)
        recorder.on_connected = lambda: call.send_body(b"hello")
        await recorder.end()
    assert heard[0].startswith(b"POST / HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("method", "length", "version", "framing"),
    [
        (b"GET", 0, b"1.1", b""),
        (b"POST", 0, b"1.1", b"Content-Length: 0\r\n"),
        (b"POST", 5, b"1.1", b"Content-Length: 5\r\n"),
        (b"DELETE", 5, b"1.0", b"Content-Length: 5\r\n"),
        (b"PUT", None, b"1.1", b"Transfer-Encoding: chunked\r\n"),
    ],
)
async def test_the_body_is_framed(method: bytes, length: int | None, version: bytes, framing: bytes) -> None:
    heard = bytearray()

    async def script(peer: Peer) -> None:
        while b"\r\n\r\n" not in heard or (length != 0 and not heard.endswith((b"hello", b"0\r\n\r\n"))):
            heard.extend(await peer.reader.read(1000))
        peer.say(OK)

    request = {"method": method, "body_length": length, "version": version}
    async with listen(script) as peer, transport() as upstream:
        await ask(upstream, get(peer.address, **request), *([b"he", b"llo"] if length != 0 else []))
    body = b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n" if length is None else b"hello" if length else b""
    assert bytes(heard) == b"%b / HTTP/%b\r\nHost: app\r\n%b\r\n%b" % (method, version, framing, body)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": b"/\r\nX: y"}, "line break"),
        ({"fields": [(b"a", b"b\nc: d")]}, "line break"),
        ({"fields": [(b"a\r", b"b")]}, "line break"),
        ({"version": b"1.0", "body_length": None}, "unknown length"),
    ],
)
async def test_what_cannot_be_sent_fails_unsent(change: dict[str, object], message: str) -> None:
    async with listen(answer) as peer, transport() as upstream:
        recorder = await ask(upstream, get(peer.address, **change))  # type: ignore[arg-type]
    assert recorder.notes == ["failed: error"]
    assert recorder.error is not None
    assert not recorder.error.sent
    assert message in str(recorder.error)


async def test_a_body_must_have_its_announced_length() -> None:
    async with listen(answer) as peer, transport() as upstream:
        call = upstream.start(get(peer.address, method=b"POST", body_length=3), Recorder())
        with pytest.raises(ValueError, match="2 bytes more"):
            call.send_body(b"hello")
        with pytest.raises(ValueError, match="lacks 3"):
            call.end_body()
        call.cancel()


async def test_a_large_body_waits_for_a_slow_peer() -> None:
    read_on = asyncio.Event()
    taken = 0

    async def script(peer: Peer) -> None:
        nonlocal taken
        await peer.head()
        await read_on.wait()
        while taken < 32 * MIB:
            taken += len(await peer.reader.read(MIB))
        peer.say(OK)

    async with listen(script) as peer, transport() as upstream:
        recorder = Recorder()
        call = upstream.start(get(peer.address, method=b"POST", body_length=32 * MIB), recorder)
        sent = 0
        while "pause" not in recorder.notes[-1:]:
            call.send_body(bytes(MIB))
            sent += 1
            await asyncio.sleep(0)
        assert sent < 24  # what the kernel's buffers hold, not the whole body
        read_on.set()
        while sent < 32:
            if recorder.notes[-1] == "pause":
                recorder.changed.clear()
                await recorder.changed.wait()
            call.send_body(bytes(MIB))
            sent += 1
            await asyncio.sleep(0)
        call.end_body()
        await recorder.end()
    assert recorder.notes[-1] == "ended"
    assert taken == 32 * MIB
    assert call.bytes_sent == 32 * MIB + len(b"POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 33554432\r\n\r\n")


async def test_a_body_waits_for_the_connection() -> None:
    async with listen(answer) as peer, transport() as upstream:
        recorder = Recorder()
        call = upstream.start(get(peer.address, method=b"POST", body_length=100_000), recorder)
        assert recorder.notes == []
        call.send_body(bytes(100_000))
        assert recorder.notes == ["pause"]
        call.end_body()
        assert (await recorder.end())[:3] == ["pause", "connected", "resume"]


# Responses


async def test_a_response_waits_for_a_slow_client() -> None:
    said = 0

    async def script(peer: Peer) -> None:
        nonlocal said
        await peer.head()
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (32 * MIB))
        for _ in range(32):
            peer.say(bytes(MIB))
            await peer.writer.drain()
            said += 1

    async with listen(script) as peer, transport() as upstream:
        recorder = Recorder()
        call = upstream.start(get(peer.address, timeouts=Timeouts(1, 1, 0.05)), recorder)
        recorder.on_body = call.pause_reading
        await recorder.wait("body")
        await asyncio.sleep(0.1)  # longer than the read timeout, which doesn't run now
        assert said < 24
        assert len(recorder.body) < MIB
        recorder.on_body = lambda: None
        call.resume_reading()
        assert (await recorder.end())[-1] == "ended"
        assert len(recorder.body) == 32 * MIB
        assert call.bytes_received == 32 * MIB + len(b"HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n")


async def test_informational_responses_are_passed_on() -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        peer.say(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK)

    async with listen(script) as peer, transport() as upstream:
        recorder = await ask(upstream, get(peer.address))
    assert recorder.notes == ["connected", "103", "200 OK", "body", "ended"]


async def test_an_early_answer_ends_the_call_and_the_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        peer.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await peer.reader.read()

    async with listen(script) as peer, transport() as upstream:
        recorder = Recorder()
        call = upstream.start(get(peer.address, method=b"POST", body_length=10), recorder)
        assert await recorder.end() == ["connected", "413 Too Large", "ended"]
        call.send_body(b"0123456789")
        call.end_body()
        await asyncio.wait_for(peer.gone.wait(), 1)
        assert repr(upstream) == "<AiohttpTransport <Pool {}>>"


async def test_an_unasked_switch_of_protocols_is_invalid() -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        peer.say(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n")
        await peer.reader.read()

    async with listen(script) as peer, transport() as upstream:
        assert (await ask(upstream, get(peer.address))).notes == ["connected", "failed: invalid_header"]


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

# What the peer says, how it goes on, and what is noted.
MISBEHAVIOUR = {
    "says nothing": (b"", "wait", "failed: timeout"),
    "half a head": (b"HTTP/1.1 200 OK\r\nA: b\r\n", "wait", "failed: timeout"),
    "closes at once": (b"", "close", "failed: error"),
    "resets at once": (b"", "reset", "failed: error"),
    "closes within the head": (b"HTTP/1.1 200", "close", "failed: error"),
    "not HTTP": (b"hello\r\n", "wait", "failed: invalid_header"),
    "endless 1xx": (b"HTTP/1.1 102 Processing\r\n\r\n" * 1000, "wait", "failed: invalid_header"),
    "silence within the body": (HEAD + b"Content-Length: 9\r\n\r\nabc", "wait", "200 OK, body, failed: timeout"),
    "silence after the head": (HEAD + b"Content-Length: 9\r\n\r\n", "wait", "200 OK, failed: timeout"),
    "silence within chunks": (CHUNKED + b"3\r\nabc\r\n", "wait", "200 OK, body, failed: timeout"),
    "malformed chunk": (CHUNKED + b"3\r\nabc\r\nXX\r\n", "wait", "200 OK, body, failed: truncated"),
    "short body": (HEAD + b"Content-Length: 9\r\n\r\nabc", "close", "200 OK, body, failed: truncated"),
    "short chunks": (CHUNKED + b"3\r\nabc\r\n", "close", "200 OK, body, failed: truncated"),
    "reset within a length": (HEAD + b"Content-Length: 9\r\n\r\nabc", "reset", "200 OK, body, failed: truncated"),
    "reset before the close": (HEAD + b"\r\nabc", "reset", "200 OK, body, failed: truncated"),
    "body until the close": (HEAD + b"\r\nabc", "close", "200 OK, body, ended"),
    "close after a whole body": (HEAD + b"Content-Length: 3\r\n\r\nabc", "close", "200 OK, body, ended"),
}


@pytest.mark.parametrize("case", MISBEHAVIOUR)
async def test_a_peer_that_misbehaves(case: str) -> None:
    data, then, notes = MISBEHAVIOUR[case]

    async def script(peer: Peer) -> None:
        await peer.head()
        peer.say(data)
        await peer.writer.drain()
        if then == "wait":
            await peer.reader.read()
        elif then == "reset":
            await asyncio.sleep(0.02)  # a reset would overtake what was said
            peer.reset()

    async with listen(script) as peer, transport() as upstream:
        recorder = await ask(upstream, get(peer.address, timeouts=Timeouts(1, 1, 0.05)))
        assert ", ".join(note for note in recorder.notes if note != "102") == f"connected, {notes}"
        assert recorder.error is None or recorder.error.sent
        assert recorder.error is None or recorder.error.timed_out == ("timeout" in notes)
        await asyncio.wait_for(peer.gone.wait(), 1)
        assert peer.open == 0


async def test_a_peer_that_answers_in_time_may_take_long_in_all() -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        peer.say(HEAD + b"Content-Length: 6\r\n\r\n")
        for _ in range(6):
            await asyncio.sleep(0.03)
            peer.say(b"x")

    async with listen(script) as peer, transport() as upstream:
        recorder = await ask(upstream, get(peer.address, timeouts=Timeouts(1, 1, 0.1)))
    assert recorder.notes[-1] == "ended"


async def test_a_peer_that_takes_nothing_times_out() -> None:
    async def script(peer: Peer) -> None:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(1)

    async with listen(script) as peer, transport() as upstream:
        recorder = Recorder()
        call = upstream.start(
            get(peer.address, method=b"POST", body_length=64 * MIB, timeouts=Timeouts(1, 0.1, 1)), recorder
        )
        await recorder.wait("connected")
        call.send_body(bytes(64 * MIB))
        assert (await recorder.end())[-1] == "failed: timeout"
        assert 0 < call.bytes_sent < 64 * MIB


# Connecting


async def test_a_refused_connection_is_safe_to_repeat() -> None:
    async with listen(answer) as peer:
        address = peer.address
    async with transport() as upstream:
        recorder = await ask(upstream, get(address))
    assert recorder.notes == ["failed: connect"]
    assert recorder.error is not None
    assert (recorder.error.sent, recorder.error.timed_out) == (False, False)


async def test_a_slow_handshake_times_out() -> None:
    from pyngx.core.ports import Tls
    from tests.support.certificates import client_context

    async def script(peer: Peer) -> None:
        await peer.reader.read()

    async with listen(script) as peer, transport() as upstream:
        tls = Tls(client_context(), "app")
        recorder = await ask(upstream, get(peer.address, tls=tls, timeouts=Timeouts(0.05, 1, 1)))
    assert recorder.notes == ["failed: connect"]
    assert recorder.error is not None
    assert recorder.error.timed_out


@pytest.mark.parametrize(
    "address", [Address("host..invalid", 80), Address("127.0.0.1", 99999), Address("", path="/nonexistent/socket")]
)
async def test_an_impossible_address_fails_to_connect(address: Address) -> None:
    async with transport() as upstream:
        assert (await ask(upstream, get(address))).notes == ["failed: connect"]


async def test_a_unix_socket_is_reached_by_its_path(tmp_path: Path) -> None:
    async with listen(answer, path=str(tmp_path / "s")) as peer, transport() as upstream:
        assert (await ask(upstream, get(peer.address))).notes[-1] == "ended"
        assert (await ask(upstream, get(peer.address))).notes[-1] == "ended"
        assert peer.connections == 1


# Cancelling


@pytest.mark.parametrize("when", ["at once", "connected", "body"])
async def test_cancelling_closes_the_connection_and_reports_nothing(when: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        peer.say(HEAD + b"Content-Length: 9\r\n\r\nabc")
        await peer.reader.read()

    async with listen(script) as peer, transport() as upstream:
        recorder = Recorder()
        call = upstream.start(get(peer.address), recorder)
        if when != "at once":
            await recorder.wait(when)
        before = list(recorder.notes)
        call.cancel()
        call.cancel()
        await asyncio.sleep(0.02)
        assert recorder.notes == before
        assert peer.open == 0


async def test_a_handler_may_cancel_while_it_is_told() -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        peer.say(CHUNKED + b"3\r\nabc\r\n0\r\n\r\n")
        await peer.reader.read()

    async with listen(script) as peer, transport() as upstream:
        recorder = Recorder()
        call = upstream.start(get(peer.address), recorder)
        recorder.on_body = call.cancel
        await asyncio.wait_for(peer.gone.wait(), 1)
        assert recorder.notes == ["connected", "200 OK", "body"]


# Keeping connections


async def test_a_connection_is_used_again() -> None:
    async with listen(answer) as peer, transport() as upstream:
        for _ in range(3):
            assert (await ask(upstream, get(peer.address))).notes == ["connected", "200 OK", "body", "ended"]
        assert peer.connections == 1
        assert repr(upstream) == f"<AiohttpTransport <Pool {{'{peer.address}': 1}}>>"
        await upstream.close()
        await asyncio.wait_for(peer.gone.wait(), 1)


@pytest.mark.parametrize(
    ("keepalive", "connections"),
    [
        (KeepAlive(connections=0), 4),
        (KeepAlive(requests=2), 2),
        (KeepAlive(time=0), 4),
        (KeepAlive(timeout=0), 4),
        (KeepAlive(), 1),
    ],
)
async def test_connections_are_kept_as_long_as_configured(keepalive: KeepAlive, connections: int) -> None:
    async with listen(answer) as peer, transport() as upstream:
        for _ in range(4):
            await ask(upstream, get(peer.address, keepalive=keepalive))
            await asyncio.sleep(0.005)
        assert peer.connections == connections


async def test_no_more_idle_connections_are_kept_than_configured() -> None:
    together = asyncio.Barrier(3)

    async def script(peer: Peer) -> None:
        await peer.head()
        await together.wait()
        peer.say(OK)
        await peer.reader.read()

    async with listen(script) as peer, transport() as upstream:
        request = get(peer.address, keepalive=KeepAlive(connections=2))
        await asyncio.gather(*(ask(upstream, request) for _ in range(3)))
        await asyncio.sleep(0.01)
        assert peer.open == 2


@pytest.mark.parametrize("late", [b"x", OK, b"HTTP/1.1 "])
@pytest.mark.parametrize("seen", [True, False])
async def test_late_bytes_never_become_the_next_response(late: bytes, seen: bool) -> None:
    spoken = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.head()
        peer.say(OK.replace(b"ok", b"%02d" % peer.number))
        await peer.writer.drain()
        if peer.number == 1:
            await asyncio.sleep(0.01)
            peer.say(late)
            spoken.set()
        await peer.reader.read()

    async with listen(script) as peer, transport() as upstream:
        assert (await ask(upstream, get(peer.address))).body == b"01"
        await spoken.wait()
        if seen:
            await asyncio.sleep(0.01)
        assert (await ask(upstream, get(peer.address))).body == b"02"


async def test_a_connection_closed_while_idle_is_not_used() -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        peer.say(OK)

    async with listen(script) as peer, transport() as upstream:
        for _ in range(3):
            assert (await ask(upstream, get(peer.address))).notes[-1] == "ended"
        assert peer.connections == 3


async def test_a_kept_connection_that_dies_is_reported_and_not_retried() -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        peer.say(OK)
        await peer.head()

    async with listen(script) as peer, transport() as upstream:
        await ask(upstream, get(peer.address))
        recorder = await ask(upstream, get(peer.address, method=b"POST"))
        assert recorder.notes == ["connected", "failed: error"]
        assert recorder.error is not None
        assert (recorder.error.kept, recorder.error.sent) == (True, True)
        assert peer.connections == 1


async def test_a_first_connection_that_dies_was_not_kept() -> None:
    async def script(peer: Peer) -> None:
        await peer.head()

    async with listen(script) as peer, transport() as upstream:
        recorder = await ask(upstream, get(peer.address))
        assert recorder.error is not None
        assert not recorder.error.kept


async def test_the_bound_of_idle_connections_is_one_for_all_peers_of_a_group() -> None:
    keepalive = KeepAlive(connections=1, group="app")
    async with listen(answer) as first, listen(answer) as second, transport() as upstream:
        await ask(upstream, get(first.address, keepalive=keepalive))
        await ask(upstream, get(second.address, keepalive=keepalive))
        await asyncio.sleep(0.01)
        assert (first.open, second.open) == (0, 1)


async def test_groups_do_not_share_connections() -> None:
    async with listen(answer) as peer, transport() as upstream:
        for group in ("one", "two", "one"):
            await ask(upstream, get(peer.address, keepalive=KeepAlive(group=group)))
        assert peer.connections == 2
