"""One configuration on two servers, real nginx and pyngx, and the same requests to both.

Tests are skipped where there is no nginx; the environment variable PYNGX_ORACLE names another than that in PATH.
In a configuration `LISTEN0`, `LISTEN1` ... stand for addresses of the server itself, `PORT0` ... for their ports,
`ROOT` for a directory that both serve, `OWN` for one of each, and `<name>` for the address of a backend's door.
"""

from __future__ import annotations

import os
import re
import shutil
import string
import subprocess
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from tests.oracle.backend import Backend, Received, Reply
from tests.oracle.wire import Answer, Ask, send
from tests.support.daemon import Daemon, accepts, free_port, until

NGINX = os.environ.get("PYNGX_ORACLE") or shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
PORTS = 3
TEMPORARY = "".join(f"{name}_temp_path OWN/{name}; " for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
MIME = "types { text/html html htm; text/css css; image/png png; } default_type text/plain;"


def version() -> tuple[int, ...]:
    """That of the real nginx; of none: no version at all."""
    if NGINX is None:
        return ()
    shown = subprocess.run([NGINX, "-v"], capture_output=True, text=True, check=True).stderr
    match = re.search(r"nginx/([\d.]+)", shown)
    return tuple(map(int, match[1].split("."))) if match else ()


VERSION = version()
IS_1_1_BY_DEFAULT = VERSION >= (1, 29, 7)  # the default of proxy_http_version


@dataclass(frozen=True)
class Side:
    """One of the two."""

    name: str
    own: Path
    ports: tuple[int, ...]

    def configuration(self, text: str, root: Path, doors: Mapping[str, int]) -> str:
        """A whole configuration for this side."""
        head = "server_tokens off;" if self.name == "nginx" else "server_tokens nginx;"
        main = "daemon off; master_process off; pid OWN/nginx.pid; error_log OWN/error.log info;\n"
        whole = f"events {{ }}\nhttp {{ {head} {MIME} access_log off; {text} }}\n"
        if self.name == "nginx":
            whole = main + whole.replace("http {", f"http {{ {TEMPORARY}", 1)
        for at, port in enumerate(self.ports):
            whole = whole.replace(f"LISTEN{at}", f"127.0.0.1:{port}").replace(f"PORT{at}", str(port))
        for door, port in doors.items():
            whole = whole.replace(f"<{door}>", f"127.0.0.1:{port}")
        return whole.replace("OWN", str(self.own)).replace("ROOT", str(root))

    @property
    def names(self) -> dict[str, str]:
        """What its own ports and directories are called in answers."""
        return {**{str(port): f"PORT{at}" for at, port in enumerate(self.ports)}, str(self.own): "OWN"}


@dataclass
class Pair:
    """Both at work."""

    nginx: Side
    pyngx: Side
    backend: Backend

    def ask(self, request: Ask) -> tuple[Answer | None, Answer | None]:
        """What nginx answers, and what pyngx does."""
        theirs, ours = (self._send(side, request) for side in self.sides)
        return theirs, ours

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.nginx, self.pyngx

    def passed(self, request: Ask) -> tuple[list[Received], list[Received]]:
        """What the backend gets by way of nginx, and by way of pyngx."""
        got = []
        for side in self.sides:
            self.backend.take()
            self._send(side, request)
            got.append(self.backend.take())
        return got[0], got[1]

    def logged(self, name: str, count: int, starts: tuple[str, ...] = ("",)) -> tuple[list[str], list[str]]:
        """The lines of a log that start so, once there are so many."""
        found: list[list[str]] = []
        for side in self.sides:

            def lines(side: Side = side) -> list[str]:
                path = side.own / name
                text = path.read_text("utf-8", "surrogateescape") if path.exists() else ""
                for value, shown in side.names.items():
                    text = text.replace(value, shown)
                return [line for line in text.split("\n")[:-1] if line.startswith(starts)]

            until(lambda lines=lines: len(lines()) >= count, f"{count} lines")  # type: ignore[misc]
            found.append(lines())
        return found[0], found[1]

    def _send(self, side: Side, request: Ask) -> Answer | None:
        raw = request.raw
        for at, port in enumerate(side.ports):
            raw = raw.replace(b"PORT%d" % at, b"%d" % port)
        return send(side.ports[request.port], raw, request.line.split()[0], side.names)


@contextmanager
def pair(
    tmp_path: Path, text: str, doors: Sequence[str] = (), replies: Mapping[str, Reply] | None = None
) -> Iterator[Pair]:
    """Run both until the block is left."""
    assert NGINX is not None
    root = tmp_path / "root"
    backend = Backend(replies or {})
    with ExitStack() as stack:
        stack.callback(backend.close)
        for door in doors:
            backend.open(door)
        doors_by_name = backend.ports | {"refused": free_port()}
        sides = []
        for name in ("nginx", "pyngx"):
            own = tmp_path / name
            for folder in ("conf", "logs"):
                (own / folder).mkdir(parents=True)
            sides.append(Side(name, own, free_ports()))
        nginx, pyngx = sides
        stack.callback(_start_nginx(nginx, nginx.configuration(text, root, doors_by_name)))
        daemon = Daemon(pyngx.own)
        stack.callback(lambda: hasattr(daemon, "process") and daemon.end())
        daemon.write(pyngx.configuration(text, root, doors_by_name))
        daemon.start()
        yield Pair(nginx, pyngx, backend)


def free_ports() -> tuple[int, ...]:
    """Ports of five digits, so that both sides' answers have the same length; none that bodies of tests may show."""
    ports: list[int] = []
    while len(ports) < PORTS:
        port = free_port()
        if port > 20_000 and port not in ports and str(port) not in string.digits:
            ports.append(port)
    return tuple(ports)


def _start_nginx(side: Side, text: str) -> Callable[[], None]:
    assert NGINX is not None
    conf = side.own / "conf" / "nginx.conf"
    conf.write_text(text)
    command = [NGINX, "-p", str(side.own), "-c", str(conf), "-e", str(side.own / "error.log")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)

    def stop() -> None:
        process.terminate()
        process.wait(10)
        if process.stderr is not None:
            process.stderr.close()

    try:
        until(lambda: process.poll() is not None or accepts(side.ports[0]), "nginx")
        assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
    except BaseException:
        stop()
        raise
    return stop


def cases(
    requests: Iterable[Ask], uvicorn: Container[str] = (), ours: Container[str] = (), new: Container[str] = ()
) -> list[ParameterSet]:
    """Requests as parameters of a test.

    `uvicorn` names those that the server doesn't let us answer as nginx does, `ours` those where pyngx differs on
    purpose, `new` those that a release of nginx before 1.31 answers otherwise than those after it.
    """
    params = []
    for request in requests:
        name = str(request)
        marks = []
        if name in uvicorn:
            marks.append(pytest.mark.xfail(reason="answered otherwise by the server itself", strict=True))
        if name in ours:
            marks.append(pytest.mark.xfail(reason="differs on purpose", strict=True))
        if name in new:
            marks.append(pytest.mark.skipif(VERSION < (1, 31), reason="old releases of nginx differ"))
        params.append(pytest.param(request, id=name, marks=marks))
    return params
