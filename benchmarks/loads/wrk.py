"""Requests by wrk."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass

from benchmarks.failure import Failure
from benchmarks.measure import cpu_seconds
from benchmarks.servers import HOST
from benchmarks.work import Figures, Load, Subject

LONGEST = "600s"
PATIENCE = 10.0  # seconds for wrk to say what it saw

PREPARE = """
local prepared = {{}}
local number = 0
function init()
{lines}
end
function request()
    number = number % #prepared + 1
    return prepared[number]
end
"""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    path: str
    method: str = "GET"
    host: str = "localhost"
    body: int = 0  # bytes


@dataclass(frozen=True, slots=True)
class Seen:
    """What wrk says at its end."""

    requests: int
    seconds: float


def requests(*asks: Ask, connections: int = 64) -> Load:
    """The requests one after the other, on some connections at once."""
    script = write_script(asks)

    def load(subject: Subject, seconds: float) -> Figures:
        before = cpu_seconds(subject.pid)
        seen = _run(subject.port, script, connections, seconds)
        cpu = cpu_seconds(subject.pid) - before
        return {"requests/s": seen.requests / seen.seconds, "CPU us/request": cpu / seen.requests * 1e6}

    return load


def write_script(asks: tuple[Ask, ...]) -> str:
    """All requests are written before the first one is sent: a load should not be busy with itself."""
    return PREPARE.format(lines="\n".join(f"    table.insert(prepared, {_format(ask)})" for ask in asks))


def read_output(text: str) -> Seen:
    """Raises Failure if there were wrong answers or broken connections."""
    done = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m|h),", text)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+)", text)
    if done is None or not int(done[1]):
        raise Failure(f"wrk had no answers: {text.strip()}")
    if "Non-2xx" in text or (errors and any(int(number) for number in errors.groups())):
        raise Failure(f"wrk saw errors: {text.strip()}")
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}[done[3]]
    return Seen(int(done[1]), float(done[2]) * unit)


def _format(ask: Ask) -> str:
    """JSON's strings are Lua's as long as they are plain."""
    body = f'string.rep("x", {ask.body})' if ask.body else "nil"
    return f"wrk.format({json.dumps(ask.method)}, {json.dumps(ask.path)}, {{Host={json.dumps(ask.host)}}}, {body})"


def _run(port: int, script: str, connections: int, seconds: float) -> Seen:
    """wrk counts whole seconds, so it is interrupted at the right moment; it then tells as usual."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        words = ("-t", "1", "-c", str(connections), "-d", LONGEST, "-s", file.name, f"http://{HOST}:{port}/")
        with subprocess.Popen(["wrk", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as wrk:
            try:
                time.sleep(seconds)
                wrk.send_signal(signal.SIGINT)
                output, _ = wrk.communicate(timeout=PATIENCE)
            finally:
                wrk.kill()
    return read_output(output)
