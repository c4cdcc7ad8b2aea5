"""ngx_http_access_module: allow and deny."""

from __future__ import annotations

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.generation import Generation
from pyngx.modules import MODULES
from tests.support.configure import answer, configure, exchange, in_server, messages


def site(text: str) -> Generation:
    return configure(in_server(f"access_log off; {text}"), MODULES)


def status_for(generation: Generation, address: str, line: str = "GET / HTTP/1.1") -> int:
    asked = exchange(generation, line)
    asked.connection.remote_addr = address
    return answer(asked).status


@pytest.mark.parametrize(
    ("rules", "address", "status"),
    [
        ("allow 10.0.0.0/8; deny all;", "10.1.2.3", 404),
        ("allow 10.0.0.0/8; deny all;", "11.1.2.3", 403),
        ("deny 10.1.2.3; allow 10.0.0.0/8; deny all;", "10.1.2.3", 403),
        ("allow 10.0.0.0/8; deny 10.1.2.3; deny all;", "10.1.2.3", 404),
        ("deny 10.1.2.3;", "10.1.2.4", 404),
        ("deny 10.1.2.3/24;", "10.1.2.4", 403),
        ("deny 0.0.0.0/0;", "10.1.2.4", 403),
        ("deny 0.0.0.0/0;", "2001:db8::1", 404),
        ("allow 2001:db8::/32; deny all;", "2001:db8:1::1", 404),
        ("allow 2001:db8::/32; deny all;", "2001:db9::1", 403),
        ("deny fe80::/10;", "fe80::1%eth0", 403),
        ("deny 127.0.0.1;", "::ffff:127.0.0.1", 403),
        ("deny ::/0;", "::ffff:127.0.0.1", 403),
        ("allow unix:; deny all;", "unix:", 404),
        ("deny unix:;", "unix:", 403),
        ("deny unix:;", "127.0.0.1", 404),
        ("deny all;", "unix:", 403),
        ("deny 127.0.0.1;", "unix:", 404),
        ("allow 127.0.0.1; deny all;", "who", 403),
    ],
)
def test_the_first_rule_that_fits_decides(rules: str, address: str, status: int) -> None:
    assert status_for(site(f"location / {{ {rules} }}"), address) == status


def test_a_list_of_its_own_replaces_the_outer_one() -> None:
    generation = site("deny all; location / { } location /in { allow 127.0.0.1; }")
    assert status_for(generation, "127.0.0.1") == 403
    assert status_for(generation, "127.0.0.1", "GET /in HTTP/1.1") == 404
    assert status_for(generation, "10.0.0.1", "GET /in HTTP/1.1") == 404


def test_a_refusal_is_logged() -> None:
    generation = site("deny all; location / { }")
    status_for(generation, "127.0.0.1")
    assert "access forbidden by rule" in messages(generation)


def test_return_answers_before_anybody_asks() -> None:
    assert status_for(site("location / { deny all; return 204; }"), "127.0.0.1") == 204


def test_a_location_without_rules_has_no_handler() -> None:
    names = next(iter(site("").addresses.values()))
    assert names.default.location.access == ()


@pytest.mark.parametrize("address", ["localhost", "10.0.0.0/33", "2001:db8::/129", "10.0.0", "10.0.0.0/", "unix:/x"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match=f'invalid parameter "{address}"'):
        site(f"deny {address};")


def test_bits_behind_the_prefix_are_told_once() -> None:
    generation = site("allow 10.1.2.3/8; deny all; location /a { } location /b { }")
    assert [finding.message for finding in generation.findings] == ["low address bits of 10.1.2.3/8 are meaningless"]


# limit_except


@pytest.mark.parametrize(
    ("methods", "method", "status"),
    [
        ("GET", "GET", 404),
        ("GET", "HEAD", 404),
        ("HEAD", "GET", 403),
        ("HEAD", "HEAD", 404),
        ("get", "GET", 404),
        ("POST PUT", "PUT", 405),
        ("POST", "GET", 403),
        ("GET", "BREW", 403),
        ("GET", "TRACE", 405),
    ],
)
def test_limit_except_is_for_all_but_the_named_methods(methods: str, method: str, status: int) -> None:
    generation = site(f"location / {{ limit_except {methods} {{ deny all; }} }}")
    assert status_for(generation, "127.0.0.1", f"{method} /x HTTP/1.1") == status


def test_limit_except_takes_nginx_names_only() -> None:
    with pytest.raises(ConfigError, match='invalid method "PSOT"'):
        site("location / { limit_except PSOT { deny all; } }")


def test_limit_except_keeps_the_rules_of_the_location_where_it_has_none() -> None:
    generation = site("location / { deny all; limit_except GET { access_log off; } }")
    assert status_for(generation, "127.0.0.1", "POST / HTTP/1.1") == 403


def test_rewrites_of_a_location_do_not_run_in_its_limit_except() -> None:
    generation = site("location / { limit_except GET { deny all; } return 204; }")
    assert status_for(generation, "127.0.0.1", "GET / HTTP/1.1") == 204
    assert status_for(generation, "127.0.0.1", "POST / HTTP/1.1") == 403


def test_an_error_page_is_asked_by_get() -> None:
    generation = site(
        "location / { limit_except GET { deny all; } error_page 403 /e; }"
        "location /e { limit_except GET { deny all; } return 200 page; }"
    )
    asked = exchange(generation, "POST / HTTP/1.1")
    client = answer(asked)
    assert (client.status, client.body) == (403, b"page")
