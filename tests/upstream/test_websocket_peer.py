"""WebSockets to upstreams: the handshake, and what goes over it."""

from __future__ import annotations

import asyncio
import re
import tracemalloc
from base64 import b64encode
from hashlib import sha1

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from pyngx.core.ports import Closed, Failure, HandshakeRefused, Timeouts, UpstreamError, WebSocketPeer
from pyngx.upstream.aiohttp import AiohttpTransport
from pyngx.upstream.websocket_peer import UpstreamWebSocket
from tests.upstream.peers import Listener, Peer, Script, get, listen, transport

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


async def accept(peer: Peer, more: bytes = b"", behind: bytes = b"") -> bytes:
    """Answer 101; returns the head."""
    head = await peer.head()
    key = re.search(rb"Sec-WebSocket-Key: (\S+)", head)
    assert key is not None
    token = b64encode(sha1(key[1] + GUID, usedforsecurity=False).digest())
    peer.say(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n%b\r\n%b" % (token, more, behind)
    )
    return head


def frame(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=False)


def closing(code: int, reason: bytes) -> bytes:
    return frame(Opcode.CLOSE, code.to_bytes(2) + reason)


async def hear(peer: Peer, number: int) -> list[Frame]:
    """That many frames, or fewer if the connection ends before."""
    protocol = Protocol(Side.SERVER, max_size=None)
    frames: list[Frame] = []
    while len(frames) < number and (data := await peer.reader.read(2**16)):
        protocol.receive_data(data)
        frames.extend(protocol.events_received())  # type: ignore[arg-type]
    return frames


async def shake(
    upstream: AiohttpTransport, listener: Listener, *subprotocols: str, timeouts: Timeouts | None = None
) -> UpstreamWebSocket:
    request = get(listener.address, timeouts=timeouts or Timeouts(1, 1, 1))
    opened = await upstream.open_websocket(request, subprotocols)
    assert isinstance(opened, UpstreamWebSocket)
    return opened


# The handshake


