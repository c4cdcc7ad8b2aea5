"""Ways to balance, as a configuration names them."""

from __future__ import annotations

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.generation import Generation
from pyngx.modules import (
    core,
    proxy,
    upstream,
    upstream_hash,
    upstream_ip_hash,
    upstream_least_conn,
    upstream_random,
)
from pyngx.modules.upstream import Upstream
from pyngx.upstream.group import Group
from pyngx.upstream.peer import Peer
from tests.support.live import build_text, open_exchange

MODULES = (
    core.MODULE,
    upstream.MODULE,
    upstream_hash.MODULE,
    upstream_ip_hash.MODULE,
    upstream_least_conn.MODULE,
    upstream_random.MODULE,
    proxy.MODULE,
)
SERVERS = "server 127.0.0.1:1; server 127.0.0.1:2; server 127.0.0.1:3;"


def built(*groups: str) -> tuple[Generation, list[Group]]:
    """A configuration with these groups."""
    blocks = "".join(f"upstream u{at} {{ {text} }}" for at, text in enumerate(groups))
    locations = "".join(f"location /u{at} {{ proxy_pass http://u{at}; }}" for at in range(len(groups)))
    found: list[Group] = []

    def note(build: object) -> None:
        found.extend(
            named.group
            for at in range(len(groups))
            if isinstance(named := build.named(Upstream, f"u{at}"), Upstream)  # type: ignore[attr-defined]
        )

    noting = core.MODULE.__class__("noting", define=note)
    generation = build_text(f"events {{ }} http {{ {blocks} server {{ listen 80; {locations} }} }}", (*MODULES, noting))
    return generation, found


def ports(text: str, *targets: str) -> str:
    """The ports that requests are sent to."""
    generation, [group] = built(text)
    asked = ""
    for target in targets:
        exchange = open_exchange(generation, f"GET {target} HTTP/1.1")
        exchange.args = target.partition("?")[2]
        tried: set[Peer] = set()
        peer = group.select(tried, 100, group.begin(exchange) if group.begin is not None else None)
        assert peer is not None
        group.succeeded(peer)
        asked += str(peer.address.port)
    return asked


TARGETS = [f"/?k={number}" for number in (1, 2, 3, 4, 5, 1)]


@pytest.mark.parametrize("text", ["", "least_conn;", "hash $arg_k; least_conn;", "random; hash $arg_other;"])
def test_servers_take_turns(text: str) -> None:
    assert ports(text + SERVERS, *TARGETS) == "123123"
    assert ports(SERVERS + text, *TARGETS) == "123123"


@pytest.mark.parametrize("text", ["hash constant;", "hash constant consistent;", "ip_hash;", "hash $remote_addr;"])
def test_all_requests_have_the_same_server(text: str) -> None:
    assert len(set(ports(text + SERVERS, *TARGETS))) == 1
    assert len(set(ports(SERVERS + text, *TARGETS))) == 1


@pytest.mark.parametrize("text", ["hash $arg_k;", "hash ${arg_k}x consistent;"])
def test_each_key_has_a_server(text: str) -> None:
    asked = ports(text + SERVERS, *TARGETS)
    assert asked[0] == asked[-1]
    assert len(set(asked)) > 1


@pytest.mark.parametrize("text", ["random;", "random two;", "random two least_conn;"])
def test_chance_asks_any(text: str) -> None:
    assert set(ports(text + SERVERS, *["/"] * 100)) == set("123")


def test_variables_of_a_key_may_be_defined_later() -> None:
    with pytest.raises(ConfigError, match='unknown "nothing" variable'):
        built("hash $nothing;" + SERVERS)


def test_groups_may_share_a_zone_and_need_no_size() -> None:
    _, groups = built("zone shared 1m;" + SERVERS, "zone shared;" + SERVERS, "zone other;" + SERVERS)
    assert len(groups) == 3


def test_keepalive_may_be_local() -> None:
    built("keepalive 4 local;" + SERVERS, "keepalive 0;" + SERVERS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hash;" + SERVERS, 'invalid number of arguments in "hash" directive'),
        ("hash $arg_a sometimes;" + SERVERS, 'invalid parameter "sometimes"'),
        ("random three;" + SERVERS, 'invalid parameter "three"'),
        ("random two least_time;" + SERVERS, 'invalid parameter "least_time"'),
        ("keepalive 4 global;" + SERVERS, 'invalid parameter "global"'),
        ("zone a x;" + SERVERS, 'invalid zone size "x"'),
        ("zone a 1k;" + SERVERS, 'zone "a" is too small'),
        ("hash a; server 127.0.0.1; server 127.0.0.2 backup;", 'balancing method does not support parameter "backup"'),
        ("ip_hash; server 127.0.0.1; server 127.0.0.2 backup;", 'balancing method does not support parameter "backup"'),
        ("random; server 127.0.0.1; server 127.0.0.2 backup;", 'balancing method does not support parameter "backup"'),
        ("server 127.0.0.1 backup; least_conn;", 'no servers but backups are inside upstream "u0"'),
        ("least_conn;", 'no servers are inside upstream "u0"'),
    ],
)
def test_what_is_wrong_is_told(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        built(text)
    assert message in caught.value.diagnostics[0].message
    assert caught.value.diagnostics[0].span is not None


def test_all_wrong_groups_are_told() -> None:
    with pytest.raises(ConfigError) as caught:
        built("zone a 1m;" + SERVERS, "zone a 2m;" + SERVERS, "least_conn;")
    assert [found.message for found in caught.value.diagnostics][:2] == [
        'the size 2097152 of shared memory zone "a" conflicts with already declared size 1048576',
        'no servers are inside upstream "u2"',
    ]


def test_a_wrong_group_is_told_of_once() -> None:
    with pytest.raises(ConfigError) as caught:
        built("least_conn;", "random; server 127.0.0.1; server 127.0.0.2 backup;")
    assert [found.message for found in caught.value.diagnostics] == [
        'no servers are inside upstream "u0"',
        'balancing method does not support parameter "backup"',
    ]


def test_backups_above_the_method_are_taken_as_nginx_takes_them() -> None:
    _, [group] = built("server 127.0.0.1:1; server 127.0.0.1:2 backup; hash a;")
    assert len(group.backups) == 1
