"""auth_request: who is asked, what of the answer counts, and what is kept of it."""

from __future__ import annotations

import asyncio

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.exchange import Exchange
from pyngx.core.generation import Generation
from pyngx.core.pipeline import handle
from pyngx.core.ports import Failure, UpstreamError
from pyngx.http.headers import Headers
from pyngx.modules import MODULES
from tests.support.configure import ask, configure, exchange, in_server, make_runtime
from tests.support.fake_client import FakeClient
from tests.support.fake_upstream import FakeCall, FakeTransport, Script, fails, says
from tests.support.memory_logs import MemoryLogs

HOST = (b"Host", b"localhost")


def site(text: str, *scripts: Script) -> tuple[Generation, FakeTransport]:
    """A server whose upstream plays scripts; what is let in finds nothing: 404."""
    runtime = make_runtime()
    runtime.transport = transport = FakeTransport(*scripts)
    return configure(in_server(f"access_log off; root /none; {text}"), MODULES, runtime), transport


def get(generation: Generation, target: str = "/x", method: str = "GET", body: bytes = b"") -> FakeClient:
    return ask(generation, f"{method} {target} HTTP/1.1", body=body)


@pytest.mark.parametrize(
    ("says", "status"),
    [
        ("return 204;", 404),
        ("return 200 fine;", 404),
        ("return 401;", 401),
        ("return 403;", 403),
        ("return 404;", 500),
        ("return 302 /x;", 500),
        ("error_page 404 =204 /empty;", 404),
        ("error_page 404 =403 /empty;", 403),
        ("internal; return 204;", 404),
    ],
)
def test_the_status_of_the_subrequest_decides(says: str, status: int) -> None:
    generation, _ = site(f"auth_request /auth; location = /auth {{ {says} }} location /empty {{ return 200 x; }}")
    assert get(generation).status == status


def test_off_and_the_location_itself_ask_nobody() -> None:
    generation, _ = site(
        "auth_request /auth; location = /auth { return 403; } location /off { auth_request off; }"
        "location /again { auth_request /twice; } location /twice { auth_request /auth; return 204; }"
    )
    assert get(generation, "/off").status == 404
    assert get(generation, "/again").status == 404, "a subrequest has access already"


def test_all_challenges_are_passed_on() -> None:
    upstream = says(401, (b"WWW-Authenticate", b"foo"), (b"WWW-Authenticate", b"bar"))
    generation, _ = site("auth_request /auth; location = /auth { proxy_pass http://127.0.0.1:1; }", upstream)
    client = get(generation)
    assert client.status == 401
    assert [value for name, value in client.fields if name == "WWW-Authenticate"] == ["foo", "bar"]


def test_an_error_page_of_the_subrequest_keeps_the_challenge() -> None:
    upstream = says(401, (b"WWW-Authenticate", b"foo"))
    generation, _ = site(
        "auth_request /auth; location = /auth { proxy_pass http://127.0.0.1:1; proxy_intercept_errors on;"
        "error_page 401 /page; } location /page { return 200 page; }",
        upstream,
    )
    client = get(generation)
    assert (client.status, client.header("WWW-Authenticate")) == (401, "foo")


def test_the_subrequest_has_the_fields_but_neither_method_nor_body() -> None:
    generation, transport = site(
        "auth_request /auth; location = /auth { proxy_pass http://127.0.0.1:1; proxy_set_header X-Uri $request_uri;"
        "proxy_set_header X-Method $request_method; proxy_set_header X-Own $uri?$args; }",
        says(204),
    )
    assert get(generation, "/a%20b?c=d", "POST", b"body").status == 404
    (call,) = transport.calls
    assert (call.request.method, call.request.target, call.request.body_length) == (b"GET", b"/auth", 0)
    assert dict(call.request.fields) | {b"Host": b""} == {
        b"Host": b"",
        b"X-Uri": b"/a%20b?c=d",
        b"X-Method": b"POST",
        b"X-Own": b"/auth?",
    }


