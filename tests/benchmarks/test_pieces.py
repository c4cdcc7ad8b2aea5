"""The parts of the benchmarks that need no server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.arguments import parse_arguments
from benchmarks.failure import Failure
from benchmarks.loads.wrk import Ask, Seen, read_output, write_script
from benchmarks.measure import cpu_seconds, family, resident
from benchmarks.proxies import PROXIES
from benchmarks.sites import LOG_VARIABLES, Site, Upstreams
from benchmarks.upstreams.echo import unmask
from benchmarks.works import WORKS
from pyngx.modules import MODULES
from tests.support.live import build_text

OUTPUT = """Running 10m test @ http://127.0.0.1:8080/
  1 threads and 64 connections
  12345 requests in 1.50s, 3.45MB read
{more}Requests/sec:   8230.00
"""
SITES = (
    Site(),
    Site(log="off"),
    Site(variables=len(LOG_VARIABLES)),
    Site(locations=3, names=3),
    Site(main="http_server uvicorn; http_client aiohttp;"),
)


def test_what_wrk_says_is_read() -> None:
    assert read_output(OUTPUT.format(more="")) == Seen(12345, 1.5)


@pytest.mark.parametrize(
    "text",
    [
        OUTPUT.format(more="  Non-2xx or 3xx responses: 3\n"),
        OUTPUT.format(more="  Socket errors: connect 0, read 4, write 0, timeout 0\n"),
        "  0 requests in 1.00s, 0.00B read",
        "unable to connect to 127.0.0.1:1 Connection refused",
    ],
)
def test_errors_that_wrk_saw_are_no_result(text: str) -> None:
    with pytest.raises(Failure):
        read_output(text)


def test_a_request_that_waits_longer_than_wrk_likes_is_still_a_result() -> None:
    assert read_output(OUTPUT.format(more="  Socket errors: connect 0, read 0, write 0, timeout 5\n")).requests == 12345


def test_the_script_writes_each_request_before_the_first_is_sent() -> None:
    script = write_script((Ask("/a"), Ask("/b", "POST", "example.com", 3)))
    assert 'table.insert(prepared, wrk.format("GET", "/a", {Host="localhost"}, nil))' in script
    assert 'wrk.format("POST", "/b", {Host="example.com"}, string.rep("x", 3))' in script


def test_works_are_chosen_by_name() -> None:
    arguments = parse_arguments(["--only", "get,idle", "--rounds", "2"], WORKS)
    assert [work.name for work in arguments.works] == ["get", "idle"]
    assert str(arguments) == "python -m benchmarks --rounds 2 --seconds 2 --only get,idle"


@pytest.mark.parametrize("words", [["--only", "nonsense"], ["--rounds", "0"], ["--seconds", "0.1"]])
def test_words_without_sense_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(words, WORKS)


def test_names_are_used_once() -> None:
    names = [work.name for work in WORKS]
    assert len(set(names)) == len(names)


def test_whoever_is_compared_and_every_goal_names_a_contender_of_the_work() -> None:
    for work in WORKS:
        labels = [contender.label for contender in work.contenders]
        assert len(set(labels)) == len(labels)
        assert {contender.against for contender in work.contenders} - {""} <= set(labels)
        assert {goal.label for goal in work.goals} <= set(labels)


@pytest.mark.parametrize("site", SITES)
def test_pyngx_takes_the_configuration(site: Site, tmp_path: Path) -> None:
    command = PROXIES["pyngx"](site, 8080, Upstreams(1, 2, 3, 4, 5), tmp_path)
    conf = tmp_path / "proxy.conf"
    assert str(conf) in command.serve
    generation = build_text(conf.read_text(), MODULES)
    assert [str(address) for address in generation.addresses] == ["127.0.0.1:8080"]


def test_a_process_is_measured() -> None:
    assert os.getpid() in family(os.getppid())
    assert cpu_seconds(os.getpid()) > 0
    assert resident(os.getpid()) > 1 << 20


def test_the_echo_takes_masks_off() -> None:
    assert unmask(b"\0\0\0\0", b"hello") == b"hello"
    assert unmask(b"\x37\xfa\x21\x3d", b"\x7f\x9f\x4d\x51\x58") == b"Hello"  # RFC 6455 5.7
