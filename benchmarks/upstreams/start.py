"""Starts all that is behind the proxies."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path

from benchmarks.servers import free_port, serving
from benchmarks.sites import Upstreams
from benchmarks.upstreams.web import web_command

OWN = ("echo", "events", "sink", "bulk")
"""Those that are modules of this package."""


@contextmanager
def upstreams(folder: Path) -> Iterator[Upstreams]:
    """All upstreams, as long as the block lasts."""
    ports = Upstreams(*(free_port() for _ in fields(Upstreams)))
    with ExitStack() as stack:
        for name in OWN:
            port = getattr(ports, name)
            place = _make(folder / name)
            stack.enter_context(serving((sys.executable, "-m", f"benchmarks.upstreams.{name}", str(port)), port, place))
        place = _make(folder / "web")
        stack.enter_context(serving(web_command(ports.web, place), ports.web, place))
        yield ports


def _make(folder: Path) -> Path:
    folder.mkdir()
    return folder
