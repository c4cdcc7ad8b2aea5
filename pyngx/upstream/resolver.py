"""Names become addresses: at run time by the servers of `resolver`, at build time by the system.

At run time a name that many requests ask for is looked up once, and the answer kept for its TTL, or for as long as
`valid` says.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.inet
import dns.message
import dns.rcode
from dns.rdatatype import AAAA, A

from pyngx.core.ports import Failure, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dns.rdatatype import RdataType

    from pyngx.core.ports import Address
    from pyngx.core.tasks import Spawn

RESEND = 5.0  # seconds until the next server is asked (ngx_resolver.c)
ATTEMPTS = 6
CACHE_LIMIT = 4096  # names


@dataclass(frozen=True, slots=True)
class ResolverSettings:
    """The arguments of `resolver`, and `resolver_timeout`."""

    servers: tuple[Address, ...]
    valid: float | None = None  # seconds; None: the TTL
    ipv4: bool = True
    ipv6: bool = True
    timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class _Found:
    """What became of one question: addresses and how long they hold, or what went wrong."""

    addresses: tuple[str, ...] = ()
    ttl: float = 0.0
    problem: str = ""


class HostNotFound(Exception):
    """A name in the configuration that the system doesn't know."""


def resolve_now(host: str) -> list[str]:
    """The addresses of a name in the configuration, IPv4 first. Blocks; raises HostNotFound."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HostNotFound(f'host "{host}" not found: {error}') from error
    by_family = sorted(found, key=lambda entry: entry[0] != socket.AF_INET)
    return list(dict.fromkeys(str(entry[4][0]) for entry in by_family))


class Resolver:
    """Looks names up, and remembers."""

    def __init__(self, settings: ResolverSettings, spawn: Spawn, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._spawn = spawn
        self._clock = clock
        self._servers = itertools.cycle(settings.servers)
        self._turns = itertools.count()
        self._cache: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._asked: dict[str, asyncio.Future[tuple[str, ...]]] = {}

    def __repr__(self) -> str:
        return f"<Resolver {', '.join(map(str, self.settings.servers))}: {len(self._cache)} known>"

    async def resolve(self, host: str) -> tuple[str, ...]:
        """The addresses of a host, IPv4 first, each time beginning with the next one; raises UpstreamError."""
        if dns.inet.is_address(host):
            return (host,)
        host = host.lower().rstrip(".")
        known = self._cache.get(host)
        if known is not None and known[0] > self._clock():
            return self._rotate(known[1])
        asked = self._asked.get(host)
        if asked is None:
            asked = self._asked[host] = asyncio.get_running_loop().create_future()
            self._spawn(self._answer(host, asked), f"resolve {host}")
        return self._rotate(await asyncio.shield(asked))

    async def _answer(self, host: str, asked: asyncio.Future[tuple[str, ...]]) -> None:
        """Look up for all who ask; they may come and go meanwhile."""
        try:
            found = await self._look_up(host)
        except asyncio.CancelledError:
            asked.cancel()
            raise
        finally:
            del self._asked[host]
        if found.problem:
            message = f"{host} could not be resolved: {found.problem}"
            asked.set_exception(UpstreamError(Failure.CONNECT, message, sent=False))
            asked.exception()  # all who asked may have left
            return
        self._remember(host, found)
        asked.set_result(found.addresses)

    async def _look_up(self, host: str) -> _Found:
        kinds = [kind for kind, wanted in ((A, self.settings.ipv4), (AAAA, self.settings.ipv6)) if wanted]
        try:
            async with asyncio.timeout(self.settings.timeout), asyncio.TaskGroup() as group:
                asked = [group.create_task(self._ask(host, kind), name=f"resolve {host} {kind.name}") for kind in kinds]
        except TimeoutError:
            return _Found(problem="timed out")
        found = [task.result() for task in asked]
        good = [each for each in found if each.addresses]
        if not good:
            return next((each for each in found if each.problem), _Found(problem="no address"))
        addresses = tuple(address for each in good for address in each.addresses)
        return _Found(addresses, min(each.ttl for each in good))

    async def _ask(self, host: str, kind: RdataType) -> _Found:
        """Ask one server after the other until one knows."""
        try:
            query = dns.message.make_query(host, kind)
        except (dns.exception.DNSException, UnicodeError, ValueError) as error:
            return _Found(problem=f"not a name: {error}")
        problem = ""
        for _ in range(max(ATTEMPTS, len(self.settings.servers))):
            server = next(self._servers)
            try:
                reply = await _exchange(query, server)
                if reply.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                    return _read(reply)
                problem = f"{server} says {dns.rcode.to_text(reply.rcode())}"
            except dns.exception.Timeout:
                problem = "timed out"
            except (OSError, EOFError, dns.exception.DNSException) as error:
                problem = f"asking {server} failed: {error}"
        return _Found(problem=problem)

    def _remember(self, host: str, found: _Found) -> None:
        now = self._clock()
        if len(self._cache) >= CACHE_LIMIT:
            self._cache = {name: entry for name, entry in self._cache.items() if entry[0] > now}
        while len(self._cache) >= CACHE_LIMIT:
            del self._cache[next(iter(self._cache))]
        self._cache.pop(host, None)  # so that the order is that of age
        self._cache[host] = (now + (found.ttl if self.settings.valid is None else self.settings.valid), found.addresses)

    def _rotate(self, addresses: tuple[str, ...]) -> tuple[str, ...]:
        turn = next(self._turns)
        families = ([a for a in addresses if ":" not in a], [a for a in addresses if ":" in a])
        return tuple(family[(turn + n) % len(family)] for family in families for n in range(len(family)))


async def _exchange(query: dns.message.Message, server: Address) -> dns.message.Message:
    # Replies from elsewhere and garbage are waited past: whoever guesses the port must not end the lookup.
    reply, _ = await dns.asyncquery.udp_with_fallback(
        query,
        server.host,
        timeout=RESEND,
        port=server.port or 53,
        ignore_unexpected=True,
        ignore_errors=True,
        one_rr_per_rrset=True,  # an address that stands there twice is two, and has two turns, as nginx has it
        backend=dns.asyncbackend.get_backend("asyncio"),
    )
    return reply


def _read(reply: dns.message.Message) -> _Found:
    if reply.rcode() == dns.rcode.NXDOMAIN:
        return _Found(problem="no such name")
    if not isinstance(reply, dns.message.QueryMessage):
        return _Found(problem="not an answer")
    try:
        chain = reply.resolve_chaining()
    except dns.exception.DNSException as error:
        return _Found(problem=str(error))
    if chain.answer is None:
        return _Found()
    name, kind = chain.canonical_name, chain.answer.rdtype
    found = [records for records in reply.answer if records.name == name and records.rdtype == kind]
    ttl = min(chain.minimum_ttl, *(records.ttl for records in found))
    return _Found(tuple(record.address for records in found for record in records), float(ttl))
