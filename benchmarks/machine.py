"""What is measured on: processors, programs and their versions."""

from __future__ import annotations

import os
import platform
import re
import resource
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.failure import Failure
from pyngx.version import VERSION

PACKAGES = {"nginx": "nginx", "wrk": "wrk", "taskset": "util-linux"}
"""Programs that the benchmarks can't do without, and what Debian calls the package."""

VERSION_WORDS = {"nginx": ("-v",), "haproxy": ("-v",), "caddy": ("version",), "wrk": ("-v",)}
PATIENCE = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Cores:
    """The proxies have one core for themselves; load and upstreams have the others."""

    proxy: int
    others: frozenset[int]

    @property
    def pinned(self) -> tuple[str, ...]:
        """The words that put a program on the proxies' core."""
        return ("taskset", "--cpu-list", str(self.proxy))


def find_cores() -> Cores:
    """The first core of those that this process may use is the proxies'."""
    proxy, *others = sorted(os.sched_getaffinity(0))
    return Cores(proxy, frozenset(others or [proxy]))


def installed(name: str) -> bool:
    """Whether a program is on the PATH; pyngx always is there."""
    return name == "pyngx" or shutil.which(name) is not None


def check_programs() -> None:
    """Raises Failure with all that is missing."""
    missing = [name for name in PACKAGES if not installed(name)]
    if missing:
        names = ", ".join(missing)
        packages = " ".join(PACKAGES[name] for name in missing)
        raise Failure(f"not on the PATH: {names}; on Debian: apt-get install {packages}")


def raise_file_limit() -> None:
    """Let this process and its children open as many files as they may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def versions() -> Mapping[str, str]:
    """Of everything that takes part and is installed."""
    found = {"pyngx": VERSION, "Python": platform.python_version()}
    found |= {name: version(name) for name in ("uvloop", "httptools", "uvicorn", "aiohttp")}
    return found | {name: _ask(name, words) for name, words in VERSION_WORDS.items() if installed(name)}


def describe_machine(cores: Cores) -> str:
    """One line: processor, cores, kernel, and how busy it was with other things."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    name = model[1] if model else platform.machine()
    shared = "" if cores.proxy not in cores.others else ", shared by proxy and load"
    return f"{name}, {os.cpu_count()} cores{shared}, Linux {platform.release()}, load average {os.getloadavg()[0]:.1f}"


def _ask(name: str, words: Sequence[str]) -> str:
    answer = subprocess.run([name, *words], capture_output=True, text=True, timeout=PATIENCE, check=False)
    number = re.search(r"\d+(\.\d+)+", answer.stdout + answer.stderr)
    return number[0] if number else "unknown"
