"""WebSockets through proxy_pass: which peers are asked, and what becomes of those that are left."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from pyngx.core.ports import Closed, Failure, Fields, HandshakeRefused, Request, UpstreamError, WebSocketPeer
from pyngx.modules import MODULES
from tests.support.configure import in_server
from tests.support.fake_upstream import FakeTransport
from tests.support.live import build_text, make_runtime, open_exchange, run
from tests.support.live_client import FakeWebSocket, LiveClient

HANDSHAKE = [
    *((b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"), (b"Sec-WebSocket-Version", b"13")),
    (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
]
REFUSED = UpstreamError(Failure.CONNECT, "refused", sent=False)
BUSY = HandshakeRefused(503, b"Busy", [(b"X-Why", b"busy")], b"busy")
SERVERS = "upstream app { server 127.0.0.1:1; server 127.0.0.1:2; }"


class FakePeer:
    """A WebSocket that says one thing, and then nothing."""

    def __init__(self, last: Closed | UpstreamError) -> None:
        self.subprotocol: str | None = None
        self.fields: list[tuple[bytes, bytes]] = [(b"X-Peer", b"1")]
        self.closed: Closed | None = None
        self._last = last

    async def receive(self) -> str | bytes | Closed:
        if isinstance(self._last, UpstreamError):
            raise self._last
        return self._last

    async def send(self, message: str | bytes) -> None:
        pass

    async def close(self, closed: Closed) -> None:
        self.closed = closed


class Leaving(FakeWebSocket):
    """A client that is gone when it is answered."""

    async def accept(self, subprotocol: str | None, fields: Fields) -> None:
        raise asyncio.CancelledError


class Handshakes(FakeTransport):
    """Answers handshakes in turn."""

    def __init__(self, *answers: WebSocketPeer | HandshakeRefused | UpstreamError) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[int] = []

    async def open_websocket(self, request: Request, subprotocols: Sequence[str]) -> WebSocketPeer | HandshakeRefused:
        self.asked.append(request.address.port)
        answer = self.answers.pop(0)
        if isinstance(answer, UpstreamError):
            raise answer
        return answer


async def shake(
    settings: str, *answers: WebSocketPeer | HandshakeRefused | UpstreamError, client: FakeWebSocket | None = None
) -> tuple[LiveClient, Handshakes]:
    runtime = make_runtime()
    runtime.transport = transport = Handshakes(*answers)
    text = in_server(
        f'access_log off; {settings} add_header X-Tries "$upstream_addr|$upstream_status" always;'
        "location / { proxy_pass http://app; }"
    ).replace("http { ", f"http {{ {SERVERS} ", 1)
    live = LiveClient(client or FakeWebSocket())
    exchange = open_exchange(build_text(text, MODULES, runtime), "GET / HTTP/1.1", HANDSHAKE, live)
    exchange.upgrades = True
    await asyncio.wait_for(run(exchange), 5)
    return live, transport


@pytest.mark.parametrize(
    ("settings", "answer", "asked"),
    [
        ("", REFUSED, [1, 2]),
        ("proxy_next_upstream off;", REFUSED, [1]),
        ("proxy_next_upstream timeout;", REFUSED, [1]),
        ("proxy_next_upstream_tries 1;", REFUSED, [1]),
        ("", BUSY, [1]),
        ("proxy_next_upstream http_503;", BUSY, [1, 2]),
    ],
)
async def test_the_next_peer_is_asked_as_configured(
    settings: str, answer: HandshakeRefused | UpstreamError, asked: list[int]
) -> None:
    _, transport = await shake(settings, answer, FakePeer(Closed(1000)))
    assert transport.asked == asked


async def test_a_refusal_reaches_the_client() -> None:
    client, _ = await shake("", BUSY)
    assert (client.status, client.header("X-Why"), client.body) == (503, "busy", b"busy")
    assert client.header("X-Tries") == "127.0.0.1:1|503"


async def test_when_all_peers_fail_the_client_gets_502() -> None:
    client, _ = await shake("", REFUSED, REFUSED)
    assert (client.status, client.header("X-Tries")) == (502, "127.0.0.1:1, 127.0.0.1:2|502, 502")


async def test_a_bridge_that_breaks_is_not_built_again() -> None:
    _, transport = await shake("", FakePeer(UpstreamError(Failure.ERROR, "broken")), FakePeer(Closed(1000)))
    assert transport.asked == [1]


async def test_a_peer_is_closed_when_the_client_left_during_the_handshake() -> None:
    peer = FakePeer(Closed(1000))
    with pytest.raises(asyncio.CancelledError):
        await shake("", peer, client=Leaving())
    assert peer.closed == Closed(1006)
