"""`geo`: tables of addresses."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyngx.config.diagnostics import ConfigError
from pyngx.config.include import load
from pyngx.core.generation import Generation
from pyngx.core.load import check_snapshot
from pyngx.core.networks import Network, parse_address, show_number
from pyngx.modules import core, geo, rewrite
from pyngx.modules.geo_table import Overlap, Ranges, Tree
from tests.support.configure import MAIN, ask, configure, messages

MODULES = (core.MODULE, geo.MODULE, rewrite.MODULE)


def serve(lines: str, words: str = "$arg_ip $x", rules: str = 'return 200 "$x";') -> Generation:
    return configure(f"http {{ geo {words} {{ {lines} }} server {{ {rules} }} }}", MODULES)


def get(generation: Generation, address: str, *fields: tuple[bytes, bytes]) -> str:
    return ask(generation, f"GET /?ip={address} HTTP/1.1", [(b"Host", b"a"), *fields]).body.decode()


def test_the_longest_network_counts() -> None:
    generation = serve("default d; 10.0.0.0/8 eight; 10.1.0.0/16 sixteen; 10.1.2.3 one; 2001:db8::/32 six; ::/1 half;")
    found = [get(generation, ip) for ip in ("10.0.0.1", "10.1.0.1", "10.1.2.3", "10.1.2.4", "11.0.0.0", "2001:db8::1")]
    assert found == ["eight", "sixteen", "one", "sixteen", "d", "six"]
    assert [get(generation, ip) for ip in ("::1", "8000::", "::ffff:10.1.2.3", "x", "")] == [
        "half",
        "d",
        "one",
        "d",
        "d",
    ]


def test_without_a_default_other_addresses_have_an_empty_value() -> None:
    assert get(serve("10.0.0.0/8 a;"), "11.0.0.1") == ""


def test_what_is_no_address_counts_as_the_last_one() -> None:
    generation = serve("default d; 255.255.255.255 none;")
    assert [get(generation, ip) for ip in ("x", "255.255.255.255", "255.255.255.254")] == ["none", "none", "d"]


def test_the_client_s_address_is_the_source_unless_another_is_named() -> None:
    assert get(serve("127.0.0.0/8 loop;", "$x"), "10.0.0.1") == "loop"


def test_networks_can_be_deleted_before_they_come_again() -> None:
    generation = serve("0.0.0.0/0 w; 10.0.0.0/8 a; delete 10.0.0.0/8; 11.0.0.0/8 b; delete 11.0.0.0/8; 11.0.0.0/8 c;")
    assert [get(generation, ip) for ip in ("10.0.0.1", "11.0.0.1")] == ["w", "c"]


def test_proxies_say_the_address() -> None:
    lines = "proxy 127.0.0.0/8; proxy 10.0.0.0/8; 127.0.0.0/8 loop; 10.0.0.0/8 ten; 192.0.2.0/24 net; default d;"
    fields = (b"X-Forwarded-For", b"192.0.2.1, 10.0.0.1")
    assert get(serve(lines, "$x"), "", fields) == "ten"
    assert get(serve("proxy_recursive; " + lines, "$x"), "", fields) == "net"
    assert get(serve(lines, "$x"), "") == "loop"
    assert get(serve(lines), "192.0.2.9", fields) == "net"  # that address is no proxy
    assert get(serve(lines), "nonsense", fields) == "d"


def test_ranges_lie_in_each_other_and_split() -> None:
    generation = serve(
        """
        ranges; default d;
        10.0.0.0-10.2.255.255 all;
        10.0.0.5-10.0.0.9 inside; 10.0.0.5-10.0.0.5 first; 10.0.0.9-10.0.0.9 last; 10.0.0.7-10.0.0.7 middle;
        delete 10.0.0.5-10.0.0.5;
        """
    )
    ends = ("10.0.0.0", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.8", "10.0.0.9", "10.0.0.10")
    assert [get(generation, ip) for ip in ends] == ["all", "all", "d", "inside", "middle", "inside", "last", "all"]
    others = ("9.255.255.255", "10.2.255.255", "10.3.0.0", "::1", "::ffff:10.0.0.7", "x")
    assert [get(generation, ip) for ip in others] == ["d", "all", "d", "d", "middle", "d"]


def test_ranges_go_to_the_end() -> None:
    generation = serve("ranges; 0.0.0.0-255.255.255.254 all;")
    assert [get(generation, ip) for ip in ("0.0.0.0", "255.255.255.254", "255.255.255.255")] == ["all", "all", ""]


def test_a_value_is_kept_unless_it_is_volatile() -> None:
    rules = 'set $before $x; set $args ip=10.0.0.2; return 200 "$before $x";'
    lines = "10.0.0.1 one; 10.0.0.2 two;"
    assert get(serve(lines, rules=rules), "10.0.0.1") == "one one"
    assert get(serve(f"volatile; {lines}", rules=rules), "10.0.0.1") == "one two"


def test_a_table_that_asks_for_itself_is_empty_and_logged() -> None:
    generation = serve("default d;", "$x $x")
    assert get(generation, "") == "d"
    assert messages(generation) == ['cycle while evaluating variable "x"']


@pytest.mark.parametrize(
    ("lines", "message", "place"),
    [
        ("10.0.0.0/33 a;", 'invalid network "10.0.0.0/33"', "10.0.0.0/33"),
        ("delete x;", 'invalid network "x"', "x"),
        ("proxy x;", 'invalid network "x"', "x"),
        ("10.0.0.0/8 a b;", "invalid number of the geo parameters", "10.0.0.0/8 a b;"),
        ("10.0.0.0/8;", "invalid number of the geo parameters", "10.0.0.0/8;"),
        ("10.0.0.0/8 a; ranges;", 'the "ranges" directive must be the first directive inside "geo" block', "ranges;"),
        ("ranges; 10.0.0.0/8 a;", 'invalid range "10.0.0.0/8"', "10.0.0.0/8"),
        ("ranges; 10.0.0.2-10.0.0.1 a;", 'invalid range "10.0.0.2-10.0.0.1"', "10.0.0.2-10.0.0.1"),
        ("ranges; 10.0.0.2-255.255.255.255 a;", 'invalid range "10.0.0.2-255.255.255.255"', "10.0.0.2-255.255.255.255"),
        (
            "ranges; 10.0.0.5-10.0.0.9 a; 10.0.0.1-10.0.0.5 b;",
            'range "10.0.0.1-10.0.0.5" overlaps "10.0.0.5-10.0.0.9"',
            "10.0.0.1-10.0.0.5",
        ),
    ],
)
def test_a_slip_is_named_and_shown(lines: str, message: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        serve(lines)
    (found,) = caught.value.diagnostics
    assert (found.message, found.span.text if found.span is not None else "") == (message, place)


@pytest.mark.parametrize("words", ["x", "$arg_ip x", "$"])
def test_variables_begin_with_a_dollar(words: str) -> None:
    with pytest.raises(ConfigError, match="invalid variable name"):
        serve("", words)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("10.1.0.0/8 a;", "low address bits of 10.1.0.0/8 are meaningless"),
        ("10.0.0.0/8 a; 10.0.0.0/8 b;", 'duplicate network "10.0.0.0/8", value: "b", old value: "a"'),
        ("default a; default b;", 'duplicate network "default", value: "b", old value: "a"'),
        ("delete 10.0.0.0/8;", 'no network "10.0.0.0/8" to delete'),
        ("ranges; default a; default b;", 'duplicate default geo range value: "b", old value: "a"'),
        (
            "ranges; 1.0.0.0-1.0.0.9 a; 1.0.0.0-1.0.0.9 b;",
            'duplicate range "1.0.0.0-1.0.0.9", value: "b", old value: "a"',
        ),
        ("ranges; 1.0.0.0-1.0.0.9 a; delete 1.0.0.0-1.0.0.8;", 'no address range "1.0.0.0-1.0.0.8" to delete'),
    ],
)
def test_what_looks_like_a_slip_is_told(lines: str, message: str) -> None:
    text = f"http {{ geo $x {{ {lines} }} }}"
    (notice,) = check_snapshot(load(MAIN, read=lambda _: text), MODULES).notices
    assert (notice.message, notice.severity) == (message, "warning")


def _network(number: int, length: int) -> Network:
    host_part = (1 << 32 - length) - 1
    return Network(4, number & ~host_part, number | host_part)


numbers = st.integers(0, 15).map(lambda number: number << 28) | st.integers(0, 2**32 - 2)


@given(st.dictionaries(st.builds(_network, numbers, st.integers(0, 32)), st.sampled_from("abc")), numbers)
def test_networks_are_found_as_by_looking_at_all(values: dict[Network, str], number: int) -> None:
    table = Tree(dict(values)).table()
    around = [network for network in values if network.first <= number <= network.last]
    assert table.find(show_number(4, number)) == (values[max(around, key=lambda each: each.length)] if around else "")


ranges = st.tuples(st.integers(0, 0x30000), st.integers(0, 0x30000)).map(lambda pair: (min(pair), max(pair)))


@given(st.lists(st.tuples(ranges, st.sampled_from("abc"))), st.lists(st.integers(0, 0x30000)))
def test_ranges_are_found_as_by_looking_at_all(added: list[tuple[tuple[int, int], str]], asked: list[int]) -> None:
    table, taken = Ranges(), []
    for (first, last), value in added:
        try:
            table.add(first, last, value)
        except Overlap:
            return  # nginx refuses the table
        taken.append((first, last, value))
    for number in asked:
        values = [value for first, last, value in taken if first <= number <= last]
        assert table.table("d").find_number(4, number) == (values[-1] if values else "d")


def test_a_hundred_thousand_networks_take_little_time() -> None:
    tree = Tree()
    started = time.process_time()
    for number in range(100_000):
        found = parse_address(f"{number >> 16}.{number >> 8 & 255}.{number & 255}.0")
        assert found is not None
        tree.add(Network(4, found[1], found[1] | 255), f"{number % 50}")
    table = tree.table()
    assert time.process_time() - started < 5
    assert table.find("1.134.159.7") == "49"
