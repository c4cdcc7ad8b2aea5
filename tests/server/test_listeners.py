"""Listening sockets come and go while connections live."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from pyngx.core.answers import Answer, Flow, Response
from pyngx.core.exchange import Exchange
from pyngx.core.listen import ListenAddress, SocketOptions
from pyngx.server.asgi import App
from pyngx.server.listeners import Listeners
from pyngx.server.sockets import BindError, address_of, inherit_sockets, open_socket
from tests.server.site import answer, free_address, get, make_site, served

PLAIN = SocketOptions()


def hello(exchange: Exchange) -> Answer:
    return answer(b"hello")


def test_an_address_in_use_is_named_as_nginx_names_it() -> None:
    address = free_address()
    with open_socket(address, PLAIN), pytest.raises(BindError) as caught:
        open_socket(address, PLAIN)
    assert str(caught.value) == f"bind() to 127.0.0.1:{address.port} failed (98: Address already in use)"
    assert caught.value.address == address


def test_options_reach_the_socket() -> None:
    address = free_address()
    options = SocketOptions(backlog=5, rcvbuf=20000, sndbuf=30000, keepalive=True, reuseport=True)
    with open_socket(address, options) as opened, open_socket(address, options):
        asked = {
            (socket.SOL_SOCKET, socket.SO_RCVBUF): 40000,  # Linux doubles both
            (socket.SOL_SOCKET, socket.SO_SNDBUF): 60000,
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE): 1,
            (socket.SOL_SOCKET, socket.SO_REUSEADDR): 1,
        }
        assert {option: opened.getsockopt(*option) for option in asked} == asked
        assert address_of(opened) == address


def test_ipv6_sockets_take_ipv6_alone_by_default() -> None:
    with open_socket(free_address("::1"), PLAIN) as opened:
        assert opened.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


def test_a_unix_socket_is_everybodys(tmp_path: Path) -> None:
    with open_socket(ListenAddress("", 0, f"{tmp_path}/s"), PLAIN):
        assert stat.S_IMODE(os.stat(tmp_path / "s").st_mode) == 0o666


def test_a_unix_socket_that_somebody_listens_on_is_left_to_him(tmp_path: Path) -> None:
    address = ListenAddress("", 0, f"{tmp_path}/s")
    with open_socket(address, PLAIN), pytest.raises(BindError, match=r"98: Address already in use"):
        open_socket(address, PLAIN)


def test_a_unix_socket_left_by_a_crash_is_replaced(tmp_path: Path) -> None:
    address = ListenAddress("", 0, f"{tmp_path}/s")
    open_socket(address, PLAIN).close()
    with open_socket(address, PLAIN), socket.socket(socket.AF_UNIX) as client:
        client.connect(address.path)


def test_a_plain_file_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("mine")
    with pytest.raises(BindError):
        open_socket(ListenAddress("", 0, f"{tmp_path}/s"), PLAIN)
    assert (tmp_path / "s").read_text() == "mine"


def test_inherited_descriptors_are_known_by_their_address(tmp_path: Path) -> None:
    addresses = [free_address(), ListenAddress("", 0, f"{tmp_path}/s")]
    opened = [open_socket(address, PLAIN) for address in addresses]
    found = inherit_sockets(one.detach() for one in opened)
    assert list(found) == addresses
    for one in found.values():
        assert not one.get_inheritable()
        one.close()


async def test_listeners_are_added_while_others_serve() -> None:
    first, second = free_address(), free_address()
    async with served({"/": hello}, first) as server, server.peer() as peer:
        assert (await peer.ask(get("/")))[1] == b"hello"
        new = make_site({"/": hello}, first, second)
        change = server.listeners.prepare(new.generation.listeners)
        server.app.generation = new.generation
        await server.listeners.commit(change)
        assert set(server.listeners.sockets) == {first, second}
        assert (await peer.ask(get("/")))[1] == b"hello"
        async with server.peer(second) as other:
            assert (await other.ask(get("/")))[1] == b"hello"


async def test_a_failed_change_changes_nothing() -> None:
    first, fine, taken = free_address(), free_address(), free_address()
    async with served({"/": hello}, first) as server:
        with open_socket(taken, PLAIN), pytest.raises(BindError):
            server.listeners.prepare({fine: PLAIN, taken: PLAIN})
        assert set(server.listeners.sockets) == {first}
        open_socket(fine, PLAIN).close()
        async with server.peer() as peer:
            assert (await peer.ask(get("/")))[1] == b"hello"


async def test_a_prepared_change_can_be_taken_back(tmp_path: Path) -> None:
    first, second, third = free_address(), free_address(), ListenAddress("", 0, f"{tmp_path}/s")
    async with served({"/": hello}, first) as server:
        change = server.listeners.prepare({second: PLAIN, third: PLAIN})
        server.listeners.discard(change)
        assert set(server.listeners.sockets) == {first}
        assert not (tmp_path / "s").exists()
        open_socket(second, PLAIN).close()


async def test_a_removed_listener_refuses_and_its_connections_end_with_their_request() -> None:
    go_on, started = asyncio.Event(), asyncio.Event()

    async def wait(exchange: Exchange) -> Answer:
        started.set()
        await go_on.wait()
        return answer(b"late")

    gone, stays = free_address(), free_address()
    async with served({"/": hello, "/wait": wait}, gone, stays) as server:
        async with server.peer(gone) as idle, server.peer(gone) as busy, server.peer(stays) as other:
            await idle.ask(get("/"))
            await other.ask(get("/"))
            busy.writer.write(get("/wait"))
            await started.wait()
            new = make_site({"/": hello}, stays)
            change = server.listeners.prepare(new.generation.listeners)
            server.app.generation = new.generation
            await server.listeners.commit(change)
            assert await idle.rest() == b""
            go_on.set()
            head, body = await busy.answer()
            assert body == b"late"
            assert b"connection: close" in head.lower()
            assert await busy.rest() == b""
            assert (await other.ask(get("/")))[1] == b"hello"
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(gone.host, gone.port)


async def test_no_other_server_answers_for_a_listener_that_is_gone() -> None:
    gone, stays = free_address(), free_address()
    async with served({"/": hello}, gone, stays) as server, server.peer(gone) as early:
        await asyncio.sleep(0.01)  # until it is accepted
        assert server.listeners.connections == 1
        new = make_site({"/": hello}, stays)
        change = server.listeners.prepare(new.generation.listeners)
        server.app.generation = new.generation
        await server.listeners.commit(change)
        early.writer.write(get("/"))
        assert await early.rest() == b""
        assert new.logged == []


async def test_options_of_a_kept_listener_are_changed() -> None:
    address = free_address()
    async with served({"/": hello}, address) as server:
        await server.listeners.commit(server.listeners.prepare({address: replace(PLAIN, rcvbuf=20000)}))
        kept = server.listeners.sockets[address]
        assert kept.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 40000
        async with server.peer() as peer:
            assert (await peer.ask(get("/")))[1] == b"hello"


async def test_inherited_sockets_are_adopted_and_their_files_left(tmp_path: Path) -> None:
    tcp, unix, unused = free_address(), ListenAddress("", 0, f"{tmp_path}/s"), free_address()
    given = {address: open_socket(address, PLAIN) for address in (tcp, unix, unused)}
    site = make_site({"/": hello}, tcp, unix)
    listeners = Listeners(App(site.generation))
    await listeners.commit(listeners.prepare(site.generation.listeners, given))
    assert listeners.sockets == {tcp: given[tcp], unix: given[unix]}
    assert given[unused].fileno() == -1
    reader, writer = await asyncio.open_unix_connection(unix.path)
    writer.write(get("/", "Connection: close"))
    assert (await reader.read()).endswith(b"hello")
    writer.close()
    await listeners.shutdown(1)
    assert (tmp_path / "s").exists()


async def test_our_own_unix_socket_is_removed_at_the_end(tmp_path: Path) -> None:
    async with served({"/": hello}, ListenAddress("", 0, f"{tmp_path}/s")):
        assert (tmp_path / "s").exists()
    assert not (tmp_path / "s").exists()


async def test_shutdown_lets_requests_end_and_closes_idle_connections() -> None:
    go_on, started = asyncio.Event(), asyncio.Event()

    async def wait(exchange: Exchange) -> Answer:
        started.set()
        await go_on.wait()
        return answer(b"late")

    async with served({"/": hello, "/wait": wait}) as server, server.peer() as idle, server.peer() as busy:
        await idle.ask(get("/"))
        busy.writer.write(get("/wait"))
        await started.wait()
        ending = asyncio.create_task(server.listeners.shutdown(5))
        assert await idle.rest() == b""
        go_on.set()
        assert (await busy.answer())[1] == b"late"
        async with asyncio.timeout(1):
            await ending
        assert server.listeners.connections == 0


async def test_shutdown_cuts_off_what_takes_too_long(caplog: pytest.LogCaptureFixture) -> None:
    async def endless(exchange: Exchange) -> Answer:
        exchange.respond(Response(200))
        exchange.write(b"x")
        return Flow.TAKEN

    async with served({"/": endless}) as server, server.peer() as peer:
        await peer.ask(get("/"), head_only=True)
        async with asyncio.timeout(1):
            await server.listeners.shutdown(0.02)
        exchange = await server.site.exchange()
        assert exchange.gone
        assert not exchange.complete
        assert caplog.records == []
