"""HTTP/1.1 over real sockets, through uvicorn and the ASGI application."""

from __future__ import annotations

import asyncio
import logging

import pytest

from pyngx.core.answers import Answer, Flow, Response
from pyngx.core.exchange import Exchange
from pyngx.core.listen import ListenAddress
from pyngx.http.headers import Headers
from tests.server.site import Collect, answer, free_address, get, make_site, served


def hello(exchange: Exchange) -> Answer:
    return answer(b"hello")


def echo(exchange: Exchange) -> Answer:
    exchange.body.read_into(Collect(exchange))
    return Flow.TAKEN


def taken(exchange: Exchange) -> Answer:
    return Flow.TAKEN


async def test_a_connection_is_kept_and_counts_its_requests() -> None:
    async with served({"/": hello}) as server, server.peer() as peer:
        for _ in range(2):
            head, body = await peer.ask(get("/"))
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert body == b"hello"
        first, second = server.site.logged
        assert first.connection is second.connection
        assert second.connection.requests == 2
        assert (second.connection.local_addr, second.connection.local_port) == ("127.0.0.1", server.port)


async def test_pipelined_requests_are_answered_in_order() -> None:
    def name(exchange: Exchange) -> Answer:
        return answer(exchange.uri.encode())

    async with served({"/": name}) as server, server.peer() as peer:
        peer.writer.write(get("/a") + get("/b"))
        assert [(await peer.answer())[1] for _ in range(2)] == [b"/a", b"/b"]


async def test_the_target_reaches_the_core_as_it_was_sent() -> None:
    async with served({"/": hello}) as server, server.peer() as peer:
        await peer.ask(get("/a%2Fb%20c?x=%2F&y"))
        exchange = await server.site.exchange()
        assert exchange.target == "/a%2Fb%20c?x=%2F&y"
        assert exchange.uri == "/a/b c"
        assert exchange.request_length == len(get("/a%2Fb%20c?x=%2F&y"))


async def test_head_gets_the_length_and_no_body() -> None:
    async with served({"/": hello}) as server, server.peer() as peer:
        head, _ = await peer.ask(get("/", method="HEAD"), head_only=True)
        assert b"content-length: 5" in head.lower()
        assert (await peer.ask(get("/")))[1] == b"hello"


@pytest.mark.parametrize("status", [204, 304])
async def test_statuses_without_a_body_leave_the_connection_usable(status: int) -> None:
    def bare(exchange: Exchange) -> Answer:
        exchange.respond(Response(status, Collecting.headers()))
        exchange.end()
        return Flow.TAKEN

    async with served({"/": bare, "/hello": hello}) as server, server.peer() as peer:
        head, _ = await peer.ask(get("/"))
        assert b"transfer-encoding" not in head.lower()
        assert (await peer.ask(get("/hello")))[1] == b"hello"


class Collecting:
    @staticmethod
    def headers() -> Headers:
        return Headers([(b"Content-Length", b"12"), (b"ETag", b'"x"')])


async def in_parts(exchange: Exchange) -> Answer:
    exchange.respond(Response(200))
    for part in (b"one ", b"two ", b"three"):
        exchange.write(part)
        await asyncio.sleep(0.001)
    exchange.end()
    return Flow.TAKEN


async def test_a_body_of_unknown_length_is_chunked() -> None:
    async with served({"/": in_parts}) as server, server.peer() as peer:
        head, body = await peer.ask(get("/"))
        assert b"transfer-encoding: chunked" in head.lower()
        assert body == b"one two three"
        assert (await peer.ask(get("/")))[1] == b"one two three"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_to_http_1_0_it_ends_with_the_connection(method: str) -> None:
    async with served({"/": in_parts}) as server, server.peer() as peer:
        head, _ = await peer.ask(get("/", "Connection: keep-alive", method=method, version="1.0"), head_only=True)
        assert b"transfer-encoding" not in head.lower()
        assert b"connection: close" in head.lower()
        assert await peer.rest() == (b"one two three" if method == "GET" else b"")
        assert server.site.log.events == []


