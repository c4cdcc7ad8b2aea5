"""The configurations that come with pyngx: all of them load, and the default one works as its comments say."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from pyngx.config.include import load, read_file
from pyngx.core.generation import Generation
from pyngx.core.load import build, check_snapshot
from pyngx.core.runtime import Runtime
from pyngx.core.tasks import Tasks
from pyngx.modules import MODULES
from pyngx.process.diff import Difference, difference
from pyngx.process.install import SERVINGS
from pyngx.process.runtime import TRANSPORTS
from pyngx.server.asgi import App, is_worth_logging
from pyngx.server.listeners import Listeners
from tests.server.site import Peer, free_address, get
from tests.support.certificates import write_pair
from tests.support.event_log import EventLog
from tests.support.memory_logs import MemoryLogs
from tests.support.no_upstreams import NoUpstreams

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "conf").rglob("*.conf"))
NEEDED = {"main", "log", "error_log", "proxy", "upstream", "asgi", "headers", "try_files", "rewrite", "map"}
MISSING = NEEDED - {module.name for module in MODULES}

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"modules that are not there yet: {', '.join(sorted(MISSING))}")


@pytest.fixture(autouse=True)
def clean_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
async def test_it_loads_without_a_notice(path: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    path = tmp_path / path.relative_to(ROOT)
    # What an example asks its reader to make.
    write_pair(path.parent, "site", trustme.CA().issue_cert("shop.example.com"))
    (path.parent / "htpasswd").write_text("ann:{PLAIN}secret\n")
    checked = check_snapshot(load(str(path)), MODULES)
    assert checked.notices == ()
    runtime = Runtime(str(tmp_path), str(path.parent), MemoryLogs(), EventLog(), NoUpstreams(), Tasks(print).spawn)
    generation = build(checked, MODULES, runtime, 1)
    assert generation.addresses
    assert generation.findings == ()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_reload_of_moved_lines_tells_of_no_change(path: Path) -> None:
    before, after = (
        check_snapshot(load(str(path), read=lambda name, lines=lines: lines + read_file(name)), MODULES).root  # type: ignore[misc]
        for lines in ("", "# new\n\n")
    )
    assert difference(before, after) == Difference()


# the default one, over sockets


@asynccontextmanager
async def serve(generation: Generation, http_server: str) -> AsyncIterator[None]:
    """Serve a generation as the daemon does until the end of the block; nothing worse than a note may be logged."""
    logging.getLogger("uvicorn.error").addFilter(is_worth_logging)
    await generation.prepare()
    generation.runtime.commit(generation)
    listeners = Listeners(App(generation), SERVINGS[http_server])
    await listeners.commit(listeners.prepare(generation.listeners))
    try:
        yield
    finally:
        await listeners.shutdown(1)
        await generation.runtime.close()
    log = generation.runtime.log
    assert isinstance(log, EventLog)
    assert [event for event in log.events if event.level in {"crit", "alert", "emerg"}] == []


@pytest.fixture(params=list(SERVINGS))
def http_server(request: pytest.FixtureRequest) -> str:
    """Each server there is."""
    return str(request.param)


@pytest.fixture(params=list(TRANSPORTS))
async def front(tmp_path: Path, http_server: str, request: pytest.FixtureRequest) -> AsyncIterator[int]:
    """The default configuration at work, with each client there is; gives the port of its front server."""
    ports = [str(free_address().port) for _ in range(2)]
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    path = tmp_path / "conf" / "pyngx.conf"
    text = path.read_text().replace("listen       8080;", f"listen       127.0.0.1:{ports[0]};")
    path.write_text(text.replace("127.0.0.1:8081", f"127.0.0.1:{ports[1]}"))
    reports: list[str] = []
    tasks = Tasks(lambda name, error: reports.append(f"{name}: {error!r}"))
    transport = TRANSPORTS[str(request.param)](tasks.spawn)
    runtime = Runtime(str(tmp_path), str(path.parent), MemoryLogs(), EventLog(), transport, tasks.spawn)
    generation = build(check_snapshot(load(str(path)), MODULES), MODULES, runtime, 1)
    async with serve(generation, http_server):
        yield int(ports[0])
    await transport.close()
    await tasks.close()
    assert reports == []


@asynccontextmanager
async def peer_of(port: int) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()


async def test_http_shows_the_request_that_the_front_server_passed_on(front: int) -> None:
    async with peer_of(front) as peer:
        request = get("/http/any%20path?x=1", "X-A: b", "Content-Length: 5", method="PUT") + b"hello"
        head, body = await peer.ask(request)
    shown = json.loads(body)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert (shown["method"], shown["path"], shown["query"]) == ("PUT", "/http/any path", "x=1")
    assert shown["body"] == {"size": 5, "text": "hello"}
    headers = dict(shown["headers"])
    assert (headers["host"], headers["x-a"], headers["x-forwarded-for"]) == ("test", "b", "127.0.0.1")


async def test_events_come_one_by_one(front: int) -> None:
    async with peer_of(front) as peer, asyncio.timeout(5):
        peer.writer.write(get("/sse?interval=0.02"))
        head = await peer.reader.readuntil(b"\r\n\r\n")
        assert b"text/event-stream" in head
        for number in (1, 2, 3):
            assert b"id: %d\n" % number in await peer.reader.readuntil(b"\n\n")


async def test_a_websocket_echoes_text_and_bytes_and_closes(front: int) -> None:
    async with connect(f"ws://127.0.0.1:{front}/ws", proxy=None) as socket:
        for message in ("grüße", b"\x00\xff", "x" * 100_000):
            await socket.send(message)
            assert await socket.recv() == message
        await socket.close(4000, "bye")
    assert socket.close_code == 4000


async def test_other_paths_are_files(front: int) -> None:
    async with peer_of(front) as peer:
        head, body = await peer.ask(get("/"))
        assert b"content-type: text/html" in head.lower()
        assert b"pyngx works" in body
        head, _ = await peer.ask(get("/nothing"))
        assert head.startswith(b"HTTP/1.1 404 ")
        head, _ = await peer.ask(get("/50x.html"))
        assert head.startswith(b"HTTP/1.1 404 ")


# applications over sockets


@pytest.fixture(params=["itself", *TRANSPORTS])
async def application(tmp_path: Path, http_server: str, request: pytest.FixtureRequest) -> AsyncIterator[int]:
    """An application that does all sorts of things, by itself and behind a proxy with each client; gives its port."""
    (tmp_path / "sorts_of_things.py").write_text(APPLICATION)
    port, front = free_address().port, free_address().port
    path = tmp_path / "pyngx.conf"
    path.write_text(f"""
        events {{ }}
        http {{
            server {{ listen 127.0.0.1:{port}; location / {{ asgi_pass sorts_of_things:app; }} }}
            server {{ listen 127.0.0.1:{front}; location / {{
                proxy_pass http://127.0.0.1:{port}; proxy_request_buffering off; proxy_buffering off;
            }} }}
        }}
    """)
    client = request.param if request.param in TRANSPORTS else "fast"
    tasks = Tasks(print)
    transport = TRANSPORTS[client](tasks.spawn)
    runtime = Runtime(str(tmp_path), str(tmp_path), MemoryLogs(), EventLog(), transport, tasks.spawn)
    generation = build(check_snapshot(load(str(path)), MODULES), MODULES, runtime, 1)
    async with serve(generation, http_server):
        yield front if request.param in TRANSPORTS else port
    sys.modules.pop("sorts_of_things")
    await transport.close()
    await tasks.close()


APPLICATION = """
import asyncio, pathlib

