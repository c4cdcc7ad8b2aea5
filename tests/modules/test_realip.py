"""`set_real_ip_from` and its kin: the client's address as proxies tell it."""

from __future__ import annotations

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.config.include import load
from pyngx.core.generation import Generation
from pyngx.core.load import check_snapshot
from pyngx.core.phases import Module
from pyngx.core.variables import Variable
from pyngx.modules import core, headers, realip, rewrite
from tests.support.configure import MAIN, answer, ask, configure, exchange

MODULES = (core.MODULE, realip.MODULE, rewrite.MODULE, headers.MODULE)
SHOW = 'add_header X "$remote_addr $remote_port $realip_remote_addr $realip_remote_port" always;'


def serve(directives: str, server: str = "", modules: tuple[Module, ...] = MODULES) -> Generation:
    return configure(f"http {{ {directives} server {{ {server or SHOW + 'return 204;'} }} }}", modules)


def shown(generation: Generation, *fields: tuple[bytes, bytes], target: str = "/") -> str | None:
    return ask(generation, f"GET {target} HTTP/1.1", [(b"Host", b"a"), *fields]).header("X")


def test_a_trusted_proxy_names_the_client() -> None:
    generation = serve("set_real_ip_from 127.0.0.0/8;")
    assert shown(generation, (b"X-Real-IP", b"192.0.2.1")) == "192.0.2.1  127.0.0.1 40000"


def test_others_are_taken_for_themselves() -> None:
    generation = serve("set_real_ip_from 10.0.0.0/8;")
    assert shown(generation, (b"X-Real-IP", b"192.0.2.1")) == "127.0.0.1 40000 127.0.0.1 40000"


def test_nothing_is_said_of_the_client() -> None:
    assert shown(serve("set_real_ip_from 127.0.0.1;")) == "127.0.0.1 40000 127.0.0.1 40000"


def test_the_port_may_be_in_the_field() -> None:
    generation = serve("set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;")
    assert shown(generation, (b"X-Forwarded-For", b"192.0.2.1:81")) == "192.0.2.1 81 127.0.0.1 40000"


def test_any_field_may_name_the_client_and_its_first_one_counts() -> None:
    generation = serve("set_real_ip_from 127.0.0.1; real_ip_header CF-Connecting-IP;")
    fields = (b"cf-connecting-ip", b"192.0.2.1"), (b"CF-Connecting-IP", b"192.0.2.2")
    assert shown(generation, *fields) == "192.0.2.1  127.0.0.1 40000"


def test_all_fields_of_x_forwarded_for_are_one_list() -> None:
    generation = serve(
        "set_real_ip_from 127.0.0.1; set_real_ip_from 10.0.0.0/8; real_ip_header X-Forwarded-For; real_ip_recursive on;"
    )
    fields = (b"X-Forwarded-For", b"192.0.2.1"), (b"X-Forwarded-For", b"10.0.0.1, 10.0.0.2")
    assert shown(generation, *fields) == "192.0.2.1  127.0.0.1 40000"


def test_the_address_is_there_for_the_rules_of_the_server() -> None:
    generation = serve("set_real_ip_from 127.0.0.1;", 'set $x $remote_addr; add_header X "$x"; return 204;')
    assert shown(generation, (b"X-Real-IP", b"192.0.2.1")) == "192.0.2.1"


def test_a_location_may_trust_others_than_its_server_does() -> None:
    generation = serve(
        "set_real_ip_from 10.0.0.0/8;",
        f"""{SHOW}
        location /own/ {{ set_real_ip_from 127.0.0.1; }}
        location /field/ {{ set_real_ip_from 127.0.0.1; real_ip_header X-Other; }}
        """,
    )
    fields = (b"X-Real-IP", b"192.0.2.1"), (b"X-Other", b"192.0.2.2")
    found = [shown(generation, *fields, target=target) for target in ("/", "/own/", "/field/")]
    assert [each and each.split()[0] for each in found] == ["127.0.0.1", "192.0.2.1", "192.0.2.2"]


def test_the_server_has_the_first_word() -> None:
    generation = serve("set_real_ip_from 127.0.0.1;", f"{SHOW} location / {{ real_ip_header X-Other; }}")
    fields = (b"X-Real-IP", b"192.0.2.1"), (b"X-Other", b"192.0.2.2")
    assert shown(generation, *fields) == "192.0.2.1  127.0.0.1 40000"


def test_the_address_lasts_for_one_request() -> None:
    generation = serve("set_real_ip_from 127.0.0.1;")
    asked = exchange(generation, "GET / HTTP/1.1", [(b"Host", b"a"), (b"X-Real-IP", b"192.0.2.1")])
    connection = asked.connection
    answer(asked)
    assert (asked.connection.remote_addr, connection.remote_addr) == ("192.0.2.1", "127.0.0.1")


def test_a_location_that_says_the_same_has_no_handler() -> None:
    generation = serve("set_real_ip_from 127.0.0.1;", "location / { } location /own { real_ip_recursive on; }")
    server = next(iter(generation.addresses.values())).default
    found = [server.locations._longest_prefix(uri) for uri in ("/", "/own")]
    assert [len(location.preaccess) for location in found if location is not None] == [0, 1]


def test_the_proxy_protocol_names_client_and_port() -> None:
    said = Module(
        "said",
        variables=(
            Variable("proxy_protocol_addr", lambda _: "192.0.2.1"),
            Variable("proxy_protocol_port", lambda _: "81"),
        ),
    )
    generation = serve("set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol;", modules=(*MODULES, said))
    assert shown(generation) == "192.0.2.1 81 127.0.0.1 40000"


def test_names_are_looked_up() -> None:
    generation = serve("set_real_ip_from localhost;")
    assert shown(generation, (b"X-Real-IP", b"192.0.2.1")) == "192.0.2.1  127.0.0.1 40000"


@pytest.mark.parametrize("written", ["nothing.invalid", "10.0.0.0/33", "10.0.0.0/x"])
def test_what_is_no_address_is_told(written: str) -> None:
    with pytest.raises(ConfigError) as caught:
        serve(f"set_real_ip_from {written};")
    (found,) = caught.value.diagnostics
    assert found.message == f'host not found in set_real_ip_from "{written}"'
    assert found.span is not None
    assert written in found.span.text


def test_bits_without_a_meaning_are_told() -> None:
    text = "http { set_real_ip_from 10.1.0.0/8; }"
    (notice,) = check_snapshot(load(MAIN, read=lambda _: text), MODULES).notices
    assert (notice.message, notice.severity) == ("low address bits of 10.1.0.0/8 are meaningless", "warning")
