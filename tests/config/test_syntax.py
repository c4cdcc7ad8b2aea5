"""The language: what nginx's lexer makes of words, and what is said about a text that it would refuse."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyngx.config.diagnostics import ConfigError, render
from pyngx.config.source import COMMAND_LINE, Source
from pyngx.config.syntax import DEEPEST, Node, parse

GOLDEN = Path(__file__).parent / "golden" / "syntax"


def words(text: str) -> list[str]:
    (node,) = parse(Source("x.conf", text))
    return [node.name.text, *(word.text for word in node.args)]


def message(text: str, path: str = "x.conf") -> str:
    with pytest.raises(ConfigError) as caught:
        parse(Source(path, text))
    return caught.value.diagnostics[0].summary


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b;", ["a", "b"]),
        ("a\t b\r\n c ;", ["a", "b", "c"]),
        ("a b#c #d;\n e;", ["a", "b#c", "e"]),
        ('a "b c" \'d "e\';', ["a", "b c", 'd "e']),
        ('a b"c"d;', ["a", 'b"c"d']),
        (r'a "b\"c" \;d e\ f;', ["a", 'b"c', r"\;d", r"e\ f"]),
        (r"a b\tc\n\r\\d\.e\'f;", ["a", "b\tc\n\r\\d\\.e'f"]),
        ("a ${b}c$${d;", ["a", "${b}c$${d"]),
        ("a ${{{b}}};", ["a", "${{{b}}}"]),
        ('if ($a = "x") { }', ["if", "($a", "=", "x", ")"]),
        ('if ($a = "x"){ }', ["if", "($a", "=", "x", ")"]),
        ("a b} c;", ["a", "b}", "c"]),
        ('"a" "";', ["a", ""]),
        ("a 'b;{}#c\nd';", ["a", "b;{}#c\nd"]),
        ("a~b{}", ["a~b"]),
        ("location ~ \\.(gif|jpg)$ {}", ["location", "~", "\\.(gif|jpg)$"]),
        ('a "$";', ["a", "$"]),
        ("é \udcff;", ["é", "\udcff"]),
    ],
)
def test_words_are_nginxs(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_places() -> None:
    source = Source("x.conf", 'a  "b c" d;\nb {\n  e\n;\n}')
    first, second = parse(source)
    assert (first.args[0].span.text, first.args[0].quoted, str(first.span)) == ('"b c"', True, "x.conf:1")
    assert (first.span.text, second.span.text, second.end.text) == ('a  "b c" d;', "b {", "}")
    assert second.block is not None
    assert (second.block[0].end.line, second.block[0].name.span.column) == (4, 3)


def test_a_part_of_a_word_knows_its_place() -> None:
    (node,) = parse(Source("x.conf", 'a "k=v" k=w k=\\\';'))
    assert [word.part(2).text for word in node.args] == ["v", "w", "'"]
    assert [word.part(2).span.text for word in node.args] == ["v", "w", "k=\\'"]


def test_a_tree_survives_pickling() -> None:
    nodes = parse(Source("x.conf", "a { b 'c'; }"))
    assert pickle.loads(pickle.dumps(nodes)) == nodes


def test_blocks_can_not_be_nested_without_end() -> None:
    assert message("a{" * 2000 + "}" * 2000) == "blocks are nested too deeply in x.conf:1"


def test_the_deepest_blocks_survive_pickling() -> None:
    nodes = parse(Source("x.conf", "a{" * DEEPEST + "}" * DEEPEST))
    assert pickle.loads(pickle.dumps(nodes)) == nodes


def test_a_file_that_is_no_configuration_is_refused_quickly_and_briefly() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(Source("x.log", 'it\'s a line of "words"x\n' * 20_000))
    assert len(caught.value.diagnostics) <= 20


def test_the_command_line_has_no_line_numbers() -> None:
    assert message("daemon off", COMMAND_LINE) == 'unexpected end of parameter, expecting ";" in command line'


def outline(nodes: tuple[Node, ...], indent: str = "") -> str:
    """A tree as lines of Python-like words."""
    lines = ""
    for node in nodes:
        shown = " ".join(repr(word.text) for word in (node.name, *node.args))
        lines += f"{indent}{shown}{'' if node.block is None else ' {}'}\n" + outline(node.block or (), indent + "    ")
    return lines


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.conf")), ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    text, _, expected = path.read_text().partition("----------\n")
    assert result_of(text) == expected


def result_of(text: str) -> str:
    try:
        return outline(parse(Source("x.conf", text)))
    except ConfigError as error:
        return "\n\n".join(map(render, error.diagnostics)) + "\n"


PIECES = st.sampled_from(
    ["a", " ", ";", "{", "}", '"', "'", "#", "\\", "$", "\n", ")", "${", "\\n", "server", "\t", "\r", "é"]
)


@given(st.one_of(st.lists(PIECES, max_size=40).map("".join), st.text(max_size=30)))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    source = Source("x.conf", text)
    try:
        parse(source)
    except ConfigError as error:
        for diagnostic in error.diagnostics:
            assert diagnostic.span is not None
            assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
            assert render(diagnostic).startswith(diagnostic.summary)


def printed(nodes: tuple[Node, ...]) -> str:
    return "".join(
        " ".join(quoted(word.text) for word in (node.name, *node.args))
        + (";" if node.block is None else " {" + printed(node.block) + "}")
        for node in nodes
    )


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(st.lists(st.text(max_size=6), min_size=1), st.integers(0, 2))
@settings(deadline=None)
def test_a_printed_tree_is_read_back(texts: list[str], depth: int) -> None:
    head = " ".join(map(quoted, texts))
    nodes = parse(Source("x.conf", f"{head} {{" * depth + f"{head};" + "}" * depth))
    again = parse(Source("x.conf", printed(nodes)))
    assert outline(again) == outline(nodes)
    node = again[0]
    assert [node.name.text, *(word.text for word in node.args)] == texts
