import re

import pytest

from pyngx.core.census import Uncounted
from pyngx.modules import core, headers, static, stub_status
from tests.support import reply
from tests.support.configure import ask, configure, in_server, make_runtime

MODULES = (core.MODULE, headers.MODULE, stub_status.MODULE, reply.MODULE, static.MODULE)
STUB = in_server("location / { stub_status; add_header X $connections_waiting; location /other { reply 200 x; } }")


class Three(Uncounted):
    accepted = 7
    active = 3
    reading = 1


def test_the_numbers_are_written_as_nginx_writes_them() -> None:
    runtime = make_runtime()
    runtime.census = Three()
    generation = configure(STUB, MODULES, runtime)
    ask(generation, "GET /other HTTP/1.1")
    client = ask(generation, "GET / HTTP/1.1")
    assert client.body.decode() == (
        "Active connections: 3 \nserver accepts handled requests\n 7 7 2 \nReading: 1 Writing: 1 Waiting: 1 \n"
    )
    assert client.header("Content-Type") == "text/plain"
    assert client.header("X") == "1"


def test_requests_are_counted_over_generations() -> None:
    runtime = make_runtime()
    for count in (1, 3):
        generation = configure(STUB, MODULES, runtime)
        ask(generation, "GET /other HTTP/1.1")
        client = ask(generation, "GET / HTTP/1.1")
        found = re.search(rb"\n \d+ \d+ (\d+) \n", client.body)
        assert found is not None
        assert int(found[1]) == count + 1
    assert (runtime.requests, runtime.exchanges) == (4, 0)


def test_where_nobody_counts_connections_there_is_one_for_each_request() -> None:
    client = ask(configure(STUB, MODULES), "GET / HTTP/1.1")
    assert client.body.startswith(b"Active connections: 1 \n")


@pytest.mark.parametrize(("method", "status", "has_body"), [("HEAD", 200, False), ("POST", 405, True)])
def test_other_methods(method: str, status: int, has_body: bool) -> None:
    client = ask(configure(STUB, MODULES), f"{method} / HTTP/1.1")
    assert (client.status, bool(client.body)) == (status, has_body)


def test_it_stays_where_it_was_written() -> None:
    text = in_server("stub_status; location /x { reply 200 x; }")
    assert ask(configure(text, MODULES), "GET / HTTP/1.1").body.startswith(b"Active")
    assert ask(configure(text, MODULES), "GET /x HTTP/1.1").body == b"x"
