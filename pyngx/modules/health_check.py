"""ngx_http_upstream_hc_module: servers of a group are asked for their health, and left out while they have none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pyngx.config.arguments import Argument, parameters, parse_number, parse_seconds
from pyngx.config.declare import NEVER, directive
from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import Refused
from pyngx.core.exchange import Connection, Exchange
from pyngx.core.generation import Generation
from pyngx.core.phases import Module, Phase
from pyngx.core.ports import Address, KeepAlive, UpstreamError
from pyngx.core.template import has_variables
from pyngx.http.codec import wire
from pyngx.http.headers import Headers
from pyngx.http.request_head import RequestHead
from pyngx.modules.health_match import MATCH_SETTINGS, Judge, Match, define_matches, plain_judge
from pyngx.modules.proxy import ProxySettings, request_maker
from pyngx.modules.proxy_target import destination_of
from pyngx.upstream.health import Check, Desk, Rhythm
from pyngx.upstream.probe import probe

if TYPE_CHECKING:
    import asyncio

    from pyngx.config.syntax import Node, Word
    from pyngx.core.answers import Handler
    from pyngx.core.build import Build
    from pyngx.core.logs import Log
    from pyngx.core.ports import Fields, Request, TunnelReceiver, WebSocketClient
    from pyngx.modules.proxy_target import Destination
    from pyngx.upstream.peer import Peer


# arguments


@dataclass(frozen=True, slots=True)
class CheckLine:
    """A `health_check`; times in seconds."""

    rhythm: Rhythm = Rhythm()
    uri: str = "/"
    match: str = ""
    port: int = 0  # 0: the server's own
    keepalive_time: float = 0.0  # 0: each check has a connection of its own


def _uri(word: Word) -> str:
    if not word.text.startswith("/"):
        raise ConfigError(f'invalid value "{word.text}"', word.span, 'a URI begins with "/"')
    return word.text


def _interval(word: Word) -> float:
    if not (found := parse_seconds(word)):
        raise ConfigError(f'invalid value "{word.text}"', word.span, "there must be time between two checks")
    return found


def _type(word: Word) -> str:
    if word.text == "grpc":
        message = "gRPC is not spoken by this version of pyngx, nor are its health checks"
        raise ConfigError(message, word.span, "type=http, or a location with a URI that tells of health")
    if word.text != "http":
        raise ConfigError(f'invalid value "{word.text}"', word.span, "the type is http")
    return word.text


READERS: dict[str, Callable[[Word], object]] = {
    "interval": _interval,
    "jitter": parse_seconds,
    "fails": lambda word: parse_number(word, 1),
    "passes": lambda word: parse_number(word, 1),
    "uri": _uri,
    "match": lambda word: word.text,
    "port": lambda word: parse_number(word, 1, 65535),
    "keepalive_time": parse_seconds,
    "type": _type,
}
OF_RHYTHM = ("interval", "jitter", "fails", "passes", "mandatory", "persistent")


def _check(node: Node) -> CheckLine:
    found = parameters(node.args, READERS, ("mandatory", "persistent"))
    if "persistent" in found and "mandatory" not in found:
        word = next(word for word in node.args if word.text == "persistent")
        raise ConfigError('"persistent" goes with "mandatory"', word.span, "health_check mandatory persistent;")
    found.pop("type", None)
    rhythm = Rhythm(**{name: found.pop(name) for name in OF_RHYTHM if name in found})  # type: ignore[arg-type] # as read
    return CheckLine(rhythm, **found)  # type: ignore[arg-type] # the readers give each its type


USAGE = (
    "[interval=time] [jitter=time] [fails=number] [passes=number] [uri=uri] [match=name] [port=number]"
    " [mandatory [persistent]] [keepalive_time=time] [type=http]"
)


# settings


@dataclass(frozen=True, slots=True)
class HealthCheckSettings:
    """Which location's group is checked."""

    health_check: CheckLine | None = directive(
        Argument(USAGE, _check, 0, None),
        "location",
        default=None,
        inherits=NEVER,
        doc="ask the servers of this location's group for their health, and leave out those that have none",
    )


# state


@dataclass(slots=True)
class _Wanted:
    """The checks of one configuration."""

    desk: Desk
    keys: set[Hashable] = field(default_factory=set)


def define(build: Build) -> None:
    """Name the sets of tests, and end the checks that this configuration doesn't have when it comes into force."""
    wanted = _Wanted(build.claim("health checks", lambda: Desk(build.runtime.spawn), Desk.close))
    build.name("", wanted)
    build.at_start(lambda: wanted.desk.end_others(wanted.keys))
    define_matches(build)


