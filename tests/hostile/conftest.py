"""One pyngx and one upstream for all attacks, and where the newest nginx is installed one of that, too."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.hostile.lies import LIES
from tests.hostile.site import CONFIGURATION, OURS, PORTS, Site
from tests.hostile.upstream import Upstream
from tests.oracle.pair import NGINX, TEMPORARY, VERSION
from tests.support.daemon import accepts, free_port, running, until


@pytest.fixture(scope="session")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose `public` is served, beside what is not."""
    root = tmp_path_factory.mktemp("hostile")
    for name in ("public/static", "public/tried", "aliased/files"):
        folder = root / name
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("public")
    (root / "public" / "static" / "large").write_bytes(b"0123456789abcdef" * 64 * 1024)
    (root / "aliased" / "secret.txt").write_text("secret")
    (root / "secret.txt").write_text("secret")
    return root


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, public: Path) -> Iterator[Site]:
    """pyngx."""
    yield from _serve(tmp_path_factory.mktemp("pyngx"), public)


@pytest.fixture(scope="session")
def by_aiohttp(tmp_path_factory: pytest.TempPathFactory, public: Path) -> Iterator[Site]:
    """pyngx, with the portable transport to upstreams."""
    yield from _serve(tmp_path_factory.mktemp("aiohttp"), public, "http_client aiohttp;")


def _serve(own: Path, public: Path, main: str = "") -> Iterator[Site]:
    with ExitStack() as stack:
        upstream = Upstream(LIES)
        upstream.start()
        stack.callback(upstream.stop)
        ports = tuple(free_port() for _ in range(PORTS))
        (own / "logs").mkdir()
        daemon = stack.enter_context(running(own, main + configuration(own, public, ports, upstream.port, ours=OURS)))
        site = Site(ports, upstream, daemon.process.pid)
        stack.callback(site.close)
        yield site
        assert daemon.process.poll() is None
        assert not [event for event in daemon.events() if event.get("level") in {"alert", "emerg"}], daemon.events()


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory, public: Path) -> Iterator[Site]:
    """The reference, asked the same."""
    if NGINX is None or VERSION < (1, 31):
        pytest.skip("there is no nginx of 1.31 or later: name one by PYNGX_ORACLE")
    with ExitStack() as stack:
        upstream = Upstream(LIES)
        upstream.start()
        stack.callback(upstream.stop)
        ports = tuple(free_port() for _ in range(PORTS))
        own = tmp_path_factory.mktemp("nginx")
        main = f"daemon off; master_process off; pid {own}/pid; error_log {own}/error.log info; "
        text = main + configuration(own, public, ports, upstream.port, temporary=TEMPORARY)
        (own / "nginx.conf").write_text(text)
        command = [NGINX, "-p", str(own), "-c", str(own / "nginx.conf"), "-e", str(own / "error.log")]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        stack.callback(process.wait, 10)
        stack.callback(process.terminate)
        until(lambda: accepts(ports[0]), "nginx")
        site = Site(ports, upstream, process.pid)
        stack.callback(site.close)
        yield site


def configuration(
    own: Path, root: Path, ports: tuple[int, ...], upstream: int, temporary: str = "", ours: str = ""
) -> str:
    text = CONFIGURATION.replace("UPSTREAM", f"127.0.0.1:{upstream}").replace("TEMPORARY", temporary)
    text = text.replace("ROOT", str(root)).replace("SERVER", ours).replace("OWN", str(own))
    for at, port in enumerate(ports):
        text = text.replace(f"LISTEN{at}", f"127.0.0.1:{port}")
    return text