def test_a_part_of_the_answer_is_kept_in_variables() -> None:
    generation, _ = site(
        "auth_request /auth; auth_request_set $user $upstream_http_x_user; auth_request_set $said $upstream_status;"
        "auth_request_set $uri_of $uri; error_page 404 /404; location = /404 { auth_request off;"
        'return 200 "$user|$said|$uri_of|$uri|$upstream_status"; }'
        "location = /auth { proxy_pass http://127.0.0.1:1; }",
        says(201, (b"X-User", b"me")),
    )
    assert get(generation).body == b"me|201|/auth|/404|"


def test_a_variable_that_was_never_set_is_not_found() -> None:
    generation, _ = site('location / { return 200 "[$user]"; } location /x { auth_request_set $user $uri; }')
    assert get(generation, "/").body == b"[]"


def test_variables_that_are_set_are_those_of_the_whole_request() -> None:
    generation, _ = site(
        "set $a server; location /x { set $a location; auth_request /auth; auth_request_set $seen $a;"
        'error_page 404 @end; } location = /auth { set $b inner; return 204; } location @end { return 200 "$seen $b"; }'
    )
    assert get(generation).body == b"server inner", "the server's own rewrites run for subrequests, too"


@pytest.mark.parametrize(
    ("script", "status"),
    [
        (says(204), 404),
        (says(503), 500),
        (fails(UpstreamError(Failure.CONNECT, "refused", sent=False), connected=False), 500),
    ],
)
def test_an_upstream_is_waited_for(script: Script, status: int) -> None:
    generation, _ = site("auth_request /auth; location = /auth { proxy_pass http://127.0.0.1:1; }", script)
    assert get(generation).status == status


def test_a_subrequest_that_is_closed_closes_the_request() -> None:
    generation, _ = site("auth_request /auth; location = /auth { return 444; }")
    client = get(generation)
    assert (client.status, client.aborted) == (0, True)


async def _begin(generation: Generation) -> tuple[Exchange, asyncio.Task[None]]:
    asked = exchange(generation, "GET /x HTTP/1.1")
    asked.task = asyncio.create_task(handle(asked, next(iter(generation.addresses.values()))))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return asked, asked.task


async def test_a_client_that_leaves_takes_the_subrequest_with_it() -> None:
    generation, transport = site(
        "auth_request /auth; location = /auth { proxy_pass http://127.0.0.1:1; }", lambda _: None
    )
    asked, task = await _begin(generation)
    asked.client_gone()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert transport.calls[0].cancelled
    assert generation.exchanges == 0


async def test_a_request_that_fails_elsewhere_leaves_nobody_waiting() -> None:
    generation, transport = site(
        "auth_request /auth; location = /auth { proxy_pass http://127.0.0.1:1; }", lambda _: None
    )
    asked, task = await _begin(generation)
    asked.fail()
    await asyncio.wait_for(task, 1)
    assert transport.calls[0].cancelled
    assert generation.exchanges == 0


async def test_a_body_without_end_is_not_waited_for() -> None:
    def play(call: FakeCall) -> None:
        call.handler.connected()
        call.handler.head_received(200, b"", Headers())
        for _ in range(20):
            if not call.cancelled:
                call.handler.body_received(b"x" * 10000)

    generation, transport = site("auth_request /auth; location = /auth { proxy_pass http://127.0.0.1:1; }", play)
    asked, task = await _begin(generation)
    await asyncio.wait_for(task, 1)
    assert (asked.status, transport.calls[0].cancelled) == (404, True)
    assert generation.exchanges == 0


def test_subrequests_are_logged_where_asked_for() -> None:
    runtime = make_runtime()
    generation = configure(
        in_server(
            "root /none; access_log /log line; auth_request /auth; location /x { } location = /auth { return 403; }"
            "location /y { auth_request /logged; } location = /logged { log_subrequest on; return 403; }"
        ).replace("http {", "http { log_format line '$request $uri $status';"),
        MODULES,
        runtime,
    )
    get(generation, "/x")
    get(generation, "/y")
    assert isinstance(runtime.logs, MemoryLogs)
    assert runtime.logs.files["/log"].lines == [
        "GET /x HTTP/1.1 /x 403",
        "GET /y HTTP/1.1 /logged 403",
        "GET /y HTTP/1.1 /y 403",
    ]


@pytest.mark.parametrize("text", ["auth_request_set user x;", "auth_request_set $ x;", "auth_request;"])
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        site(text)
