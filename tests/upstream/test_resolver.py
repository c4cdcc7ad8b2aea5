"""Names are asked of a small name server in the same process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from pyngx.core.ports import Address, Failure, UpstreamError
from pyngx.core.tasks import Tasks
from pyngx.upstream import resolver as module
from pyngx.upstream.resolver import HostNotFound, Resolver, ResolverSettings, resolve_now

ZONE = {
    ("one.test.", "A"): ["one.test. 60 IN A 10.0.0.1"],
    ("both.test.", "A"): ["both.test. 60 IN A 10.0.0.1 10.0.0.2"],
    ("both.test.", "AAAA"): ["both.test. 20 IN AAAA ::1"],
    ("six.test.", "AAAA"): ["six.test. 60 IN AAAA ::6"],
    ("alias.test.", "A"): ["alias.test. 5 IN CNAME one.test.", "one.test. 60 IN A 10.0.0.1"],
    ("empty.test.", "TXT"): [],
}
NAMES = {name for name, _ in ZONE}


class NameServer(asyncio.DatagramProtocol):
    """Answers from the zone; its mood is an rcode, or silence."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.mood: str = ""
        self.address = Address("")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.address = Address("127.0.0.1", transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: object) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = str(question.name), question.to_text().split()[-1]
        self.asked.append(f"{name} {kind}")
        if self.mood == "silent":
            return
        reply = dns.message.make_response(query)
        if self.mood:
            reply.set_rcode(dns.rcode.from_text(self.mood))
        elif name not in NAMES:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        for line in ZONE.get((name, kind), []):
            owner, ttl, _, rdtype, *values = line.split()
            reply.answer.append(dns.rrset.from_text(owner, int(ttl), "IN", rdtype, *values))
        if self.mood == "NOTIMP":
            self.transport.sendto(b"garbage", addr)  # type: ignore[attr-defined]
        self.transport.sendto(reply.to_wire(), addr)  # type: ignore[attr-defined]


@contextlib.asynccontextmanager
async def name_servers(number: int = 1) -> AsyncIterator[list[NameServer]]:
    loop = asyncio.get_running_loop()
    opened = [await loop.create_datagram_endpoint(NameServer, ("127.0.0.1", 0)) for _ in range(number)]
    try:
        yield [server for _, server in opened]
    finally:
        for transport, _ in opened:
            transport.close()
        await asyncio.sleep(0)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@contextlib.asynccontextmanager
async def resolving(*servers: NameServer, clock: Clock | None = None, **more: object) -> AsyncIterator[Resolver]:
    reports: list[str] = []
    tasks = Tasks(lambda name, error: reports.append(f"{name}: {error!r}"))
    settings = ResolverSettings(tuple(server.address for server in servers), **more)  # type: ignore[arg-type]
    try:
        yield Resolver(settings, tasks.spawn, clock or Clock())
    finally:
        await tasks.close()
    assert reports == []


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("one.test", ("10.0.0.1",)),
        ("ONE.test.", ("10.0.0.1",)),
        ("both.test", ("10.0.0.1", "10.0.0.2", "::1")),
        ("six.test", ("::6",)),
        ("alias.test", ("10.0.0.1",)),
        ("192.0.2.1", ("192.0.2.1",)),
        ("::1", ("::1",)),
    ],
)
async def test_a_name_has_addresses_of_both_kinds(host: str, addresses: tuple[str, ...]) -> None:
    async with name_servers() as [server], resolving(server) as resolver:
        assert sorted(await resolver.resolve(host)) == sorted(addresses)


async def test_ipv4_comes_first() -> None:
    async with name_servers() as [server], resolving(server) as resolver:
        assert (await resolver.resolve("both.test"))[2] == "::1"


@pytest.mark.parametrize(("off", "kind"), [("ipv6", "A"), ("ipv4", "AAAA")])
async def test_a_kind_that_is_off_is_not_asked_for(off: str, kind: str) -> None:
    async with name_servers() as [server], resolving(server, **{off: False}) as resolver:
        await resolver.resolve("both.test")
        assert server.asked == [f"both.test. {kind}"]


