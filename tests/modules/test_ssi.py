"""Server-side includes: each command, and the pages that they are in."""

from __future__ import annotations

import asyncio
import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyngx.core.generation import Generation
from pyngx.core.pipeline import handle
from pyngx.http.headers import Headers
from pyngx.modules import MODULES
from tests.support.configure import answer, ask, configure, exchange, in_server, make_runtime, messages
from tests.support.fake_client import FakeClient
from tests.support.fake_upstream import FakeCall, FakeTransport, Script, says

ERROR = b"[an error occurred while processing the directive]"
TYPED = b"Content-Type", b"text/html"


def site(page: bytes, text: str = "", *scripts: Script) -> Generation:
    """A page at /p, from an upstream that sends it at once, and other locations."""
    runtime = make_runtime()
    runtime.transport = FakeTransport(says(200, TYPED, body=page), *scripts)
    proxy = "location /p { ssi on; proxy_pass http://127.0.0.1:1; }"
    types = "default_type text/html; access_log off;"
    return configure(in_server(f"{types} {proxy} {text}"), MODULES, runtime)


def get(page: str, text: str = "", *scripts: Script, target: str = "/p/x.html") -> bytes:
    client = ask(site(page.encode(), text, *scripts), f"GET {target} HTTP/1.1")
    assert client.finished
    return client.body


def reply(name: str, body: str, more: str = "") -> str:
    return f"location = /{name} {{ {more} return 200 '{body}'; }}"


@pytest.mark.parametrize(
    ("page", "body"),
    [
        ("plain <b> <!-- comment --> <!--x <!-", "plain <b> <!-- comment --> <!--x "),
        ('<!--#echo var="arg_a" -->', "1"),
        ("<!--# echo  var = 'arg_a'\n-->", "1"),
        ('<!--#echo var="ARG_A"-->', "1"),
        ('<!--#echo var="arg_none" -->', "(none)"),
        ('<!--#echo var="arg_none" default="" -->', ""),
        ('<!--#echo var="arg_none" default="<" -->', "&lt;"),
        ('<!--#echo var="no_such" default="d" -->', "d"),
        ('<!--#echo var="arg_empty" default="d" -->|', "|"),
        ('<!--#echo var="arg_q" encoding="none" -->', '<">'),
        ('<!--#echo var="arg_q" encoding="url" -->', "%3C%22%3E"),
        ('<!--#echo var="arg_q" encoding="none" --><!--#echo var="arg_q" -->', '<"><">'),
        ('<!--#set var="v" value="a$arg_a${arg_a}b\\$\\x\\\\" --><!--#echo var="V" -->', "a11b$\\x\\"),
        ('<!--#set var="v" value="$uri" --><!--#echo var="v" -->', "/p/x.html"),
        ('<!--#config errmsg="!" --><!--#nothing -->', "!"),
        ('<!--#config timefmt="%s" --><!--#if expr="$date_gmt = /^\\d{10}\\$/" -->ok<!--#endif -->', "ok"),
        ('<!--#block name="b" -->text <!--#echo var="arg_a" --><!--#endblock -->after', "after"),
    ],
)
def test_commands(page: str, body: str) -> None:
    assert get(page, target='/p/x.html?a=1&empty=&q=<">') == body.encode()


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("$arg_a", True),
        ("$arg_none", False),
        ("", False),
        ("$arg_a = one", True),
        ("$arg_a=one", True),
        ("$arg_a != one", False),
        ("one = $arg_a", True),
        ("$arg_a = On", False),
        ("$arg_a = /^o(n)e\\$/", True),
        ("$arg_a != /x/", True),
        ("$arg_a = \\/x", False),
        ("${arg_a} = o$arg_b", True),
    ],
)
def test_expressions(expression: str, holds: bool) -> None:
    page = f"<!--#if expr='{expression}' -->yes<!--#else -->no<!--#endif -->."
    assert get(page, target="/p/x?a=one&b=ne") == (b"yes." if holds else b"no.")


