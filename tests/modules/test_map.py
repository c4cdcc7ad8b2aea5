"""`map`: tables of values."""

from __future__ import annotations

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.generation import Generation
from pyngx.modules import core, map, rewrite
from tests.support.configure import ask, configure, messages

MODULES = (core.MODULE, map.MODULE, rewrite.MODULE)


def serve(maps: str, rules: str = 'return 200 "$x";') -> Generation:
    return configure(f"http {{ {maps} server {{ server_name here; {rules} }} }}", MODULES)


def get(maps: str, target: str, rules: str = 'return 200 "$x";') -> str:
    return ask(serve(maps, rules), f"GET {target} HTTP/1.1").body.decode()


NAMES = """
    map $args $x {
        hostnames;
        default              default;
        example.com          exact;
        example.*            right;
        *.example.com        left;
        *.a.example.com      longer;
        .dot.example.com     both;
        www.*                www;
        www.foo.*            wwwfoo;
        ~^RE\\.example\\.org$  sensitive;
        ~*^www\\.re\\.(org)$   "no: www.* comes first";
        ~*^ww\\.re\\.(org)$    "insensitive $1";
        ""                   empty;
    }
"""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("none", "default"),
        ("example.com", "exact"),
        ("EXAMPLE.com", "exact"),
        ("example.com.", "exact"),
        ("example.org", "right"),
        ("example.", "default"),
        ("example..", "right"),
        ("b.example.com", "left"),
        ("b.example.com.", "left"),
        (".example.com", "left"),
        ("a.example.com", "left"),
        ("b.a.example.com", "longer"),
        ("dot.example.com", "both"),
        ("b.dot.example.com", "both"),
        ("www.org", "www"),
        ("www.foo.org", "wwwfoo"),
        ("www.foo", "www"),
        ("RE.example.org", "sensitive"),
        ("re.example.org", "default"),
        ("WWW.RE.org", "www"),
        ("WW.RE.ORG", "insensitive ORG"),
        ("", "empty"),
    ],
)
def test_host_names_are_found_as_server_names_are(text: str, value: str) -> None:
    assert get(NAMES, f"/?{text}") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("*.b", "star"),
        ("a.b", ""),
        ("default", "d"),
        ("~a", "tilde"),
        ("\\a", "backslash"),
        ("include", "i"),
        ("hostnames", "h"),
        ("server", "here"),
        ("two", "here:two"),
    ],
)
def test_keys_are_plain_texts_and_a_backslash_makes_special_ones_plain(text: str, value: str) -> None:
    maps = """
        map $args $x {
            *.b star; \\default d; \\~a tilde; \\\\\\a backslash; \\include i; hostnames h;
            server $server_name; two $server_name:$args;
        }
    """
    assert get(maps, f"/?{text}") == value


def test_regexes_are_tried_in_their_order_and_give_captures() -> None:
    maps = 'map $args $x { ~^a(?<rest>.*)$ "1 $rest"; ~^ab "2"; ~(b)(c)? "3 $1$2"; }'
    assert [get(maps, f"/?{text}") for text in ("abc", "bc", "b", "c")] == ["1 bc", "3 bc", "3 b", ""]


def test_no_regex_is_tried_on_an_empty_text() -> None:
    assert get("map $args $x { ~^ any; }", "/") == ""


def test_maps_refer_to_each_other_in_any_order() -> None:
    maps = "map $args $x { default x$y; } map $args $y { a $z; } map $uri$args $z { /a z; } "
    assert get(maps, "/?a") == "xz"


def test_a_value_is_kept_unless_it_is_volatile() -> None:
    maps = "map $uri $x { default $uri; } map $uri $y { volatile; default $uri; }"
    rules = 'set $before "$x $y"; rewrite ^ /b; return 200 "$before $x $y";'
    assert get(maps, "/a", rules) == "/a /a /a /b"


def test_set_overrules_a_map() -> None:
    assert get("map $args $x { default a; }", "/", 'set $old $x; set $x b; return 200 "$old$x";') == "ab"


def test_a_map_may_take_the_name_of_a_field() -> None:
    assert get("map $args $http_x { default mapped; }", "/", "return 200 $http_x;") == "mapped"


def test_a_cycle_of_maps_ends_empty_and_is_logged() -> None:
    generation = serve("map $args $x { default x$y; } map $args $y { default y$x; }")
    assert ask(generation, "GET / HTTP/1.1").body == b"xy"
    assert messages(generation) == ['cycle while evaluating variable "x"']


def test_letters_outside_ascii_keep_their_case() -> None:
    assert [get("map $arg_a $x { É found; }", f"/?a={text}") for text in ("É", "é")] == ["found", ""]


def test_a_lookup_costs_the_same_whatever_the_number_of_entries() -> None:
    lines = "".join(f"key{number} value{number};" for number in range(3000))
    assert get(f"map $args $x {{ {lines} }}", "/?key2999") == "value2999"


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("map $args x { }", 'invalid variable name "x"', "x"),
        ("map $args $uri { }", 'the duplicate "uri" variable', "uri"),
        ("map $nope $x { }", 'unknown "nope" variable', "$nope"),
        ("map $args $x { a $nope; }", 'unknown "nope" variable', "$nope"),
        ("map $args $x { a b c; }", "invalid number of the map parameters", "a b c;"),
        ("map $args $x { a; }", "invalid number of the map parameters", "a;"),
        ("map $args $x { a { } }", 'unexpected "{"', "a {"),
        ("map $args $x { default 1; default 2; }", "duplicate default map parameter", "default 2;"),
        ("map $args $x { a 1; A 2; }", 'conflicting parameter "A"', "A"),
        ("map $args $x { hostnames; a 1; .a 2; }", 'conflicting parameter ".a"', ".a"),
        ("map $args $x { hostnames; .a 1; a 2; }", 'conflicting parameter "a"', "a"),
        ("map $args $x { hostnames; *.a 1; .a 2; }", 'conflicting parameter ".a"', ".a"),
        ("map $args $x { hostnames; a.* 1; a.* 2; }", 'conflicting parameter "a.*"', "a.*"),
        ("map $args $x { hostnames; a..b 1; }", 'invalid hostname or wildcard "a..b"', "a..b"),
        ("map $args $x { hostnames; a*.b 1; }", 'invalid hostname or wildcard "a*.b"', "a*.b"),
        ("map $args $x { hostnames; *.* 1; }", 'invalid hostname or wildcard "*.*"', "*.*"),
        ("map $args $x { ~( 1; }", 'invalid regular expression "(": missing closing parenthesis', "("),
    ],
)
def test_a_slip_is_named_and_shown(text: str, message: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        serve(text, "return 200;")
    (found,) = caught.value.diagnostics
    assert (found.message, found.span.text if found.span is not None else "") == (message, place)