async def test_what_is_written_while_the_handler_waits_is_sent_at_once() -> None:
    go_on = asyncio.Event()

    async def half(exchange: Exchange) -> Answer:
        exchange.respond(Response(200, length=4))
        exchange.write(b"ab")
        await go_on.wait()
        exchange.write(b"cd")
        exchange.end()
        return Flow.TAKEN

    async with served({"/": half}) as server, server.peer() as peer:
        peer.writer.write(get("/"))
        await peer.answer(head_only=True)
        assert await peer.reader.readexactly(2) == b"ab"
        go_on.set()
        assert await peer.reader.readexactly(2) == b"cd"


@pytest.mark.parametrize("framing", ["Content-Length: 11", "Transfer-Encoding: chunked"])
async def test_a_request_body_reaches_its_sink(framing: str) -> None:
    body = b"hello world" if framing.startswith("C") else b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    async with served({"/": echo}) as server, server.peer() as peer:
        for _ in range(2):
            assert (await peer.ask(get("/", framing, method="POST") + body))[1] == b"hello world"


async def test_an_upload_is_held_back_while_its_sink_pauses() -> None:
    started = asyncio.Event()
    size = 16 * 1024 * 1024

    class Slow(Collect):
        def body_received(self, data: bytes) -> None:
            super().body_received(data)
            if not started.is_set():
                self.exchange.body.pause_reading()
                started.set()

        def body_ended(self, trailers: object) -> None:
            self.exchange.respond(Response(200, length=0))
            self.exchange.end()

    sinks: list[Slow] = []

    def slow(exchange: Exchange) -> Answer:
        sinks.append(Slow(exchange))
        exchange.body.read_into(sinks[0])
        return Flow.TAKEN

    async with served({"/": slow}) as server, server.peer() as peer:
        peer.writer.write(get("/", f"Content-Length: {size}", method="POST"))
        peer.writer.write(b"x" * size)
        await started.wait()
        await asyncio.sleep(0.05)
        exchange = sinks[0].exchange
        assert exchange.body.received < 1024 * 1024
        assert peer.writer.transport.get_write_buffer_size() > 1024 * 1024
        exchange.body.resume_reading()
        await peer.answer()
        assert exchange.body.received == size


async def test_a_slow_reader_pauses_the_source() -> None:
    size = 8 * 1024 * 1024
    written = 0

    async def large(exchange: Exchange) -> Answer:
        nonlocal written
        exchange.respond(Response(200, length=size))
        while written < size:
            exchange.write(b"x" * 16384)
            written += 16384
            await exchange.drain()
        exchange.end()
        return Flow.TAKEN

    async with served({"/": large}) as server, server.peer(limit=65536) as peer:
        peer.writer.write(get("/"))
        await peer.answer(head_only=True)
        await asyncio.sleep(0.05)
        assert written < size
        assert len(await peer.reader.readexactly(size)) == size
        assert (await server.site.exchange()).complete


@pytest.mark.parametrize("in_handler", [True, False])
@pytest.mark.parametrize("body", [b"", b"Content-Length: 10\r\n\r\nabc"])
async def test_a_client_that_leaves_is_noticed(in_handler: bool, body: bytes) -> None:
    started = asyncio.Event()
    cancelled = asyncio.Event()

    async def wait(exchange: Exchange) -> Answer:
        started.set()
        if in_handler:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.set()
                raise
        return Flow.TAKEN

    async with served({"/": wait}) as server:
        async with server.peer() as peer:
            peer.writer.write(get("/", method="POST")[:-2] + (body or b"\r\n"))
            await started.wait()
            await asyncio.sleep(0.01)
        exchange = await server.site.exchange()
        assert exchange.gone
        assert exchange.status == 499
        if in_handler:
            async with asyncio.timeout(1):
                await cancelled.wait()


async def test_a_client_that_leaves_during_the_response_stops_it() -> None:
    async def endless(exchange: Exchange) -> Answer:
        exchange.respond(Response(200))
        while not exchange.ended:
            exchange.write(b"x" * 16384)
            await exchange.drain()
            await asyncio.sleep(0)
        return Flow.TAKEN

    async with served({"/": endless}) as server:
        async with server.peer() as peer:
            await peer.ask(get("/"), head_only=True)
        exchange = await server.site.exchange()
        assert exchange.gone
        assert exchange.status == 200


