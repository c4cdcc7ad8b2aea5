"""The words of the command line, read as nginx reads them: letters may be joined, and so may a value to its letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SIGNALS = ("stop", "quit", "reopen", "reload")

_FLAGS = {"?": "help", "h": "help", "v": "version", "V": "features", "t": "test", "T": "dump", "q": "quiet"}
_VALUES = {
    "p": ("prefix", "directory name"),
    "e": ("error_log", "file name"),
    "c": ("conf", "file name"),
    "g": ("directives", "parameter"),
    "s": ("signal", "parameter"),
}


class InvalidOption(Exception):
    """A command line that means nothing; the message is nginx's."""


@dataclass(slots=True)
class Arguments:
    """What was asked for; None where nothing was said."""

    help: bool = False
    version: bool = False
    features: bool = False
    test: bool = False
    dump: bool = False
    quiet: bool = False
    prefix: str | None = None
    error_log: str | None = None
    conf: str | None = None
    directives: str | None = None
    signal: str | None = None


def parse_arguments(words: Sequence[str]) -> Arguments:
    """Raises InvalidOption."""
    found = Arguments()
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            raise InvalidOption(f'invalid option: "{word}"')
        for at, letter in enumerate(word[1:], 2):
            if letter in _FLAGS:
                setattr(found, _FLAGS[letter], True)
            elif letter in _VALUES:
                name, wanted = _VALUES[letter]
                value = word[at:] or next(rest, None)
                if value is None:
                    raise InvalidOption(f'option "-{letter}" requires {wanted}')
                setattr(found, name, value)
                break
            else:
                raise InvalidOption(f'invalid option: "{letter}"')
        if found.signal is not None and found.signal not in SIGNALS:
            raise InvalidOption(f'invalid option: "-s {found.signal}"')
    return found
