"""Regular expressions of the configuration: written for PCRE, run by Python.

`re` is the fastest of what was measured on typical locations (0.06-0.20 us a search, `regex` 0.23-0.45, a PCRE2 binding
0.9-1.2); what it doesn't know of PCRE's syntax goes to `regex`. Both match as PCRE does without UTF mode: bytes, of
which letters, digits and case are ASCII's.

`re` can't be stopped. A pattern that may take long by its form (see backtracking) is run by `regex` with a time limit:
always, if powers of two are in it, else for subjects that are long enough. The limit costs 0.7 us a search.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import regex

from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import Refused
from pyngx.core.backtracking import longest_subject
from pyngx.core.pcre import translate
from pyngx.core.pcre_class import BORDER
from pyngx.core.pcre_text import PatternError

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.core.exchange import Exchange
    from pyngx.core.pcre import Translated
    from pyngx.core.variables import Setter, Variables

PATIENCE = 0.1  # seconds that a search may take
SHOWN = 100  # characters of a subject that are logged

_WORD = "[0-9A-Za-z_]"
_LETTERS_BORDER = f"(?:(?<={_WORD})(?!{_WORD})|(?<!{_WORD})(?={_WORD}))"

_LONE = re.compile("[\udc80-\udcff]")

Groups = Sequence[str | None]
_Match = re.Match[str] | regex.Match[str] | None
_Search = Callable[[str], "_Match"]


@dataclass(frozen=True, slots=True)
class Regex:
    """A compiled expression: `search` gives the groups, or None."""

    pattern: str
    search: Callable[[str], Groups | None]
    names: tuple[tuple[str, int], ...]  # of named captures, and their group numbers from 0


def compile_regex(pattern: str, span: Span | None = None, *, ignore_case: bool = False) -> Regex:
    """Compile a pattern; raises ConfigError where it isn't valid. The search raises TimeoutError if it takes long."""
    try:
        translated = translate(pattern, ignore_case=ignore_case)
        compiled = _compile(translated, ignore_case)
    except (PatternError, re.error, regex.error) as error:
        raise ConfigError(f'invalid regular expression "{pattern}": {error}', span) from None
    except RecursionError:
        raise ConfigError(f'invalid regular expression "{pattern}": too many groups in each other', span) from None
    names = tuple((name, number - 1) for name, number in compiled.groupindex.items())
    search = _limited(compiled, translated, ignore_case)
    return Regex(pattern, _text_finder(search) if translated.is_text else _byte_finder(search), names)


def match_and_capture(
    expression: Regex, variables: Variables, span: Span | None = None
) -> Callable[[Exchange, str], bool]:
    """A test that keeps what it captures, as $1 … and as named variables, in the exchange.

    A search that takes too long is logged, and raises Refused with 500, as nginx answers at PCRE's limit.
    """
    search = expression.search
    named: list[tuple[Setter, int]] = [
        (variables.define_slot(name.lower(), span), number) for name, number in expression.names
    ]

    def test(exchange: Exchange, subject: str) -> bool:
        try:
            groups = search(subject)
        except TimeoutError:
            log_timeout(exchange, expression, subject)
            raise Refused(500) from None
        if groups is None:
            return False
        exchange.captures = groups
        for assign, number in named:
            assign(exchange, groups[number] or "")
        return True

    return test


def forgiving(test: Callable[[Exchange, str], bool]) -> Callable[[Exchange, str], bool]:
    """A test that fails where it takes too long."""

    def forgive(exchange: Exchange, subject: str) -> bool:
        try:
            return test(exchange, subject)
        except Refused:
            return False

    return forgive


def log_timeout(exchange: Exchange, expression: Regex, subject: str) -> None:
    """Tell that a search took too long."""
    shown = subject if len(subject) <= SHOWN else f"{subject[:SHOWN]}..."
    exchange.log("error", "regex_timed_out", f'regular expression "{expression.pattern}" took too long on "{shown}"')


def _compile(translated: Translated, ignore_case: bool) -> re.Pattern[str] | regex.Pattern[str]:
    if not translated.needs_regex:
        flags = (0 if translated.is_text else re.ASCII) | (re.IGNORECASE if ignore_case else 0)
        border = _LETTERS_BORDER if translated.is_text else "\\b"
        try:
            return re.compile(translated.source.replace(BORDER, border), flags)
        except re.error:  # a look behind of several lengths, a reference forwards
            pass
    return _compile_slow(translated, ignore_case)


def _compile_slow(translated: Translated, ignore_case: bool) -> regex.Pattern[str]:
    flags = (0 if translated.is_text else regex.ASCII) | (regex.IGNORECASE if ignore_case else 0)
    # to `regex`, \b is about all letters even with ASCII
    return regex.compile(translated.source.replace(BORDER, _LETTERS_BORDER), flags)


def _limited(compiled: re.Pattern[str] | regex.Pattern[str], translated: Translated, ignore_case: bool) -> _Search:
    """A search that has a time limit where it may need one."""
    if isinstance(compiled, regex.Pattern):
        return _timed(compiled)
    longest = longest_subject(translated.shape, translated.is_anchored)
    plain = compiled.search
    if longest is None:
        return plain
    timed = cache(lambda: _timed(_compile_slow(translated, ignore_case)))

    def search(subject: str) -> _Match:
        return plain(subject) if len(subject) <= longest else timed()(subject)

    return search


def _timed(compiled: regex.Pattern[str]) -> _Search:
    search = compiled.search
    return lambda subject: search(subject, timeout=PATIENCE)


def _text_finder(search: _Search) -> Callable[[str], Groups | None]:
    """What sees characters; nothing fits a subject that is not UTF-8."""

    def find(subject: str) -> Groups | None:
        if _LONE.search(subject) is not None:
            return None
        match = search(subject)
        return match.groups() if match is not None else None

    return find


def _byte_finder(search: _Search) -> Callable[[str], Groups | None]:
    """What sees each byte of a subject as a character; for ASCII they are the same."""

    def find(subject: str) -> Groups | None:
        if subject.isascii():
            match = search(subject)
            return match.groups() if match is not None else None
        match = search(subject.encode("utf-8", "surrogateescape").decode("latin-1"))
        return [_decoded(group) for group in match.groups()] if match is not None else None

    return find


def _decoded(group: str | None) -> str | None:
    return group.encode("latin-1").decode("utf-8", "surrogateescape") if group is not None else None