async def test_the_handshake_carries_the_fields_and_offers_nothing_of_its_own() -> None:
    heard = []

    async def script(peer: Peer) -> None:
        heard.append(await accept(peer, b"X-Given: \xff\r\nSec-WebSocket-Protocol: b\r\n"))
        await peer.reader.read()

    fields = [
        (b"Host", b"app"),
        (b"origin", b"http://\xe9"),
        (b"Connection", b"keep-alive"),
        (b"Cookie", b"a=b"),
        (b"Sec-WebSocket-Extensions", b"permessage-deflate"),
        (b"sec-websocket-key", b"theirs"),
        (b"X-Forwarded-For", b"::1"),
    ]
    async with listen(script) as listener, transport() as upstream:
        request = get(listener.address, b"/chat/%2F?a=%20", fields=fields)
        peer: WebSocketPeer | HandshakeRefused = await upstream.open_websocket(request, ["a", "b"])
        assert isinstance(peer, UpstreamWebSocket)
        assert peer.subprotocol == "b"
        assert (b"X-Given", b"\xff") in peer.fields
        await peer.close(Closed(1006))
    lines = heard[0].split(b"\r\n")
    assert lines[:7] == [
        b"GET /chat/%2F?a=%20 HTTP/1.1",
        b"Host: app",
        b"origin: http://\xe9",
        b"Cookie: a=b",
        b"X-Forwarded-For: ::1",
        b"Connection: Upgrade",
        b"Upgrade: websocket",
    ]
    assert lines[8:] == [b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Protocol: a, b", b"", b""]


@pytest.mark.parametrize(
    ("status", "fields", "body"),
    [
        (b"403 No Entry", b"Set-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 5\r\n", b"sorry"),
        (b"302 Found", b"Location: http://127.0.0.1:1/\r\nContent-Length: 0\r\n", b""),
        (b"200 OK", b"Connection: close\r\n", b"a page"),
    ],
)
async def test_a_refusal_is_returned_whole(status: bytes, fields: bytes, body: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        peer.say(b"HTTP/1.1 %b\r\n%b\r\n%b" % (status, fields, body))

    async with listen(script) as listener, transport() as upstream:
        refused = await upstream.open_websocket(get(listener.address), [])
    assert isinstance(refused, HandshakeRefused)
    assert b"%d %b" % (refused.status, refused.reason) == status
    assert b"".join(b"%b: %b\r\n" % field for field in refused.fields) == fields
    assert refused.body == body


async def _closes(peer: Peer) -> None:
    await peer.head()


async def _is_silent(peer: Peer) -> None:
    await peer.reader.read()


async def _breaks_off(peer: Peer) -> None:
    await peer.head()
    peer.say(b"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nso")


async def _never_ends(peer: Peer) -> None:
    await peer.head()
    peer.say(b"HTTP/1.1 403 No\r\n\r\n")
    while True:
        peer.say(bytes(2**16))
        await peer.writer.drain()


async def _switches_elsewhere(peer: Peer) -> None:
    await peer.head()
    peer.say(b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n")


async def _knows_no_key(peer: Peer) -> None:
    await peer.head()
    peer.say(
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: bogus\r\n\r\n"
    )


async def _chooses_the_unoffered(peer: Peer) -> None:
    await accept(peer, b"Sec-WebSocket-Protocol: other\r\n")


async def _compresses(peer: Peer) -> None:
    await accept(peer, b"Sec-WebSocket-Extensions: permessage-deflate\r\n")


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        (_closes, Failure.ERROR),
        (_is_silent, Failure.TIMEOUT),
        (_breaks_off, Failure.TRUNCATED),
        (_never_ends, Failure.TRUNCATED),
        (_switches_elsewhere, Failure.INVALID_HEADER),
        (_knows_no_key, Failure.INVALID_HEADER),
        (_chooses_the_unoffered, Failure.INVALID_HEADER),
        (_compresses, Failure.INVALID_HEADER),
    ],
)
async def test_a_handshake_that_fails(script: Script, failure: Failure) -> None:
    async with listen(script) as listener, transport() as upstream:
        with pytest.raises(UpstreamError) as caught:
            await upstream.open_websocket(get(listener.address, timeouts=Timeouts(1, 1, 0.05)), ["mine"])
        assert caught.value.failure is failure
        await asyncio.wait_for(listener.gone.wait(), 1)


async def test_a_handshake_can_be_cancelled() -> None:
    async with listen(_is_silent) as listener, transport() as upstream:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(upstream.open_websocket(get(listener.address), []), 0.02)
        await asyncio.wait_for(listener.gone.wait(), 1)


# Messages


async def test_messages_are_sent_as_text_and_bytes() -> None:
    heard: list[Frame] = []

    async def script(peer: Peer) -> None:
        await accept(peer)
        heard.extend(await hear(peer, 2))

    async with listen(script) as listener, transport() as upstream:
        peer = await shake(upstream, listener)
        await peer.send("héllo")
        await peer.send(b"\xff\0")
        assert await peer.receive() == Closed(1006)
        await peer.send("dropped")
    assert [(frame.opcode, bytes(frame.data)) for frame in heard] == [
        (Opcode.TEXT, "héllo".encode()),
        (Opcode.BINARY, b"\xff\0"),
    ]


async def test_fragments_become_messages_and_pings_are_answered() -> None:
    heard: list[Frame] = []

    async def script(peer: Peer) -> None:
        await accept(peer)
        peer.say(frame(Opcode.TEXT, b"h\xc3", fin=False) + frame(Opcode.PING, b"here?") + frame(Opcode.CONT, b"\xa9"))
        peer.say(frame(Opcode.BINARY, b"") + frame(Opcode.PONG, b""))
        heard.extend(await hear(peer, 1))
        peer.say(closing(4001, b"enough"))
        heard.extend(await hear(peer, 1))

    async with listen(script) as listener, transport() as upstream:
        peer = await shake(upstream, listener)
        assert [await peer.receive() for _ in range(4)] == ["hé", b"", Closed(4001, "enough"), Closed(4001, "enough")]
        await asyncio.wait_for(listener.gone.wait(), 1)
    assert [(frame.opcode, bytes(frame.data)) for frame in heard] == [
        (Opcode.PONG, b"here?"),
        (Opcode.CLOSE, b"\x0f\xa1enough"),
    ]


async def test_a_message_that_was_received_is_kept_nowhere() -> None:
    size = 512 * 1024

    async def script(peer: Peer) -> None:
        await accept(peer, behind=frame(Opcode.BINARY, bytes(size)))
        await peer.reader.read()

    async with listen(script) as listener, transport() as upstream:
        tracemalloc.start()
        try:
            peer = await shake(upstream, listener)
            assert len(await peer.receive()) == size  # type: ignore[arg-type]
            assert tracemalloc.get_traced_memory()[0] < size / 2
        finally:
            tracemalloc.stop()
        await peer.close(Closed(1006))


async def test_a_message_right_before_a_close_is_heard() -> None:
    async def script(peer: Peer) -> None:
        await accept(peer, behind=frame(Opcode.TEXT, b"last word") + closing(1000, b""))
        await hear(peer, 1)

    async with listen(script) as listener, transport() as upstream:
        peer = await shake(upstream, listener)
        assert [await peer.receive(), await peer.receive()] == ["last word", Closed(1000)]


async def test_messages_right_behind_the_handshake_are_heard() -> None:
    async def script(peer: Peer) -> None:
        await accept(peer, behind=frame(Opcode.TEXT, b"first"))
        await peer.reader.read()

    async with listen(script) as listener, transport() as upstream:
        assert await (await shake(upstream, listener)).receive() == "first"


@pytest.mark.parametrize(
    ("said", "closed"),
    [
        (closing(1000, b"bye"), Closed(1000, "bye")),
        (frame(Opcode.CLOSE, b""), Closed(1005)),
        (b"", Closed(1006)),
        (frame(Opcode.TEXT, b"\xff"), Closed(1007, "text that is not UTF-8")),
        (b"\x83\x00", Closed(1002, "invalid opcode: 0x03")),
    ],
)
async def test_how_the_peer_ends_is_told(said: bytes, closed: Closed) -> None:
    async def script(peer: Peer) -> None:
        await accept(peer)
        peer.say(said)
        if said:
            await peer.reader.read()

    async with listen(script) as listener, transport() as upstream:
        peer = await shake(upstream, listener)
        ended = await peer.receive()
        assert isinstance(ended, Closed)
        assert ended.code == closed.code
        assert closed.code == 1002 or ended == closed
        await asyncio.wait_for(listener.gone.wait(), 1)


async def test_a_message_beyond_the_limit_ends_the_connection() -> None:
    async def script(peer: Peer) -> None:
        await accept(peer)
        peer.say(frame(Opcode.BINARY, bytes(600), fin=False) + frame(Opcode.CONT, bytes(600)))
        await peer.reader.read()

    async with listen(script) as listener, transport(message_limit=1000) as upstream:
        ended = await (await shake(upstream, listener)).receive()
        assert isinstance(ended, Closed)
        assert ended.code == 1009


@pytest.mark.parametrize(
    ("closed", "said"), [(Closed(1000, "bye"), b"\x03\xe8bye"), (Closed(1005), b""), (Closed(4999), b"\x13\x87")]
)
async def test_closing_says_why_and_waits_for_the_answer(closed: Closed, said: bytes) -> None:
    heard: list[Frame] = []

    async def script(peer: Peer) -> None:
        await accept(peer)
        heard.extend(await hear(peer, 1))
        peer.say(frame(Opcode.TEXT, b"late") + frame(Opcode.CLOSE, bytes(heard[0].data)))
        await peer.reader.read()

    async with listen(script) as listener, transport() as upstream:
        peer = await shake(upstream, listener)
        await peer.close(closed)
        await peer.close(closed)
        assert await peer.receive() == closed
        await asyncio.wait_for(listener.gone.wait(), 1)
    assert [(frame.opcode, bytes(frame.data)) for frame in heard] == [(Opcode.CLOSE, said)]


async def test_closing_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyngx.core.websocket.CLOSE_TIMEOUT", 0.02)

    async def script(peer: Peer) -> None:
        await accept(peer)
        await peer.reader.read()

    async with listen(script) as listener, transport() as upstream:
        peer = await shake(upstream, listener)
        await asyncio.wait_for(peer.close(Closed(1000)), 1)
        assert await peer.receive() == Closed(1006)
        await asyncio.wait_for(listener.gone.wait(), 1)


async def test_silence_both_ways_ends_the_connection_but_a_ping_is_no_silence() -> None:
    async def script(peer: Peer) -> None:
        await accept(peer)
        for _ in range(6):
            await asyncio.sleep(0.03)
            peer.say(frame(Opcode.PING, b""))
        await peer.reader.read()

    async with listen(script) as listener, transport() as upstream:
        began = asyncio.get_running_loop().time()
        peer = await shake(upstream, listener, timeouts=Timeouts(1, 1, 0.08))
        assert await peer.receive() == Closed(1006, "timed out")
        assert asyncio.get_running_loop().time() - began > 0.2


async def test_a_peer_that_says_more_than_is_received_has_to_wait() -> None:
    said = 0

    async def script(peer: Peer) -> None:
        nonlocal said
        await accept(peer)
        for _ in range(1000):
            peer.say(frame(Opcode.BINARY, bytes(32 * 1024)))
            await peer.writer.drain()
            said += 1

    async with listen(script) as listener, transport() as upstream:
        peer = await shake(upstream, listener)
        await asyncio.sleep(0.05)
        assert said < 900
        for _ in range(1000):
            assert len(await peer.receive()) == 32 * 1024  # type: ignore[arg-type]
        assert await peer.receive() == Closed(1006)


async def test_sending_waits_for_a_slow_peer() -> None:
    go_on = asyncio.Event()
    size = 1024 * 1024

    async def script(peer: Peer) -> None:
        await accept(peer)
        await go_on.wait()
        while await peer.reader.read(size):
            pass

    async with listen(script) as listener, transport() as upstream:
        peer = await shake(upstream, listener)

        async def flood() -> None:
            for _ in range(64):
                await peer.send(bytes(size))

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(flood(), 0.1)
        go_on.set()
        await asyncio.wait_for(peer.send(b"last"), 2)
