"""proxy_pass without sockets: which peers are tried, what is sent again, and what of an answer stays."""

from __future__ import annotations

import asyncio

import pytest

from pyngx.core.generation import Generation
from pyngx.core.ports import Failure, Fields, UpstreamError
from pyngx.http.headers import Headers
from pyngx.modules import MODULES
from tests.support.configure import in_server
from tests.support.fake_upstream import FakeCall, FakeTransport, Script, fails, says
from tests.support.live import ask, build_text, make_runtime
from tests.support.live_client import LiveClient

TRIES = 'add_header X-Tries "$upstream_addr|$upstream_status" always;'
REFUSED = fails(UpstreamError(Failure.CONNECT, "refused", sent=False), connected=False)
DIED = fails(UpstreamError(Failure.ERROR, "closed", kept=True))
CLOSED = fails(UpstreamError(Failure.ERROR, "closed"))
TYPE = b"Content-Type"


def site(text: str, *scripts: Script, before: str = "") -> tuple[Generation, FakeTransport]:
    """A server, and an upstream that plays scripts."""
    runtime = make_runtime()
    runtime.transport = transport = FakeTransport(*scripts)
    whole = in_server(f"access_log off; {TRIES} {text}").replace("http { ", f"http {{ {before} ", 1)
    generation = build_text(whole, MODULES, runtime)
    for start in generation.starts:
        start()
    return generation, transport


async def get(generation: Generation, target: str = "/", method: str = "GET", body: bytes = b"") -> LiveClient:
    return await asyncio.wait_for(ask(generation, f"{method} {target} HTTP/1.1", body=body), 5)


def field(client: LiveClient, name: bytes) -> list[bytes]:
    return [value for found, value in client.fields if found.lower() == name.lower()]


async def test_a_kept_connection_that_died_gives_its_try_back() -> None:
    generation, _ = site("location / { proxy_pass http://127.0.0.1:1; }", DIED, says(200))
    client = await get(generation)
    assert (client.status, field(client, b"X-Tries")) == (200, [b"127.0.0.1:1, 127.0.0.1:1|502, 200"])


async def test_a_post_on_a_kept_connection_that_died_is_not_repeated() -> None:
    generation, transport = site("location / { proxy_pass http://127.0.0.1:1; }", DIED)
    assert (await get(generation, method="POST", body=b"x")).status == 502
    assert len(transport.calls) == 1


async def test_a_new_connection_that_dies_is_a_try() -> None:
    generation, _ = site("location / { proxy_pass http://127.0.0.1:1; }", CLOSED)
    assert (await get(generation)).status == 502


@pytest.mark.parametrize("last", ["error_page 502 @other;", "error_page 502 = /other;"])
async def test_tries_of_another_location_stand_behind_a_colon(last: str) -> None:
    locations = "location / { proxy_pass http://127.0.0.1:1; %s } location %s { proxy_pass http://127.0.0.1:2; }"
    generation, _ = site(locations % (last, last.rpartition(" ")[2][:-1]), REFUSED, says(200))
    client = await get(generation)
    assert field(client, b"X-Tries") == [b"127.0.0.1:1 : 127.0.0.1:2|502 : 200"]


@pytest.mark.parametrize("settings", ["", "proxy_request_buffering off;"])
async def test_the_body_goes_to_the_upstream_of_an_error_page(settings: str) -> None:
    generation, transport = site(
        "location / { proxy_pass http://127.0.0.1:1; error_page 502 @other; } "
        f"location @other {{ {settings} proxy_pass http://127.0.0.1:2; }}",
        CLOSED,
        says(200),
    )
    assert (await get(generation, method="POST", body=b"form")).status == 502
    assert [call.body for call in transport.calls] == [b"form", b"form"]


async def test_a_body_that_went_by_is_not_announced_again() -> None:
    generation, transport = site(
        "client_body_buffer_size 2; "
        "location / { proxy_request_buffering off; proxy_pass http://127.0.0.1:1; error_page 502 = @other; } "
        "location @other { proxy_request_buffering off; proxy_pass http://127.0.0.1:2; }",
        CLOSED,
        says(200),
    )
    assert (await get(generation, method="POST", body=b"form")).status == 200
    assert (transport.calls[1].request.body_length, transport.calls[1].body) == (0, b"")


