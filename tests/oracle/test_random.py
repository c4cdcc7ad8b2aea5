"""Random configurations and raw requests: nginx's answers, and what reaches the upstream, are pyngx's.

`PYNGX_RANDOM_ANSWERS` says how many answers are compared; a small number is, without it, and always the same.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import ndiff
from gzip import compress, decompress
from pathlib import Path
from zlib import error

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
from tests.oracle.wire import Answer, Ask, shown

pytestmark = needs_nginx

A_SITE = 30  # requests for each configuration
FEW = 6  # configurations, where no number is asked for
WANTED = int(os.environ.get("PYNGX_RANDOM_ANSWERS", "0"))
IS_OLD = VERSION < (1, 31)
NEW_DIRECTIVES = re.compile(r"add_header_inherit \w+;")
BODILESS = frozenset({"204", "304"})  # nginx says the length of what they don't have
DOORS = ("echo", "moved", "failing", "fields", "accel", "gone", "asking", "packed")
# What one request begins by the way announces the body of that request, and upstreams wait for it in vain.
BY_THE_WAY = re.compile(r"ssi on|add_(?:before|after)_body|auth_request /(?!ask)")

PAGE = """dir/index.html and <!--#set var="x" value="<b>$arg_a" --><!--#echo var="x" default="no"-->
<!--#if expr="$arg_a = /^(b)1/"--><!--#echo var="1"--><!--#include virtual="/c.txt?a=$arg_b" -->
<!--#else--><!--#include virtual="/a?$args"--><!--#endif--><!--# echo var="uri" encoding="none" --> more
"""


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
        "asking": Reply.of(
            "401 Who", 'WWW-Authenticate: Basic realm="up"', "X-Up: asking", "Set-Cookie: k=v", body=b"who"
        ),
        "packed": Reply.of(
            *("200 OK", "Content-Encoding: gzip", "Content-Type: text/html", 'ETag: "p"', "Accept-Ranges: bytes"),
            body=compress(b"packed by the upstream", mtime=0),
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
    (root / "dir" / "index.html").write_text(PAGE)
    (root / "users").write_text("u:{PLAIN}p\nv:{SHA}UWuXg/ylF+7L0dBk2i0WUxCxl1k=\n")
    for path in [*root.rglob("*")]:
        if path.suffix == ".txt" and path.parent.name != "b":
            path.with_name(path.name + ".gz").write_bytes(compress(f"{path.name} packed".encode(), mtime=0))
    for path in [*root.rglob("*"), root]:
        os.utime(path, (1_420_070_400, 1_420_070_400))


def comparable(exchanged: Exchanged) -> list[str]:
    """All that counts, as lines."""
    status, *rest = shown(unpacked(exchanged.answer))
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


def unpacked(answer: Answer | None) -> Answer | None:
    """The same with its content in the clear: two releases of zlib needn't pack alike."""
    if answer is None or answer.get("content-encoding") != ["gzip"]:
        return answer
    try:
        body = decompress(answer.body)
    except (OSError, EOFError, error):  # a part of it, or nothing
        return answer
    # how long it is, is told only if it was packed before; then it is compared as it came
    return answer if answer.get("content-length") else replace(answer, body=body)


def without_body(request: Ask) -> Ask:
    fields = [field for field in request.fields if not field.startswith(("Transfer-Encoding", "Content-Length"))]
    return replace(request, fields=tuple(fields), body=b"")


def _without_time(line: str) -> str:
    """`Expires` of the near future says when the answer was made; the past and the end of time don't."""
    when = parse_http_date(line.removeprefix("expires: ").encode()) if line.startswith("expires: ") else None
    return "expires: soon" if when is not None and abs(when - time.time()) < 100_000 else line


def alike(theirs: list[str], ours: list[str]) -> bool:
    """Whether they are the same; where nginx says two Locations or challenges at once, one will do."""
    if theirs == ours:
        return True
    for name in ("location: ", "www-authenticate: "):
        said = [line for line in theirs if line.startswith(name)]
        if len(said) == 2 and any([line for line in theirs if line != each] == ours for each in said):
            return True
    return False


@dataclass(frozen=True)
class Found:
    """A difference; without requests it is about the configuration, else about the last of them."""

    site: str
    asked: tuple[Ask, ...]
    told: str

    def minimised(self, twins: Twins) -> Found:
        """The same with as few requests and as little of a configuration as show it."""

        def again(site: str, asked: Sequence[Ask]) -> list[Found]:
            found = differences(twins, site, list(asked))
            return [each for each in found if each.asked[-1:] == self.asked[-1:]]

        asked = list(self.asked)
        if again(self.site, asked[-1:]):
            asked = asked[-1:]
        for before in asked[:-1]:
            fewer = [each for each in asked if each is not before]
            asked = fewer if again(self.site, fewer) else asked
        site = minimised(self.site, lambda shorter: bool(again(shorter, asked)))
        return next(iter(again(site, asked)), self)

    def __str__(self) -> str:
        return "\n".join([self.site, "", *(map(str, self.asked) if self.asked else ["the configuration"]), self.told])


def differences(twins: Twins, site: str, asked: list[Ask]) -> list[Found]:
    """What the two say otherwise; empty if they agree."""
    site = for_release(site)
    if BY_THE_WAY.search(site):
        asked = [without_body(request) for request in asked]
    try:
        with twins.nginx_serving(site):
            theirs = [comparable(twins.exchange(twins.nginx, request)) for request in asked]
    except Refused as refused:
        return [Found(site, (), f"only nginx refuses it: {refused}")] if accepted_by_pyngx(twins, site) else []
    try:
        with twins.pyngx_serving(site):
            ours = [comparable(twins.exchange(twins.pyngx, request)) for request in asked]
    except Refused as refused:
        return [Found(site, (), f"only pyngx refuses it: {refused}")]
    found = []
    for at, (their, our) in enumerate(zip(theirs, ours, strict=True)):
        if not alike(their, our):
            lines = [line for line in ndiff(their, our) if line[0] != "?"]
            found.append(Found(site, tuple(asked[: at + 1]), "\n".join(["-: nginx, +: pyngx", *lines])))
    return found


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


@pytest.mark.skipif(IS_OLD and not WANTED, reason="what old releases answer otherwise is not told apart")
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
