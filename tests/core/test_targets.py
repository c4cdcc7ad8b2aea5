"""What a request line and Host become: the server, $uri and $request_uri, and redirects to the trailing slash."""

from __future__ import annotations

import pytest

from pyngx.core.generation import Generation
from pyngx.core.request_head import drop_invalid_fields
from pyngx.modules import MODULES
from tests.support.configure import ask, configure, exchange, in_server


@pytest.fixture(scope="module")
def site() -> Generation:
    return configure(
        """
        events { } http { access_log off; add_header X "uri=$uri request=$request_uri line=$request" always;
            server { listen 80; server_name "" default; return 200 default; }
            server {
                listen 80; server_name *.wild.example;
                location "/a b/" { proxy_pass http://127.0.0.1:1; }
                location / { return 200 wild; }
            }
        }""",
        MODULES,
    )


def test_a_target_that_cannot_be_read_is_not_shown(site: Generation) -> None:
    client = ask(site, "GET /../x HTTP/1.1")
    assert (client.status, client.header("X")) == (400, "uri= request= line=GET /../x HTTP/1.1")


def test_the_request_line_keeps_an_absolute_form(site: Generation) -> None:
    client = ask(site, "GET http://a.wild.example/x?y HTTP/1.1")
    assert client.body == b"wild"
    assert client.header("X") == "uri=/x request=/x?y line=GET http://a.wild.example/x?y HTTP/1.1"


def test_a_host_that_begins_with_a_dot_is_one_of_the_wildcard(site: Generation) -> None:
    assert ask(site, "GET / HTTP/1.1", [(b"Host", b".wild.example")]).body == b"wild"
    assert ask(site, "GET / HTTP/1.1", [(b"Host", b"wild.example")]).body == b"default"


@pytest.mark.parametrize("hosts", [[b""], [b"a", b"b"], [b"a/b"], []])
def test_an_empty_doubled_or_missing_host_is_refused(site: Generation, hosts: list[bytes]) -> None:
    client = ask(site, "GET /x?y HTTP/1.1", [(b"Host", host) for host in hosts])
    assert (client.status, client.header("X")) == (400, "uri=/x request=/x?y line=GET /x?y HTTP/1.1")


@pytest.mark.parametrize(
    ("settings", "left"),
    [("", []), ("underscores_in_headers on;", [b"X_Y"]), ("ignore_invalid_headers off;", [b"X_Y", b"X.Y"])],
)
def test_fields_whose_names_programs_may_mistake_are_left_out(settings: str, left: list[bytes]) -> None:
    generation = configure(in_server(settings + "return 204;"), MODULES)
    asked = exchange(generation, "GET / HTTP/1.1", [(b"Host", b"x"), (b"X_Y", b"1"), (b"X.Y", b"2"), (b"X-Y", b"3")])
    drop_invalid_fields(asked, next(iter(generation.addresses.values())).default.field_rules)
    assert [name for name, _ in asked.headers] == [b"Host", *left, b"X-Y"]


def test_trace_is_refused(site: Generation) -> None:
    assert ask(site, "TRACE / HTTP/1.1").status == 405


def test_a_redirect_to_the_trailing_slash_is_escaped(site: Generation) -> None:
    client = ask(site, "GET /a%20b?c=d HTTP/1.1", [(b"Host", b"a.wild.example")])
    assert (client.status, client.header("Location")) == (301, "http://a.wild.example/a%20b/?c=d")