async def test_a_response_that_breaks_off_is_no_failure_of_its_peer() -> None:
    def breaks_off(call: FakeCall) -> None:
        call.handler.connected()
        call.handler.head_received(200, b"", Headers([(b"Content-Length", b"9")]))
        call.handler.call_failed(UpstreamError(Failure.TRUNCATED, "short"))

    servers = "server 127.0.0.1:1; server 127.0.0.1:2 backup;"
    generation, transport = site(
        "location / { proxy_pass http://app; }", breaks_off, says(200), before=f"upstream app {{ {servers} }}"
    )
    assert (await get(generation)).aborted
    await get(generation)
    assert [call.request.address.port for call in transport.calls] == [1, 1]


async def test_x_accel_redirect_keeps_what_nginx_keeps() -> None:
    generation, _ = site(
        "location / { proxy_pass http://127.0.0.1:1; } location /text { default_type text/plain; return 200 text; }",
        says(
            200,
            *((b"X-Accel-Redirect", b"/text"), (TYPE, b"text/x"), (b"ETag", b'"e"'), (b"X-Other", b"1")),
            *((b"Set-Cookie", b"a=b"), (b"Set-Cookie", b"c=d"), (b"Cache-Control", b"private")),
            *((b"Expires", b"0"), (b"Content-Disposition", b"inline"), (b"Last-Modified", b"x")),
        ),
    )
    client = await get(generation)
    assert (client.body, field(client, TYPE), field(client, b"Set-Cookie")) == (b"text", [b"text/x"], [b"a=b", b"c=d"])
    assert field(client, b"Cache-Control") + field(client, b"Expires") == [b"private", b"0"]
    assert field(client, b"Content-Disposition") == [b"inline"]
    assert not field(client, b"ETag") + field(client, b"Last-Modified") + field(client, b"X-Other")


async def test_a_rewritten_location_is_made_absolute() -> None:
    generation, _ = site(
        "location /a/ { proxy_pass http://127.0.0.1:1/b/; }", says(302, (b"Location", b"http://127.0.0.1:1/b/c"))
    )
    assert field(await get(generation, "/a/"), b"Location") == [b"http://localhost/a/c"]


async def test_all_challenges_stay_with_an_error_page() -> None:
    generation, _ = site(
        "proxy_intercept_errors on; error_page 401 /401; location / { proxy_pass http://127.0.0.1:1; } "
        'location /401 { return 200 "$status"; }',
        says(401, (b"WWW-Authenticate", b"Basic"), (b"WWW-Authenticate", b"Digest")),
    )
    client = await get(generation)
    assert (client.status, client.body, field(client, b"WWW-Authenticate")) == (401, b"401", [b"Basic", b"Digest"])


@pytest.mark.parametrize(
    "rule", ["return 302 http://x$uri;", "rewrite (?s)^(.*)$ http://x$1 redirect;", "proxy_pass http://127.0.0.1:1;"]
)
async def test_line_ends_of_a_uri_cannot_end_a_field(rule: str) -> None:
    generation, _ = site(
        f"location / {{ {rule} proxy_redirect http://y/ http://x$uri; }}", says(302, (b"Location", b"http://y/"))
    )
    client = await get(generation, "/a%0d%0aSet-Cookie:b")
    (location,) = field(client, b"Location")
    assert location.startswith(b"http://x/a%0D%0ASet-Cookie:b")
    assert not field(client, b"Set-Cookie")


@pytest.mark.parametrize(("settings", "sent"), [("", ()), ("proxy_pass_trailers on;", [(b"X-T", b"1")])])
async def test_trailers_are_passed_where_that_is_asked_for(settings: str, sent: Fields) -> None:
    def play(call: FakeCall) -> None:
        call.handler.connected()
        call.handler.head_received(200, b"", Headers())
        call.handler.response_ended([(b"X-T", b"1"), (b"Content-Length", b"5")])

    generation, _ = site(f"location / {{ {settings} proxy_pass http://127.0.0.1:1; }}", play)
    client = await get(generation)
    assert client.trailers == sent
    assert client.exchange is not None
    assert client.exchange.upstream_trailers[0] == (b"X-T", b"1")


async def test_of_fields_that_come_once_only_the_first_counts() -> None:
    generation, _ = site(
        "location / { proxy_pass http://127.0.0.1:1; }",
        says(200, *((name, value) for name in (b"Expires", b"Set-Cookie") for value in (b"a", b"b"))),
    )
    client = await get(generation)
    assert (field(client, b"Expires"), field(client, b"Set-Cookie")) == ([b"a"], [b"a", b"b"])


async def test_a_response_under_way_has_no_time_yet() -> None:
    generation, _ = site(
        "location / { add_header X-Time $upstream_response_time; proxy_pass http://127.0.0.1:1; }", says(200)
    )
    assert field(await get(generation), b"X-Time") == [b"-"]
