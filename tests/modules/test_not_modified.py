import os
from pathlib import Path

import pytest

from pyngx.core.generation import Generation
from pyngx.modules import core, headers, index, not_modified, range_filter, static, try_files
from tests.support import reply
from tests.support.configure import ask, configure, in_server
from tests.support.fake_client import FakeClient

MODULES = (
    core.MODULE,
    not_modified.MODULE,
    headers.MODULE,
    range_filter.MODULE,
    try_files.MODULE,
    reply.MODULE,
    index.MODULE,
    static.MODULE,
)
TIME = "Tue, 14 Nov 2023 22:13:20 GMT"
LATER = "Tue, 14 Nov 2023 22:13:21 GMT"
EARLIER = "Tue, 14 Nov 2023 22:13:19 GMT"
ETAG = '"6553f100-8"'


@pytest.fixture
def prefix(tmp_path: Path) -> str:
    (tmp_path / "html").mkdir()
    for name, content in (("t.html", "SEE-THIS"), ("error.html", "sorry")):
        file = tmp_path / "html" / name
        file.write_text(content)
        os.utime(file, (1_700_000_000, 1_700_000_000))
    return str(tmp_path)


def get(generation: Generation, *conditions: tuple[str, str], line: str = "GET /t.html HTTP/1.1") -> FakeClient:
    fields = [(name.encode(), value.encode()) for name, value in (("Host", "localhost"), *conditions)]
    return ask(generation, line, fields)


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ([("If-Modified-Since", TIME)], 304),
        ([("If-Modified-Since", LATER)], 200),
        ([("If-None-Match", ETAG)], 304),
        ([("If-None-Match", f"W/{ETAG}")], 304),
        ([("If-None-Match", '"x"')], 200),
        ([("If-None-Match", ETAG), ("If-Modified-Since", LATER)], 200),
        ([("If-Match", ETAG)], 200),
        ([("If-Match", '"x"')], 412),
        ([("If-Unmodified-Since", EARLIER)], 412),
        ([("If-Unmodified-Since", LATER)], 200),
    ],
)
def test_conditions_are_judged(prefix: str, conditions: list[tuple[str, str]], status: int) -> None:
    assert get(configure(in_server(""), MODULES, prefix=prefix), *conditions).status == status


def test_a_304_says_what_a_cache_needs_and_has_no_body(prefix: str) -> None:
    generation = configure(in_server("expires 1h; add_header X y;"), MODULES, prefix=prefix)
    client = get(generation, ("If-None-Match", ETAG), ("Range", "bytes=0-1"))
    assert client.names == ["Server", "Date", "Last-Modified", "ETag", "Expires", "Cache-Control", "X"]
    assert (client.reason, client.body, client.finished) == (b"Not Modified", b"", True)


@pytest.mark.parametrize(("mode", "status"), [("off", 200), ("exact", 200), ("before", 304)])
def test_if_modified_since_says_how_times_compare(prefix: str, mode: str, status: int) -> None:
    generation = configure(in_server(f"if_modified_since {mode};"), MODULES, prefix=prefix)
    assert get(generation, ("If-Modified-Since", LATER)).status == status


def test_a_412_is_an_error_as_any_other(prefix: str) -> None:
    plain = get(
        configure(in_server("add_header X y; add_header Z y always;"), MODULES, prefix=prefix), ("If-Match", "x")
    )
    assert plain.status == 412
    assert b"412 Precondition Failed" in plain.body
    assert plain.names == ["Server", "Date", "Content-Type", "Content-Length", "Z"]
    page = get(configure(in_server("error_page 412 /error.html;"), MODULES, prefix=prefix), ("If-Match", "x"))
    assert (page.status, page.body) == (412, b"sorry")
    assert page.names == ["Server", "Date", "Content-Type", "Content-Length", "ETag"]


def test_only_a_200_is_conditional(prefix: str) -> None:
    generation = configure(in_server("error_page 404 /error.html;"), MODULES, prefix=prefix)
    assert get(generation, ("If-Match", "x"), line="GET /nx HTTP/1.1").status == 404
    assert get(generation, ("If-None-Match", "*"), line="GET /nx HTTP/1.1").status == 404


def test_what_is_passed_on_is_not_judged() -> None:
    text = "location / { stream 200 SEE-THIS ETag x; }"
    generation = configure(in_server(text), MODULES)
    assert get(generation, ("If-Match", "y")).status == 200
    assert get(generation, ("If-None-Match", "x")).body == b"SEE-THIS"


def test_validators_set_by_hand_come_too_late_for_conditions(prefix: str) -> None:
    generation = configure(in_server("add_header ETag x;"), MODULES, prefix=prefix)
    assert get(generation, ("If-None-Match", ETAG)).status == 304
    assert get(generation, ("If-None-Match", "x")).status == 200