@pytest.mark.parametrize(("query", "body"), [("a=1", b"A."), ("b=1", b"B."), ("a=1&b=1", b"A."), ("", b"C.")])
def test_one_branch_is_shown(query: str, body: bytes) -> None:
    page = '<!--#if expr="$arg_a" -->A<!--#elif expr="$arg_b" -->B<!--#else -->C<!--#endif -->.'
    assert get(page, target=f"/p/x?{query}") == body


def test_captures_are_variables() -> None:
    shown = "|".join(f'<!--#echo var="{name}" -->' for name in ("1", "rest", "0"))
    page = f'<!--#if expr="$arg_a = /(.)(?P<rest>.*)/" -->{shown}'
    assert get(page, target="/p/x?a=one") == b"o|ne|one"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("nothing", 'invalid SSI command: "nothing"'),
        ("echo", 'parameter "var" of SSI command "echo" is absent'),
        ('echo var="a" var="b"', 'duplicate parameter "var" of SSI command "echo"'),
        ('echo var="a" x="b"', 'invalid parameter "x" of SSI command "echo"'),
        ("else", 'invalid context of SSI command: "else"'),
        ('if expr="$a >"', 'invalid expression in "$a >"'),
        ('if expr="a = /x"', 'invalid expression in "a = /x"'),
        ('if expr="$a = /(/"', 'invalid regular expression "("'),
        ('set var="a" value="$"', 'invalid variable name in "$"'),
        ('set var="a" value="${b"', 'the closing bracket of variable "b" is missing'),
        ("include", 'no parameter in "include" SSI command'),
        ('include virtual="/a" file="b"', 'inclusion may be either virtual="/a" or file="b"'),
        ('include virtual="/a" wait="x"', 'invalid value "x" in the "wait" parameter'),
        ('include file="/a" wait="yes"', '"wait" cannot be used with file="/a"'),
        ('include virtual="/a" stub="x"', '"stub"="x" for "include" not found'),
        ('include virtual="/a" stub="x" set="y"', '"set" and "stub" cannot be used together in "include" SSI command'),
        ('include virtual="/../a"', "unsafe URI '/../a' was detected"),
        ("echo var=x", 'unexpected "x" before the value of "var" in SSI command "echo"'),
        ('echo var"', "unexpected "),
        ('echo var="x"y', 'unexpected "y" after the value of "var" in SSI command "echo"'),
        (f'echo var="{"x" * 256}"', 'the value of parameter "var" of SSI command "echo" is too long'),
        ("x" * 33, f'SSI command "{"x" * 32}..." is too long'),
        (f'echo {"x" * 33}="a"', f'parameter "{"x" * 32}..." of SSI command "echo" is too long'),
        ("echo -x", 'unexpected "x" in SSI command "echo"'),
        ("echo " + " ".join(f'p{number}="x"' for number in range(17)), 'too many parameters of SSI command "echo"'),
    ],
)
def test_errors_are_told_and_logged(command: str, message: str) -> None:
    generation = site(f"a<!--#{command} -->b".encode())
    assert ask(generation, "GET /p HTTP/1.1").body == b"a" + ERROR + b"b"
    assert [found for found in messages(generation) if message in found], messages(generation)


def test_errors_can_be_silent() -> None:
    runtime = make_runtime()
    runtime.transport = FakeTransport(says(200, TYPED, body=b"a<!--#x -->b"))
    text = "ssi on; ssi_silent_errors on; access_log off; location / { proxy_pass http://127.0.0.1:1; }"
    assert ask(configure(in_server(text), MODULES, runtime), "GET / HTTP/1.1").body == b"ab"


def test_an_include_has_the_variables_of_the_request_and_its_own_uri() -> None:
    other = reply("in", "$uri $args $request_uri $request_method")
    page = '[<!--#include virtual="/i%6e?x=y$arg_a" -->]'
    assert get(page, other, target="/p/x?a=1") == b"[/in x=y1 /p/x?a=1 GET]"


