"""HTTP calls over TLS."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest

from pyngx.core.ports import Tls
from tests.support.certificates import client_context
from tests.upstream.peers import OK, Peer, ask, get, listen, transport

if TYPE_CHECKING:
    from pathlib import Path


async def answer(peer: Peer) -> None:
    while await peer.request():
        peer.say(OK)


def verifying(certificate: Path, name: str = "app.test") -> Tls:
    return Tls(client_context(certificate), name, name)


async def test_a_verified_connection_is_kept_and_used_again(certificate: Path, server_tls: ssl.SSLContext) -> None:
    tls = verifying(certificate)
    async with listen(answer, tls=server_tls) as peer, transport() as upstream:
        for _ in range(3):
            recorder = await ask(upstream, get(peer.address, tls=tls))
            assert recorder.notes == ["connected", "200 OK", "body", "ended"]
        assert peer.connections == 1


async def test_settings_that_differ_share_no_connection(server_tls: ssl.SSLContext) -> None:
    same = client_context()
    async with listen(answer, tls=server_tls) as peer, transport() as upstream:
        for tls in (Tls(same, "a"), Tls(same, "b"), Tls(client_context(), "a"), Tls(same, "a")):
            await ask(upstream, get(peer.address, tls=tls))
        assert peer.connections == 3


@pytest.mark.parametrize("name", ["app.test", None])
async def test_the_server_name_is_sent_only_if_there_is_one(name: str | None, server_tls: ssl.SSLContext) -> None:
    names: list[str | None] = []
    server_tls.sni_callback = lambda _, sent, __: names.append(sent)  # type: ignore[assignment]
    async with listen(answer, tls=server_tls) as peer, transport() as upstream:
        assert (await ask(upstream, get(peer.address, tls=Tls(client_context(), name)))).notes[-1] == "ended"
    assert names == [name]


@pytest.mark.parametrize("name", ["other.test", "app.test"])
async def test_a_certificate_that_does_not_verify_fails_to_connect(
    name: str, certificate: Path, server_tls: ssl.SSLContext
) -> None:
    tls = verifying(certificate, name) if name == "other.test" else Tls(client_context(), name, name)
    async with listen(answer, tls=server_tls) as peer, transport() as upstream:
        recorder = await ask(upstream, get(peer.address, tls=tls))
    assert recorder.notes == ["failed: connect"]
    assert recorder.error is not None
    wrong = "does not match" if name == "other.test" else "certificate verify error: (18:self-signed certificate)"
    assert wrong in str(recorder.error)
    assert not recorder.error.sent


async def test_a_plain_peer_fails_to_connect() -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(10)
        peer.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with listen(script) as peer, transport() as upstream:
        assert (await ask(upstream, get(peer.address, tls=Tls(client_context())))).notes == ["failed: connect"]


async def test_a_short_body_is_truncated(server_tls: ssl.SSLContext) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")

    async with listen(script, tls=server_tls) as peer, transport() as upstream:
        recorder = await ask(upstream, get(peer.address, tls=Tls(client_context())))
    assert recorder.notes == ["connected", "200 OK", "body", "failed: truncated"]


async def test_bodies_wait_in_both_directions(server_tls: ssl.SSLContext) -> None:
    size = 4 * 2**20

    async def script(peer: Peer) -> None:
        await peer.head()
        body = await peer.reader.readexactly(size)
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + body)

    async with listen(script, tls=server_tls) as peer, transport() as upstream:
        request = get(peer.address, tls=Tls(client_context()), method=b"POST", body_length=size)
        recorder = await asyncio.wait_for(ask(upstream, request, bytes(size)), 5)
        assert recorder.notes[-1] == "ended"
        assert len(recorder.body) == size


async def test_a_session_is_resumed_where_it_is_kept(server_tls: ssl.SSLContext) -> None:
    resumed: list[bool] = []

    async def script(peer: Peer) -> None:
        await peer.request()
        resumed.append(peer.writer.get_extra_info("ssl_object").session_reused)
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    kept = Tls(client_context(), "app.test", sessions={})
    async with listen(script, tls=server_tls) as peer, transport() as upstream:
        for tls in (kept, kept, Tls(kept.context, "app.test"), Tls(kept.context, "b.test", sessions=kept.sessions)):
            assert (await ask(upstream, get(peer.address, tls=tls))).notes[-1] == "ended"
    assert resumed == [False, True, False, False]


async def test_no_name_is_no_name_that_a_certificate_has(certificate: Path, server_tls: ssl.SSLContext) -> None:
    async with listen(answer, tls=server_tls) as peer, transport() as upstream:
        recorder = await ask(upstream, get(peer.address, tls=verifying(certificate, "")))
    assert recorder.notes == ["failed: connect"]
