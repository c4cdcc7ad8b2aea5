"""Reads a configuration with all that it includes, once, into a value."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from errno import ENOENT
from fnmatch import fnmatchcase
from glob import glob

from pyngx.config import syntax
from pyngx.config.diagnostics import ConfigError, Diagnostic, did_you_mean
from pyngx.config.source import COMMAND_LINE, Source
from pyngx.config.syntax import Node

WILDCARDS = frozenset("*?[")

Read = Callable[[str], str]
Find = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A configuration as it was when it was read; everything later works on this and never on the disk.

    `sources` holds each file once, in the order of first reading; `nodes` is the tree with the included directives in
    the place of each `include`; `masks` are the patterns and paths that it depends on, to be watched.
    """

    main: Source
    sources: tuple[Source, ...]
    nodes: tuple[Node, ...]
    masks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is gathered while files are read."""

    directory: str
    read: Read
    find: Find
    parsed: dict[str, tuple[Node, ...]] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    masks: dict[str, None] = field(default_factory=dict)
    errors: dict[Diagnostic, None] = field(default_factory=dict)


def read_file(path: str) -> str:
    """A file's text; bytes that are not UTF-8 survive as lone surrogates."""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        return file.read()


def find_files(mask: str) -> list[str]:
    """Paths that match a pattern, in the order of glob(3)."""
    return sorted(glob(mask))


def load(path: str, read: Read = read_file, globals_text: str = "", find: Find = find_files) -> Snapshot:
    """Reads a file and what it includes; raises ConfigError with the syntax errors of all files.

    `globals_text` are the directives of `-g`: they come first.
    """
    path = os.path.abspath(path)
    reading = _Reading(os.path.dirname(path), read, find)
    nodes: tuple[Node, ...] = ()
    if globals_text:
        nodes = _expanded(_parsed(Source(COMMAND_LINE, globals_text), reading), reading, ())
        blocks = (node.span for node in nodes if node.block is not None)
        message = "block directives are not supported in -g option"
        reading.errors.update({Diagnostic(message, span): None for span in blocks if span.path == COMMAND_LINE})
    reading.masks[path] = None
    nodes += _file(path, reading, ())
    if reading.errors:
        raise ConfigError.of(reading.errors)
    main = next(source for source in reading.sources if source.path == path)
    return Snapshot(main, tuple(reading.sources), nodes, tuple(reading.masks))


def from_memory(texts: Mapping[str, str]) -> tuple[Read, Find]:
    """`read` and `find` over texts by absolute path instead of the disk."""

    def read(path: str) -> str:
        if path not in texts:
            raise FileNotFoundError(2, "No such file or directory", path)
        return texts[path]

    def find(mask: str) -> list[str]:
        # "*" stops at "/", so a pattern must be matched part by part
        parts = mask.split("/")
        return sorted(
            path
            for path in texts
            if len(names := path.split("/")) == len(parts) and all(map(fnmatchcase, names, parts))
        )

    return read, find


def _file(path: str, reading: _Reading, chain: tuple[Node, ...]) -> tuple[Node, ...]:
    """The directives of a file, its includes expanded. A file that is included twice is read once."""
    if path not in reading.parsed:
        try:
            source = Source(path, reading.read(path))
        except OSError as error:
            reading.errors[_unreadable(path, error, reading, chain)] = None
            return ()
        reading.parsed[path] = _parsed(source, reading)
    return _expanded(reading.parsed[path], reading, chain)


def _parsed(source: Source, reading: _Reading) -> tuple[Node, ...]:
    reading.sources.append(source)
    nodes, errors = syntax.read(source)
    reading.errors.update(dict.fromkeys(errors))
    return nodes


def _expanded(nodes: tuple[Node, ...], reading: _Reading, chain: tuple[Node, ...]) -> tuple[Node, ...]:
    """The same directives with each include replaced by what it names; the very same tuple if there is none."""
    result: list[Node] = []
    is_same = True
    for node in nodes:
        if node.name.text == "include":
            result += _included(node, reading, (*chain, node))
            is_same = False
        elif node.block:
            inside = _expanded(node.block, reading, chain)
            result.append(node if inside is node.block else replace(node, block=inside))
            is_same = is_same and inside is node.block
        else:
            result.append(node)
    return nodes if is_same else tuple(result)


def _included(node: Node, reading: _Reading, chain: tuple[Node, ...]) -> list[Node]:
    problem = _misuse(node)
    if problem:
        reading.errors[Diagnostic(problem, node.span, "usage: include file | mask;")] = None
        return []
    path = os.path.join(reading.directory, node.args[0].text)
    reading.masks[path] = None
    paths = reading.find(path) if WILDCARDS.intersection(path) else [path]
    nodes: list[Node] = []
    for each in paths:
        if any(each == link.span.path for link in chain):
            reading.errors[_circle(each, node, chain)] = None
        else:
            nodes += _file(each, reading, chain)
    return nodes


def _misuse(node: Node) -> str:
    if node.block is not None:
        return 'directive "include" is not terminated by ";"'
    return "" if len(node.args) == 1 else 'invalid number of arguments in "include" directive'


def _circle(path: str, node: Node, chain: tuple[Node, ...]) -> Diagnostic:
    steps = [f"{link.span} includes {link.args[0].text}" for link in chain]
    return Diagnostic(f'"{path}" includes itself', node.args[0].span, "\n".join(steps))


def _unreadable(path: str, error: OSError, reading: _Reading, chain: tuple[Node, ...]) -> Diagnostic:
    """nginx's message for a file that can't be opened, and the name that may have been meant."""
    message = f'open() "{path}" failed ({error.errno}: {error.strerror})'
    if not chain:
        return Diagnostic(message)
    directory, name = os.path.split(path)
    neighbours = (os.path.basename(each) for each in reading.find(os.path.join(directory, "*")))
    lines = [did_you_mean(name, neighbours)] if error.errno == ENOENT else []
    word = chain[-1].args[0]
    if not os.path.isabs(word.text):
        lines.append(f"a relative path starts at the directory of the main file, {reading.directory}")
    return Diagnostic(message, word.span, "\n".join(filter(None, lines)))
