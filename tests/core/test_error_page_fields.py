"""What a status said besides its code, when `error_page` answers for it."""

from __future__ import annotations

from pyngx.core.answers import Status
from pyngx.core.exchange import Exchange
from pyngx.core.phases import Module, Phase
from pyngx.modules import core, rewrite
from tests.support.configure import ask, configure


def test_an_error_page_is_sent_with_the_fields_of_the_status() -> None:
    def guard(exchange: Exchange) -> Status | None:
        return None if exchange.internal else Status(401, headers=((b"WWW-Authenticate", b"Basic"),))

    modules = (core.MODULE, rewrite.MODULE, Module("guard", handlers={Phase.ACCESS: lambda _: guard}))
    text = 'http { server { error_page 401 /page; location /page { return 200 "log in"; } location / { } } }'
    client = ask(configure(text, modules), "GET / HTTP/1.1")
    assert (client.status, client.body, client.header("www-authenticate")) == (401, b"log in", "Basic")
