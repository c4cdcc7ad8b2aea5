"""Random configurations and raw requests: nginx's answers, and what reaches the upstream, are pyngx's.

`PYNGX_RANDOM_ANSWERS` says how many answers are compared; a small number is, without it, and always the same.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import ndiff
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pyngx.http.dates import parse_http_date
from tests.oracle.backend import Backend, Reply
from tests.oracle.minimise import minimised
from tests.oracle.pair import VERSION, needs_nginx
from tests.oracle.random_requests import requests
from tests.oracle.random_sites import sites
from tests.oracle.twins import Exchanged, Refused, Twins
from tests.oracle.wire import Ask, shown

pytestmark = needs_nginx

A_SITE = 30  # requests for each configuration
FEW = 10  # configurations, where no number is asked for
WANTED = int(os.environ.get("PYNGX_RANDOM_ANSWERS", "0"))
IS_OLD = VERSION < (1, 31)
NEW_DIRECTIVES = re.compile(r"add_header_inherit \w+;")
BODILESS = frozenset({"204", "304"})  # nginx says the length of what they don't have
DOORS = ("echo", "moved", "failing", "fields", "accel", "gone")


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    folder = tmp_path_factory.mktemp("random")
    lay_out(folder / "root")
    replies: dict[str, Reply] = {}
    backend = Backend(replies)
    for door in DOORS:
        backend.open(door)
    replies |= replies_of(backend)
    twins = Twins(folder, backend)
    yield twins
    twins.close()
    backend.close()


def replies_of(backend: Backend) -> dict[str, Reply]:
    """What the upstreams say that don't show the request."""
    moved = f"http://127.0.0.1:{backend.ports['moved']}"
    return {
        "moved": Reply.of(
            "301 Gone There",
            f"Location: {moved}/x?y",
            f"Refresh: 3; url={moved}/base/z",
            "Set-Cookie: k=v; path=/a; domain=up.test",
            body=b"moved",
        ),
        "failing": Reply.of("503 Not Now", "X-Up: failing", "Retry-After: 3", "Content-Type: text/f", body=b"failing"),
        "fields": Reply.of(
            "200 Fine",
            *("Server: up", "Date: Thu, 01 Jan 2015 00:00:00 GMT", "X-Up: one", "X-Up: two", "Content-Type: text/u"),
            *("Expires: Thu, 01 Jan 2015 00:00:00 GMT", "Cache-Control: max-age=1", "Cache-Control: private"),
            *('ETag: "q"', "Last-Modified: Thu, 01 Jan 2015 00:00:00 GMT", "Link: <a>", "Vary: X", "X-Pad: p"),
            *("Set-Cookie: a=1; Path=/base/", "Set-Cookie: b=2; Domain=up.test"),
            *("Accept-Ranges: bytes", "X-Accel-Expires: 1", "Location: /there", "X-Accel-Buffering: no"),
            body=b"some fields",
        ),
        "accel": Reply.of(
            "404 Hidden", "X-Accel-Redirect: /a/c.txt?accel", "Set-Cookie: k=v", "X-Up: accel", body=b"no"
        ),
        "gone": Reply.of("204 Gone", "X-Up: gone", "Content-Type: text/none"),
    }


def lay_out(root: Path) -> None:
    """What is served."""
    for folder in ("a/b", "dir/a", "ab", "x"):
        (root / folder).mkdir(parents=True)
    for name in ("c.txt", "a/c.txt", "a/b/c.txt", "dir/c.txt", "dir/index.html", "d.php", "a/d.php", "B"):
        path = root / name
        path.write_text(f"{name} and more")
        os.utime(path, (1_420_070_400, 1_420_070_400))


def comparable(exchanged: Exchanged) -> list[str]:
    """All that counts, as lines."""
    status, *rest = shown(exchanged.answer)
    hidden = "content-length: " if status in BODILESS else "\n"
    lines = [status, *(_without_time(line) for line in rest if not line.startswith(hidden))]
    for received in exchanged.received:
        line = received.line
        fields = sorted(f"{name}: {value}" for name, value in received.fields)
        if IS_OLD:  # by HTTP/1.0, unless it is told otherwise
            line = line.removesuffix("HTTP/1.0").removesuffix("HTTP/1.1")
            fields = [field for field in fields if not field.startswith("connection: ")]
        lines += [line, *(field for field in fields if field != "content-length: 0"), repr(received.body)]
    return lines


def _without_time(line: str) -> str:
    """`Expires` of the near future says when the answer was made; the past and the end of time don't."""
    when = parse_http_date(line.removeprefix("expires: ").encode()) if line.startswith("expires: ") else None
    return "expires: soon" if when is not None and abs(when - time.time()) < 100_000 else line


def alike(theirs: list[str], ours: list[str]) -> bool:
    """Whether they are the same; where nginx says two Locations at once, one of them will do."""
    if theirs == ours:
        return True
    locations = [line for line in theirs if line.startswith("location: ")]
    return len(locations) == 2 and any([line for line in theirs if line != each] == ours for each in locations)


@dataclass(frozen=True)
class Found:
    """A difference; without a request it is about the configuration."""

    site: str
    request: Ask | None
    told: str

    def minimised(self, twins: Twins) -> Found:
        """The same with as little of a configuration as shows it."""
        asked = [self.request] if self.request is not None else []

        def again(site: str) -> list[Found]:
            return [found for found in differences(twins, site, asked) if found.request == self.request]

        site = minimised(self.site, lambda shorter: bool(again(shorter)))
        return next(iter(again(site)), self)

    def __str__(self) -> str:
        return f"{self.site}\n\n{self.request or 'the configuration'}\n{self.told}"


def differences(twins: Twins, site: str, asked: list[Ask]) -> list[Found]:
    """What the two say otherwise; empty if they agree."""
    site = for_release(site)
    try:
        with twins.nginx_serving(site):
            theirs = [comparable(twins.exchange(twins.nginx, request)) for request in asked]
    except Refused as refused:
        return [Found(site, None, f"only nginx refuses it: {refused}")] if accepted_by_pyngx(twins, site) else []
    try:
        with twins.pyngx_serving(site):
            ours = [comparable(twins.exchange(twins.pyngx, request)) for request in asked]
    except Refused as refused:
        return [Found(site, None, f"only pyngx refuses it: {refused}")]
    return [
        Found(site, request, "\n".join(["-: nginx, +: pyngx", *[line for line in ndiff(their, our) if line[0] != "?"]]))
        for request, their, our in zip(asked, theirs, ours, strict=True)
        if not alike(their, our)
    ]


def for_release(site: str) -> str:
    """Without what old releases of nginx don't know."""
    if not IS_OLD:
        return site
    return NEW_DIRECTIVES.sub("", site.replace("$is_request_port", "").replace("$request_port", ""))


def accepted_by_pyngx(twins: Twins, site: str) -> bool:
    try:
        with twins.pyngx_serving(site):
            return True
    except Refused:
        return False


@settings(
    max_examples=max(WANTED // A_SITE, FEW),
    derandomize=not WANTED,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),  # what is found is cut down by ourselves, directive by directive
)
@given(site=sites(), asked=st.lists(requests(), min_size=A_SITE, max_size=A_SITE))
def test_random_configurations_answer_alike(twins: Twins, site: str, asked: list[Ask]) -> None:
    for found in differences(twins, site, asked)[:1]:
        pytest.fail(str(found.minimised(twins)), pytrace=False)
    assert not twins.faults
