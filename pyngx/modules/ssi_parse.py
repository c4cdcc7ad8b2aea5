"""The commands in a page, found as the page comes in (ngx_http_ssi_parse).

Text between commands is searched, not read; within `<!--#` and `-->` each byte is a step of a state machine, whose
states are methods that give the next one. What looks like a command and isn't one is skipped up to its `-->`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.http.codec import text

if TYPE_CHECKING:
    from typing import TypeAlias

START = b"<!--#"
SPACE = frozenset(b" \r\n\t")
DASH, EQUALS, BACKSLASH, END = b"-=\\>"
QUOTES = frozenset(b"\"'")
LONGEST_NAME = 32  # bytes of a command's name, and of a parameter's


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it is written."""

    name: str
    parameters: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        words = [self.name, *(f'{name}="{value}"' for name, value in self.parameters)]
        return f"<!--#{' '.join(words)} -->"


@dataclass(frozen=True, slots=True)
class Malformed:
    """The end of something that is no command."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with it, at its first wrong byte."""

    why: str


Item: TypeAlias = "bytes | Command | Malformed | Complaint"
State = Callable[[int], "State"]


class Parser:
    """Gives a page's text and commands in order; `next` gives None where more of the page is needed."""

    def __init__(self, longest_value: int) -> None:
        self._longest_value = longest_value
        self._data = b""
        self._at = 0
        self._state: State | None = None  # None: in text
        self._done: Item | None = None
        self._complaint = ""
        self._name = bytearray()
        self._parameters: list[tuple[bytearray, bytearray]] = []
        self._quote = 0

    def add(self, data: bytes) -> None:
        """More of the page."""
        self._data = self._data[self._at :] + data
        self._at = 0

    def next(self) -> Item | None:
        """The next of what is there."""
        return self._text() if self._state is None else self._command()

    def _text(self) -> bytes | Command | Malformed | Complaint | None:
        data, at = self._data, self._at
        end = data.find(START, at)
        if end < 0:
            self._at = end = len(data) - _begun(data, at)
            return data[at:end] if end > at else None
        self._at = end + len(START)
        self._state = self._before_name
        return data[at:end] if end > at else self._command()

    def _command(self) -> Item | None:
        data, state = self._data, self._state
        for at in range(self._at, len(data)):
            assert state is not None
            state = state(data[at])
            if self._complaint or self._done is not None:
                self._at = at + 1
                self._state = state
                return self._found()
        self._at = len(data)
        self._state = state
        return None

    def _found(self) -> Item:
        if self._complaint:
            found: Item = Complaint(self._complaint)
            self._complaint = ""
            return found
        assert self._done is not None
        found, self._done = self._done, None
        self._state = None
        return found

    # states

    def _before_name(self, byte: int) -> State:
        if byte in SPACE:
            return self._before_name
        self._name = bytearray((byte,))
        self._parameters = []
        return self._in_name

    def _in_name(self, byte: int) -> State:
        if byte in SPACE:
            return self._before_parameter
        if byte == DASH:
            return self._first_dash
        if len(self._name) == LONGEST_NAME:
            return self._wrong(f'SSI command "{_shown(self._name)}..." is too long')
        self._name.append(byte)
        return self._in_name

    def _before_parameter(self, byte: int) -> State:
        if byte in SPACE:
            return self._before_parameter
        if byte == DASH:
            return self._first_dash
        self._parameters.append((bytearray((byte,)), bytearray()))
        return self._in_parameter

    def _in_parameter(self, byte: int) -> State:
        if byte in SPACE:
            return self._before_equals
        if byte == EQUALS:
            return self._before_value
        name = self._parameters[-1][0]
        if byte == DASH:
            return self._unexpected(byte, "after parameter")
        if len(name) == LONGEST_NAME:
            return self._wrong(f'parameter "{_shown(name)}..." of SSI command "{_shown(self._name)}" is too long')
        name.append(byte)
        return self._in_parameter

    def _before_equals(self, byte: int) -> State:
        if byte in SPACE:
            return self._before_equals
        return self._before_value if byte == EQUALS else self._unexpected(byte, "after parameter")

    def _before_value(self, byte: int) -> State:
        if byte in SPACE:
            return self._before_value
        if byte in QUOTES:
            self._quote = byte
            return self._in_value
        return self._unexpected(byte, "before the value of")

    def _in_value(self, byte: int) -> State:
        if byte == self._quote:
            return self._after_value
        return self._keep(byte, self._escaped if byte == BACKSLASH else self._in_value)

    def _escaped(self, byte: int) -> State:
        return self._keep(byte, self._in_value)

    def _keep(self, byte: int, then: State) -> State:
        name, value = self._parameters[-1]
        if len(value) == self._longest_value:
            return self._wrong(
                f'the value of parameter "{_shown(name)}" of SSI command "{_shown(self._name)}" is too long'
            )
        value.append(byte)
        return then

    def _after_value(self, byte: int) -> State:
        if byte in SPACE:
            return self._before_parameter
        if byte == DASH:
            return self._first_dash
        self._unexpected(byte, "after the value of")
        return self._skip

    def _first_dash(self, byte: int) -> State:
        if byte == DASH:
            return self._second_dash
        return self._wrong(f'unexpected "{chr(byte)}" in SSI command "{_shown(self._name)}"')

    def _second_dash(self, byte: int) -> State:
        if byte != END:
            return self._wrong(f'unexpected "{chr(byte)}" in SSI command "{_shown(self._name)}"')
        pairs = tuple((text(bytes(name)), text(bytes(value))) for name, value in self._parameters)
        self._done = Command(text(bytes(self._name)), pairs)
        return self._before_name

    # states in what is wrong

    def _skip(self, byte: int) -> State:
        return self._skip_dash if byte == DASH else self._skip

    def _skip_dash(self, byte: int) -> State:
        return self._skip_dashes if byte == DASH else self._skip

    def _skip_dashes(self, byte: int) -> State:
        if byte == END:
            self._done = Malformed()
        return self._skip

    def _wrong(self, why: str) -> State:
        self._complaint = why
        return self._skip

    def _unexpected(self, byte: int, where: str) -> State:
        parameter = _shown(self._parameters[-1][0])
        self._wrong(f'unexpected "{chr(byte)}" {where} "{parameter}" in SSI command "{_shown(self._name)}"')
        return self._skip_dash if byte == DASH else self._skip


def _begun(data: bytes, at: int) -> int:
    """How many bytes at the end may be the beginning of a command."""
    for size in range(min(len(START) - 1, len(data) - at), 0, -1):
        if data.endswith(START[:size]):
            return size
    return 0


def _shown(name: bytearray) -> str:
    return text(bytes(name))
