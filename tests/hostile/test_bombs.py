"""Little that asks for much: ranges, compressed bodies, and fields that are slow to read."""

from __future__ import annotations

import time

import pytest

from tests.hostile.bombs import BOMBS
from tests.hostile.site import LAST, Site, head

SIZE = 16 * 64 * 1024
MIB = 2**20
RANGES = {
    "overlapping": "bytes=" + ",".join(["0-"] * 1000),
    "the same byte": "bytes=" + ",".join(["0-0"] * 1200),
    "single bytes": "bytes=" + ",".join(f"{at}-{at}" for at in range(0, 1600, 2)),
    "suffixes": "bytes=" + ",".join(["-1000000"] * 500),
    "all suffixes": "bytes=" + ",".join(f"-{at}" for at in range(1, 1200)),
    "growing": "bytes=" + ",".join(f"0-{at}" for at in range(1200)),
    "backwards": "bytes=" + ",".join(f"{at}-" for at in range(1200, 0, -1)),
    "beyond the end": "bytes=99999999-",
    "numbers beyond measure": "bytes=0-" + "9" * 4000,
    "first beyond measure": "bytes=" + "9" * 4000 + "-",
    "suffix beyond measure": "bytes=-" + "9" * 4000,
    "suffix of nothing": "bytes=-0",
    "turned round": "bytes=5-1",
    "blanks": "bytes=" + " " * 7000 + "0-1",
    "commas": "bytes=" + "," * 7000,
    "no end": "bytes=0-1,",
    "no unit": "0-1",
    "another unit": "lines=0-1",
    "zeros": "bytes=" + "0" * 7000 + "-1",
    "negative": "bytes=--1",
    "all of it twice": "bytes=0-,0-",
    "halves": "bytes=0-524287,524288-",
}
SLOW = {
    "a browser of old": f"User-Agent: {'MSIE 6.' * 1100}SV1",
    "encodings": "Accept-Encoding: " + "gzip;q=0.001," * 580,
    "an encoding of blanks": "Accept-Encoding: gzip;" + " " * 7500 + "x",
    "cookies": "Cookie: " + "a; " * 2500,
    "options": "Connection: " + "a," * 3500,
    "tags": "If-None-Match: " + '"a",' * 1900,
    "a tag without end": 'If-None-Match: "' + "a" * 7500,
    "a date of blanks": "If-Modified-Since: " + "Sun, " + " " * 7500 + "x",
    "a date of letters": "If-Modified-Since: " + "a" * 7500,
    "blanks": "X: a" + " " * 7500 + "b",
    "hosts": "X-Forwarded-For: " + "1.1.1.1, " * 850,
    "credentials": "Authorization: Basic " + "A" * 7500,
}
TARGETS = {
    "slashes": "/" * 7000 + "%2e",
    "dots": "/a/.." * 1300 + "/own",
    "escaped dots": "/%61/%2e%2e" * 600 + "/own",
    "backslashes": "/a\\b" * 1800,
    "percents": "/static/" + "%41" * 2400,
    "queries": "/own?" + "a=b&" * 1800,
    "hashes": "/own#" + "#" * 7000,
    "segments": "/static" + "/a" * 3500,
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", RANGES)
def test_ranges_ask_for_no_more_than_there_is(site: Site, name: str, method: str) -> None:
    started = time.monotonic()
    heard = site.talk(head(f"{method} /static/large", f"Range: {RANGES[name]}") + LAST, method=method)
    first = heard.answers[0]
    assert first.status in {200, 206, 416}
    assert len(first.body) <= SIZE + 8192
    assert int(first.all("content-length")[0]) <= SIZE + 8192
    assert heard.statuses[-1] == 200
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("name", SLOW)
def test_no_field_takes_long_to_read(site: Site, name: str) -> None:
    request = head("GET /static/a.txt", SLOW[name]) + head("GET /set", SLOW[name])
    started = time.monotonic()
    heard = site.talk(request * 10 + LAST)
    assert set(heard.statuses) <= {200, 304}
    assert len(heard.answers) == 21
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("name", TARGETS)
def test_no_target_takes_long_to_read(site: Site, name: str) -> None:
    started = time.monotonic()
    heard = site.talk(head(f"GET {TARGETS[name]}") * 20 + LAST)
    assert set(heard.statuses) <= {200, 400, 403, 404}
    assert time.monotonic() - started < 1.5


def test_no_trailer_takes_long_to_read(site: Site) -> None:
    trailer = b"X: a" + b" " * 4000 + b"b\r\n"
    request = head("POST /up", "Transfer-Encoding: chunked") + b"0\r\n" + trailer * 4 + b"\r\n"
    started = time.monotonic()
    assert site.talk(request * 20 + LAST).statuses == [200] * 21
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("name", BOMBS)
def test_what_is_unpacked_fills_no_memory(site: Site, name: str) -> None:
    before = site.memory
    size = 0
    peak = before
    for taken, part in enumerate(site.stream(head(f"GET /gunzip/{name}", "Connection: close"))):
        size += len(part)
        if taken % 64 == 0:
            peak = max(peak, site.memory)
            assert site.serves_others()
    assert size >= BOMBS[name].size
    assert max(peak, site.memory) - before < 24 * MIB


def test_a_bomb_for_a_client_that_reads_nothing_waits(site: Site) -> None:
    before = site.memory
    for part in site.stream(head("GET /gunzip/bomb-of-zeros", "Connection: close")):
        assert part
        time.sleep(0.5)
        assert site.memory - before < 24 * MIB
        break
    assert site.serves_others()