async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        if scope["path"] == "/refuse":
            await send({"type": "websocket.close"})
        elif scope["path"] == "/deny":
            await send({"type": "websocket.http.response.start", "status": 402, "headers": [(b"x-why", b"money")]})
            await send({"type": "websocket.http.response.body", "body": b"pay first"})
        elif scope["path"] == "/goodbye":
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": "last word"})
            await send({"type": "websocket.close", "code": 4001, "reason": "enough"})
        elif scope["path"] == "/tick":
            await send({"type": "websocket.accept"})
            try:
                while True:
                    await send({"type": "websocket.send", "text": "tick"})
                    await asyncio.sleep(0.005)
            finally:
                (pathlib.Path(__file__).parent / "stopped").touch()
        elif scope["path"] == "/fail":
            await send({"type": "websocket.accept"})
            raise ValueError("broken")
    elif scope["type"] == "http":
        if scope["path"] == "/short":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
            await send({"type": "http.response.body", "body": b"short"})
        elif scope["path"] == "/fail":
            raise ValueError("broken")
        elif scope["path"] == "/stream":
            await send({"type": "http.response.start", "status": 200})
            while (message := await receive())["more_body"]:
                await send({"type": "http.response.body", "body": message["body"], "more_body": True})
            await send({"type": "http.response.body", "body": message["body"]})
"""


@pytest.mark.parametrize(("path", "status", "body"), [("/refuse", 403, b"Forbidden"), ("/deny", 402, b"pay first")])
async def test_a_refused_handshake_has_its_own_answer(application: int, path: str, status: int, body: bytes) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{application}{path}", proxy=None).__aenter__()
    assert refused.value.response.status_code == status
    assert body in (refused.value.response.body or b"")


@pytest.mark.parametrize(
    ("path", "said", "code", "reason"), [("/goodbye", ["last word"], 4001, "enough"), ("/fail", [], 1011, "")]
)
async def test_the_application_closes_a_websocket(
    application: int, path: str, said: list[str], code: int, reason: str
) -> None:
    heard = []
    async with connect(f"ws://127.0.0.1:{application}{path}", proxy=None) as socket:
        with contextlib.suppress(ConnectionClosed):
            while True:
                heard.append(await socket.recv())
    assert heard == said
    assert (socket.close_code, socket.close_reason) == (code, reason)


@pytest.mark.parametrize("politely", [True, False])
async def test_an_application_that_only_sends_learns_that_its_client_left(
    application: int, politely: bool, tmp_path: Path
) -> None:
    async with connect(f"ws://127.0.0.1:{application}/tick", proxy=None) as socket:
        assert await socket.recv() == "tick"
        if not politely:
            socket.transport.abort()
    for _ in range(400):
        if (tmp_path / "stopped").exists():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it sends still")


async def test_a_body_goes_in_and_out_while_it_arrives(application: int) -> None:
    async with peer_of(application) as peer, asyncio.timeout(5):
        peer.writer.write(get("/stream", "Transfer-Encoding: chunked", method="POST"))
        for part in (b"one", b"two"):
            peer.writer.write(b"%x\r\n%s\r\n" % (len(part), part))
            await peer.reader.readuntil(part)
        peer.writer.write(b"0\r\n\r\n")
        assert await peer.reader.readuntil(b"0\r\n\r\n")


async def test_a_response_that_is_too_short_is_seen_to_be_broken(application: int) -> None:
    async with peer_of(application) as peer:
        peer.writer.write(get("/short"))
        assert (await peer.rest()).endswith(b"\r\n\r\nshort")


async def test_a_failure_is_a_500(application: int) -> None:
    async with peer_of(application) as peer:
        head, body = await peer.ask(get("/fail"))
    assert head.startswith(b"HTTP/1.1 500 ")
    assert b"broken" not in body