def make_check(build: Build) -> Handler | None:
    """Have the group of a location checked; no request hears of it."""
    line = build.settings(HealthCheckSettings).health_check
    if line is None:
        return None
    place = build.origin(HealthCheckSettings, "health_check")
    proxy = build.settings(ProxySettings)
    if proxy.proxy_pass is None or has_variables(proxy.proxy_pass.value):
        why = "a fixed group: proxy_pass without variables, in the same location"
        raise ConfigError('"health_check" has no servers to ask', place, why)
    match = build.named(Match, line.match) if line.match else Match(plain_judge)
    if match is None:
        raise ConfigError(f'match "{line.match}" not found', place, f"match {line.match} {{ ... }} belongs into http")
    destination = destination_of(build, proxy.proxy_pass, is_branch=False).destination(_exchange_of(build, line))
    wanted = build.named(_Wanted, "")
    assert not isinstance(destination, Awaitable)
    assert wanted is not None
    assert build.server is not None
    assert build.location is not None
    key = (destination.keepalive.group, build.server.name, build.location.name, line, match.tests)
    location, runtime = build.location, build.runtime

    def log() -> Log:
        return location.log or runtime.log

    asker = _Asker(build, line, destination, request_maker(build, proxy), match.judge)
    check = Check(key, destination.group, line.rhythm, asker.ask, log)
    wanted.keys.add(key)
    build.at_start(lambda: wanted.desk.begin(check))
    return None


# what asks


class _Asker:
    """Sends the requests of one check, by the proxy settings of its location."""

    def __init__(
        self,
        build: Build,
        line: CheckLine,
        destination: Destination,
        request_of: Callable[[Exchange, Destination], Request],
        judge: Judge,
    ) -> None:
        self._build = build
        self._line = line
        self._destination = destination
        self._request_of = request_of
        self._judge = judge

    async def ask(self, peer: Peer) -> str:
        """An `Ask`."""
        exchange = _exchange_of(self._build, self._line)
        try:
            request = self._request_to(exchange, peer)
            response = await probe(self._build.runtime.transport, request)
            return self._judge(exchange, peer, response)
        except UpstreamError as error:
            return str(error)
        except Refused as refused:
            return str(refused) or f"the request can't be made: {refused.status}"
        except Exception as error:  # a check that dies would leave its peer as it is for ever
            return f"the check itself failed: {error!r}"

    def _request_to(self, exchange: Exchange, peer: Peer) -> Request:
        line, address = self._line, peer.address
        request = self._request_of(exchange, self._destination)
        if line.port and not address.path:
            address = Address(address.host, line.port)
        fields = request.fields
        if line.keepalive_time:
            # As many connections as there are peers are kept, past the next check.
            kept = KeepAlive(
                connections=len(self._destination.group.peers),
                requests=2**31,
                time=line.keepalive_time,
                timeout=line.rhythm.interval + line.rhythm.jitter + request.timeouts.read,
                group=f"check {self._destination.keepalive.group}",
            )
        else:
            kept = KeepAlive(connections=0, group=f"check {self._destination.keepalive.group}")
            fields = [each for each in fields if each[0].lower() != b"connection"] + [(b"Connection", b"close")]
        target = wire(line.uri)
        return replace(
            request,
            address=address,
            method=b"GET",
            target=target,
            fields=fields,
            keepalive=kept,
            lines=b"",
            upgrade=False,
        )


def _exchange_of(build: Build, line: CheckLine) -> Exchange:
    """What variables are asked about: a request of nobody. Most have no value."""
    assert build.server is not None
    assert build.location is not None
    generation = Generation(build.runtime, 0, build.server)
    head = RequestHead("GET", line.uri, "1.1", Headers())
    exchange = Exchange(generation, Connection(0, "", 0, "", 0), _Nobody(), head)
    exchange.uri, _, exchange.args = line.uri.partition("?")
    exchange.location = build.location
    return exchange


class _Nobody:
    """The client of a check: there is none."""

    bytes_sent = 0

    def send_informational(self, status: int, fields: Fields) -> None: ...

    def send_head(self, status: int, reason: bytes, fields: Fields) -> None: ...

    def send_body(self, data: bytes) -> None: ...

    def flush(self) -> None: ...

    def finish(self, trailers: Fields = ()) -> None: ...

    def abort(self) -> None: ...

    def websocket(self) -> WebSocketClient | None: ...

    def open_tunnel(self, receiver: TunnelReceiver) -> asyncio.Transport:  # noqa: ARG002 -- a client's interface
        raise AssertionError("a check has no connection to give away")

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


MODULE = Module(
    "health_check",
    settings=(HealthCheckSettings, *MATCH_SETTINGS),
    define=define,
    handlers={Phase.CONTENT: make_check},
)