@pytest.mark.parametrize(
    ("parameter", "uri"), [('virtual="in"', "/p/in"), ('file="in"', "/p/in"), ('virtual="/a"', "/a")]
)
def test_a_relative_include_lies_beside_the_page(parameter: str, uri: str) -> None:
    assert get(f"<!--#include {parameter} -->", "location ~ /(in|a)$ { return 200 $uri; }") == uri.encode()


def test_pages_are_in_pages_and_share_variables() -> None:
    inner = '<!--#set var="v" value="changed" --><!--#echo var="v" -->'
    show = '<!--#echo var="v" -->'
    page = f'<!--#set var="v" value="first" -->{show} <!--#include virtual="/in" wait="yes" --> {show}'
    assert get(page, reply("in", inner, "ssi on;")) == b"first changed changed"


def test_an_answer_can_be_a_variable() -> None:
    show = '[<!--#echo var="v" -->]'
    page = f'<!--#include virtual="/in" set="v" -->{show}<!--#include virtual="/no" set="v" -->{show}'
    assert get(page, reply("in", "abc") + "location /no { return 404; }") == b"[abc][abc]"


def test_an_error_is_no_variable() -> None:
    page = '<!--#include virtual="/no" set="v" -->[<!--#echo var="v" -->]'
    assert get(page, "location /no { return 404; }") == b"[]"


@pytest.mark.parametrize(
    "locations", ["location /in { return 404; }", reply("in", ""), "error_page 404 /p; location /in { return 404; }"]
)
def test_a_stub_takes_the_place_of_nothing_and_of_errors(locations: str) -> None:
    page = '<!--#block name="b" -->stub<!--#endblock -->[<!--#include virtual="/in" stub="b" -->]'
    assert get(page, locations) == b"[stub]"


def test_a_stub_is_a_page_and_may_be_used_again() -> None:
    page = (
        '<!--#block name="b" --><!--#echo var="uri" --><!--#endblock -->'
        '<!--#include virtual="/in" stub="b" -->|<!--#include virtual="/in" stub="b" -->'
    )
    assert get(page, "location /in { ssi on; return 404; }") == b"/in|/in"


def test_what_is_there_has_no_need_of_a_stub() -> None:
    page = '<!--#block name="b" -->stub<!--#endblock --><!--#include virtual="/in" stub="b" -->'
    assert get(page, reply("in", "there")) == b"there"


def test_an_error_page_is_included_as_it_is() -> None:
    assert b"404 Not Found" in get('<!--#include virtual="/in" -->', "location /in { return 404; }")


def test_a_page_that_includes_itself_ends_with_an_error() -> None:
    body = get('<!--#include virtual="/in" -->', reply("in", '.<!--#include virtual="/in" -->', "ssi on;"))
    assert body == b"." * 51 + ERROR


def test_an_include_within_what_is_kept_is_an_error() -> None:
    page = '<!--#include virtual="/in" set="v" --><!--#echo var="v" encoding="none" -->'
    assert get(page, reply("in", '.<!--#include virtual="/in" -->', "ssi on;")) == b"." + ERROR


def test_the_head_says_nothing_of_the_file() -> None:
    runtime = make_runtime()
    fields = ((b"Last-Modified", b"Tue, 14 Nov 2023 22:13:20 GMT"), (b"ETag", b'"x"'), (b"Accept-Ranges", b"bytes"))
    runtime.transport = FakeTransport(*(says(200, TYPED, *fields, body=b"page") for _ in range(2)))
    text = "access_log off; ssi on; proxy_pass http://127.0.0.1:1;"
    generation = configure(
        in_server(f"location / {{ {text} }} location /keep {{ {text} ssi_last_modified on; }}"), MODULES, runtime
    )
    kept = {"Content-Length", "Last-Modified", "ETag", "Accept-Ranges"}
    assert not kept & set(ask(generation, "GET / HTTP/1.1").names)
    client = ask(generation, "GET /keep HTTP/1.1")
    assert kept & set(client.names) == {"Last-Modified", "ETag"}
    assert client.header("ETag") == 'W/"x"'


