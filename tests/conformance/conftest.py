"""Every test here runs over each pair of a server and a transport it asks for by `pair`; on uvloop, as workers do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from tests.conformance.gateway import PAIRS, Opened, Pair


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(params=PAIRS, ids=str)
def pair(request: pytest.FixtureRequest) -> Pair:
    found: Pair = request.param
    return found


@pytest.fixture
def opened(pair: Pair, tmp_path: Path) -> Opened:
    """Opens gateways of the pair."""
    return Opened(pair, tmp_path)


@pytest.fixture
def fast(tmp_path: Path) -> Opened:
    """Opens gateways of the fast lane."""
    return Opened(Pair("fast", "fast"), tmp_path)
