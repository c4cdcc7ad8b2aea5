"""Addresses to connect from."""

from __future__ import annotations

import asyncio

import pytest

from pyngx.core.ports import Address, Request
from pyngx.modules.proxy_bind import parse_local_address
from pyngx.upstream.dial import connection_key, dial


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("127.0.0.2", Address("127.0.0.2")),
        ("127.0.0.2:81", Address("127.0.0.2", 81)),
        ("::1", Address("::1")),
        ("[::1]", Address("::1")),
        ("[::1]:81", Address("::1", 81)),
        ("[::1]81", None),
        ("127.0.0.2:", None),
        ("localhost", None),
        ("", None),
    ],
)
def test_an_address_may_have_a_port(written: str, address: Address | None) -> None:
    assert parse_local_address(written) == address


def test_connections_from_other_addresses_are_not_shared() -> None:
    plain = Request(Address("127.0.0.1", 80), b"GET", b"/", [])
    bound = Request(Address("127.0.0.1", 80), b"GET", b"/", [], local_address=Address("127.0.0.2"))
    assert connection_key(plain) != connection_key(bound)


async def test_the_peer_sees_the_address() -> None:
    seen: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.set_result(writer.get_extra_info("peername")[0])
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        request = Request(Address("127.0.0.1", port), b"GET", b"/", [], local_address=Address("127.0.0.2"))
        await dial(request, asyncio.Protocol)
        assert await asyncio.wait_for(seen, 5) == "127.0.0.2"
