"""Where request bodies are kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyngx.core.exchange import Exchange
from pyngx.modules import MODULES
from pyngx.modules.client_body import BodyKeeper
from tests.support.live import build_text, log_of, open_exchange


def keeper(directory: Path, memory: int = 100, *, only: bool = False, leaves: bool = False) -> BodyKeeper:
    return BodyKeeper(memory, str(directory), only, leaves, in_one_piece=False)


def content(path: str) -> bytes:
    return Path(path).read_bytes()


def asked(body: bytes) -> Exchange:
    generation = build_text("events { } http { server { } }", MODULES)
    exchange = open_exchange(generation, "POST / HTTP/1.1", [(b"Content-Length", b"%d" % len(body))])
    exchange.body.feed(body)
    exchange.body.end()
    return exchange


async def test_a_small_body_stays_in_memory(tmp_path: Path) -> None:
    exchange = asked(b"x" * 100)
    assert await keeper(tmp_path / "bodies").keep(exchange) == 0
    assert exchange.kept_body is not None
    assert exchange.kept_body.in_memory() == b"x" * 100
    assert not (tmp_path / "bodies").exists()


async def test_a_large_body_is_in_a_file_for_as_long_as_the_request(tmp_path: Path) -> None:
    exchange = asked(b"x" * 101)
    assert await keeper(tmp_path / "bodies").keep(exchange) == 0
    assert exchange.kept_body is not None
    assert exchange.kept_body.file_name is not None
    assert content(exchange.kept_body.file_name) == b"x" * 101
    assert [event.level for event in log_of(exchange.generation).named("body_buffered")] == ["warn"]
    exchange.close()
    assert os.listdir(tmp_path / "bodies") == []


@pytest.mark.parametrize(("leaves", "left"), [(True, 1), (False, 0)])
async def test_each_body_is_in_a_file_that_stays_or_goes(tmp_path: Path, leaves: bool, left: int) -> None:
    exchange = asked(b"x")
    assert await keeper(tmp_path, only=True, leaves=leaves).keep(exchange) == 0
    assert exchange.kept_body is not None
    assert exchange.kept_body.file_name is not None
    assert content(exchange.kept_body.file_name) == b"x"
    exchange.close()
    assert len(os.listdir(tmp_path)) == left


async def test_a_body_that_cannot_be_written_is_answered_by_500(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    exchange = asked(b"x" * 101)
    assert await keeper(tmp_path / "file").keep(exchange) == 500
    assert exchange.kept_body is None
    assert log_of(exchange.generation).named("temp_file_failed")


async def test_a_body_is_kept_at_once_if_all_of_it_is_there_and_fits_memory(tmp_path: Path) -> None:
    exchange = asked(b"x" * 100)
    assert keeper(tmp_path).keep_at_once(exchange)
    assert exchange.kept_body is not None
    assert exchange.kept_body.in_memory() == b"x" * 100
    assert not keeper(tmp_path).keep_at_once(asked(b"x" * 101))
    assert not keeper(tmp_path, only=True).keep_at_once(asked(b"x"))
    assert keeper(tmp_path, only=True).keep_at_once(asked(b"x"), in_file=False)
