"""A proxy_pass with variables finds the groups that stand elsewhere; a prefix alone is a variable, too."""

from __future__ import annotations

from pyngx.modules import MODULES
from tests.modules.test_proxy import get, says, site
from tests.support.configure import ask, configure, in_server


async def test_a_group_made_by_another_location_needs_no_resolver() -> None:
    generation, transport = site(
        "location /made { proxy_pass http://localhost:1; } "
        "location / { set $name localhost:1; proxy_pass http://$name; }",
        says(200),
    )
    assert (await get(generation)).status == 200
    assert [call.request.address.port for call in transport.calls] == [1]


async def test_a_name_that_nobody_knows_needs_one() -> None:
    generation, transport = site("location / { set $name elsewhere:1; proxy_pass http://$name; }")
    assert (await get(generation)).status == 502
    assert transport.calls == []


def test_a_prefix_without_a_name_is_a_variable_that_nothing_bears() -> None:
    generation = configure(in_server('location / { add_header X "[$arg_]"; return 204; }'), MODULES)
    assert ask(generation, "GET /?=x HTTP/1.1").header("X") == "[]"


def test_the_configuration_may_have_variables_of_the_same_name_as_some_of_the_modules() -> None:
    text = in_server(
        "location /set { set $proxy_host x; return 200 $proxy_host-$proxy_port; } "
        "location / { return 200 $proxy_host-$proxy_port; }"
    )
    generation = configure(text.replace("http {", "http { map $uri $proxy_port { default mapped; }"), MODULES)
    assert [ask(generation, f"GET /{name} HTTP/1.1").body for name in ("set", "")] == [b"x-mapped", b"-mapped"]


async def test_the_upstream_is_told_its_own_name_all_the_same() -> None:
    generation, transport = site("location / { set $proxy_host x; proxy_pass http://127.0.0.1:81; }", says(200))
    assert (await get(generation)).status == 200
    assert transport.calls[0].request.fields[0] == (b"Host", b"127.0.0.1:81")


def test_a_capture_of_such_a_name_is_not_found_elsewhere() -> None:
    text = "location ~ /(?<ssl_protocol>a) { return 200 [$ssl_protocol]; } location / { return 200 [$ssl_protocol]; }"
    generation = configure(in_server(text), MODULES)
    assert [ask(generation, f"GET /{name} HTTP/1.1").body for name in "ab"] == [b"[a]", b"[]"]