@pytest.mark.parametrize(
    ("settings", "is_page"), [("", False), ("ssi_types text/css;", True), ("ssi_types *;", True), ("ssi off;", False)]
)
def test_types_of_pages(settings: str, is_page: bool) -> None:
    runtime = make_runtime()
    runtime.transport = FakeTransport(says(200, (b"Content-Type", b"text/css"), body=b"<!--#echo var='uri' -->"))
    text = f"ssi on; access_log off; location / {{ {settings} proxy_pass http://127.0.0.1:1; }}"
    body = ask(configure(in_server(text), MODULES, runtime), "GET / HTTP/1.1").body
    assert body == (b"/" if is_page else b"<!--#echo var='uri' -->")


def test_a_body_that_was_read_is_sent_with_includes() -> None:
    runtime = make_runtime()
    transport = FakeTransport(says(200, TYPED, body=b'<!--#include virtual="/in" -->'), says(200, body=b"in"))
    runtime.transport = transport
    text = "ssi on; access_log off; location / { proxy_pass http://127.0.0.1:1; }"
    generation = configure(in_server(text), MODULES, runtime)
    assert answer(exchange(generation, "POST / HTTP/1.1"), b"body").body == b"in"
    assert [(call.request.method, call.body) for call in transport.calls] == [(b"POST", b"body"), (b"GET", b"body")]


PAGE = (
    b'a<b><!-- c --><!--#set var="v" value="x--\\">" --><!--#echo var="v" encoding="none" -->'
    b'<!--#include virtual="/in" -->'
    b"<!--#if expr='$v' -->yes<!--#else -->no<!--#endif --><!--#wrong a=b --><!--"
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(PAGE)), max_size=12))
def test_where_a_page_is_cut_makes_no_difference(cuts: list[int]) -> None:
    places = sorted({0, *cuts, len(PAGE)})

    def play(call: FakeCall) -> None:
        call.handler.connected()
        call.handler.head_received(200, b"", Headers([TYPED]))
        for start, end in itertools.pairwise(places):
            call.handler.body_received(PAGE[start:end])
            call.handler.flush()
        call.handler.response_ended([])

    runtime = make_runtime()
    runtime.transport = FakeTransport(play)
    text = f"access_log off; location /p {{ ssi on; proxy_pass http://127.0.0.1:1; }} {reply('in', 'IN')}"
    body = ask(configure(in_server(text), MODULES, runtime), "GET /p HTTP/1.1").body
    assert body == b'a<b><!-- c -->x--">INyes' + ERROR


async def test_waiting_holds_the_page() -> None:
    calls: list[FakeCall] = []
    page = '<!--#include virtual="/slow" wait="yes" -->[<!--#echo var="v" -->]<!--#include virtual="/slow" -->'
    generation = site(page.encode(), "location /slow { proxy_pass http://127.0.0.1:1; }", calls.append, calls.append)
    asked = exchange(generation, "GET /p HTTP/1.1")
    client = asked.client
    assert isinstance(client, FakeClient)
    asked.task = asyncio.create_task(handle(asked, next(iter(generation.addresses.values()))))
    for _ in range(10):
        await asyncio.sleep(0)
    assert (len(calls), client.body) == (1, b"")
    says(200, body=b"one")(calls[0])
    for _ in range(10):
        await asyncio.sleep(0)
    assert (len(calls), client.body) == (2, b"one[(none)]")
    says(200, body=b"two")(calls[1])
    assert (client.body, client.finished) == (b"one[(none)]two", True)
    assert generation.exchanges == 0


def test_times_have_the_form_that_was_set() -> None:
    page = '<!--#echo var="date_gmt" -->|<!--#config timefmt="%d %Z" --><!--#echo var="date_gmt" -->'
    first, _, second = get(page).decode().partition("|")
    assert re.fullmatch(r"\w+day, \d\d-\w{3}-\d{4} \d\d:\d\d:\d\d GMT", first)
    assert re.fullmatch(r"\d\d GMT", second)