@pytest.mark.parametrize(
    ("host", "mood", "message"),
    [
        ("none.test", "", "no such name"),
        ("empty.test", "", "no address"),
        ("one.test", "SERVFAIL", "says SERVFAIL"),
        ("one.test", "REFUSED", "says REFUSED"),
        ("one.test", "NOTIMP", "says NOTIMP"),
        ("one.test", "silent", "timed out"),
        ("a..test", "", "not a name"),
        ("x" * 64 + ".test", "", "not a name"),
    ],
)
async def test_a_name_that_has_none_is_an_error(host: str, mood: str, message: str) -> None:
    async with name_servers() as [server], resolving(server, timeout=0.05) as resolver:
        server.mood = mood
        with pytest.raises(UpstreamError, match=message) as caught:
            await resolver.resolve(host)
        assert caught.value.failure is Failure.CONNECT
        assert not caught.value.sent
        assert repr(resolver) == f"<Resolver {server.address}: 0 known>"


@pytest.mark.parametrize(("valid", "seconds"), [(None, 20), (5.0, 5), (100.0, 100)])
async def test_an_answer_is_kept_for_its_time(valid: float | None, seconds: float) -> None:
    clock = Clock()
    async with name_servers() as [server], resolving(server, clock=clock, valid=valid) as resolver:
        await resolver.resolve("both.test")
        clock.now = seconds - 0.1
        await resolver.resolve("both.test")
        assert len(server.asked) == 2
        clock.now = seconds
        await resolver.resolve("both.test")
        assert len(server.asked) == 4


async def test_a_chain_holds_as_long_as_its_weakest_link() -> None:
    clock = Clock()
    async with name_servers() as [server], resolving(server, clock=clock, ipv6=False) as resolver:
        await resolver.resolve("alias.test")
        clock.now = 5
        await resolver.resolve("alias.test")
        assert len(server.asked) == 2


async def test_addresses_take_turns() -> None:
    async with name_servers() as [server], resolving(server) as resolver:
        turns = [(await resolver.resolve("both.test"))[0] for _ in range(4)]
    assert turns[0] == turns[2] != turns[1] == turns[3]


async def test_who_asks_at_the_same_time_shares_the_lookup() -> None:
    async with name_servers() as [server], resolving(server, ipv6=False) as resolver:
        answers = await asyncio.gather(*(resolver.resolve("one.test") for _ in range(5)))
        assert answers == [("10.0.0.1",)] * 5
        assert len(server.asked) == 1


async def test_who_leaves_takes_nothing_from_the_others() -> None:
    async with name_servers() as [server], resolving(server, ipv6=False) as resolver:
        leaving = asyncio.ensure_future(resolver.resolve("one.test"))
        staying = asyncio.ensure_future(resolver.resolve("one.test"))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await staying == ("10.0.0.1",)
        assert leaving.cancelled()


async def test_servers_take_turns_and_stand_in_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESEND", 0.03)
    async with name_servers(3) as [first, second, third], resolving(first, second, third, ipv6=False) as resolver:
        first.mood, second.mood = "silent", "SERVFAIL"
        assert await resolver.resolve("one.test") == ("10.0.0.1",)
        assert [len(server.asked) for server in (first, second, third)] == [1, 1, 1]


async def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CACHE_LIMIT", 2)
    async with name_servers() as [server], resolving(server) as resolver:
        for host in ("one.test", "both.test", "six.test"):
            await resolver.resolve(host)
        assert repr(resolver) == f"<Resolver {server.address}: 2 known>"


def test_names_of_the_configuration_are_resolved_ipv4_first(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET6, 1, 6, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, 1, 6, "", ("127.0.0.2", 0)),
        (socket.AF_INET, 1, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET, 1, 6, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: found)
    assert resolve_now("app") == ["127.0.0.2", "127.0.0.1", "::1"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_is_its_own_name(host: str) -> None:
    assert resolve_now(host) == [host]


@pytest.mark.parametrize("host", ["a..b", "x" * 64])
def test_an_unknown_name_of_the_configuration_is_an_error(host: str) -> None:
    with pytest.raises(HostNotFound, match="not found"):
        resolve_now(host)