@pytest.mark.parametrize("length", [None, 10])
async def test_a_response_broken_off_never_looks_whole(length: int | None, caplog: pytest.LogCaptureFixture) -> None:
    def broken(exchange: Exchange) -> Answer:
        exchange.respond(Response(200, length=length))
        exchange.write(b"half")
        exchange.fail()
        return Flow.TAKEN

    async with served({"/": broken}) as server, server.peer() as peer:
        peer.writer.write(get("/"))
        rest = await peer.rest()
        assert rest.endswith(b"half\r\n" if length is None else b"half")
        assert b"200 OK" in rest
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_connection_is_closed_without_a_response() -> None:
    def close(exchange: Exchange) -> Answer:
        return Flow.CLOSE

    async with served({"/": close}) as server, server.peer() as peer:
        peer.writer.write(get("/"))
        assert await peer.rest() == b""
        assert (await server.site.exchange()).status == 444


async def test_an_exchange_can_end_the_connection() -> None:
    def last(exchange: Exchange) -> Answer:
        exchange.keepalive = False
        return answer(b"bye")

    async with served({"/": last}) as server, server.peer() as peer:
        peer.writer.write(get("/"))
        rest = await peer.rest()
        assert b"connection: close" in rest.lower()
        assert rest.endswith(b"bye")


async def test_who_sends_too_much_gets_to_read_the_refusal() -> None:
    size = 4 * 1024 * 1024
    async with served({"/": hello}, max_body=1000) as server, server.peer() as peer:
        peer.writer.write(get("/", f"Content-Length: {size}", method="POST") + b"x" * size)
        await peer.writer.drain()
        rest = await peer.rest()
        assert rest.startswith(b"HTTP/1.1 413")
        assert b"connection: close" in rest.lower()


async def test_a_chunked_body_that_grows_too_large_is_refused() -> None:
    async with served({"/": echo}, max_body=10) as server, server.peer() as peer:
        head, _ = await peer.ask(
            get("/", "Transfer-Encoding: chunked", method="POST") + b"14\r\n" + b"x" * 20 + b"\r\n0\r\n\r\n"
        )
        assert head.startswith(b"HTTP/1.1 413")


async def test_100_continue_is_sent_when_the_body_is_wanted() -> None:
    async with served({"/": echo}) as server, server.peer() as peer:
        peer.writer.write(get("/", "Expect: 100-continue", "Content-Length: 2", method="POST"))
        head = await peer.reader.readuntil(b"\r\n\r\n")
        assert head == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await peer.ask(b"hi"))[1] == b"hi"


async def test_100_continue_is_not_sent_for_a_body_that_is_refused() -> None:
    async def later(exchange: Exchange) -> Answer:
        await asyncio.sleep(0.01)
        exchange.keepalive = False
        return answer(b"no", 403)

    async with served({"/": later}) as server, server.peer() as peer:
        peer.writer.write(get("/", "Expect: 100-continue", "Content-Length: 2", method="POST"))
        assert (await peer.rest()).startswith(b"HTTP/1.1 403")


async def test_a_new_generation_answers_new_requests_and_leaves_those_under_way() -> None:
    go_on = asyncio.Event()

    async def wait(exchange: Exchange) -> Answer:
        await go_on.wait()
        return answer(b"old")

    address = free_address()
    async with served({"/": wait}, address) as server, server.peer() as first, server.peer() as second:
        first.writer.write(get("/"))
        await asyncio.sleep(0.01)
        new = make_site({"/": hello}, address)
        server.app.generation = new.generation
        assert (await second.ask(get("/")))[1] == b"hello"
        go_on.set()
        assert (await first.answer())[1] == b"old"
        assert (await first.ask(get("/")))[1] == b"hello"


async def test_a_unix_socket_is_served(tmp_path: object) -> None:
    address = ListenAddress("", 0, f"{tmp_path}/s")
    async with served({"/": hello}, address) as server, server.peer() as peer:
        assert (await peer.ask(get("/")))[1] == b"hello"
        connection = (await server.site.exchange()).connection
        assert (connection.remote_addr, connection.local_addr) == ("unix:", f"unix:{tmp_path}/s")


async def test_a_handler_that_fails_after_the_head_breaks_the_response() -> None:
    async def fails(exchange: Exchange) -> Answer:
        exchange.respond(Response(200, length=10))
        raise ValueError("x")

    async with served({"/": fails}) as server, server.peer() as peer:
        peer.writer.write(get("/"))
        assert not (await peer.rest()).endswith(b"x" * 10)
