"""What the words of a directive mean: one typed value for each kind of argument."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from pyngx.config.diagnostics import ConfigError, did_you_mean
from pyngx.config.source import Span
from pyngx.config.syntax import Node, Word

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

LARGEST = 2**63 - 1
SIZE_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}
# As in src/core/ngx_parse.c: larger units first, each at most once, blanks between them, a bare number is seconds.
TIME = re.compile(
    r"(?=\d)(?:(\d+)y *)?(?:(\d+)M *)?(?:(\d+)w *)?(?:(\d+)d *)?(?:(\d+)h *)?"
    r"(?:(\d+)m(?!s) *)?(?:(\d+)s *)?(?:(\d+)ms *)?(?:(\d+) *)?",
    re.ASCII,
)
TIME_SCALES = (31_536_000, 2_592_000, 604_800, 86_400, 3_600, 60, 1, 0.001, 1)


@dataclass(frozen=True, slots=True)
class Argument(Generic[T_co]):
    """How the words after a directive's name are written, counted and read.

    `parse` is given the whole directive after its words were counted, and raises ConfigError. With `table` the
    directive has a block of free entries (`types`, `map`) that `parse` reads from `node.block` itself.
    """

    usage: str
    parse: Callable[[Node], T_co]
    minimum: int
    maximum: int | None
    table: bool = False

    def called(self, usage: str) -> Argument[T_co]:
        """The same argument under another name in usage lines: `word.called("path")`."""
        return replace(self, usage=usage)


@dataclass(frozen=True, slots=True)
class Text:
    """A text that may hold $variables; they mean nothing to the configuration language."""

    value: str
    span: Span | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.value

    def __reduce__(self) -> tuple[type[Text], tuple[str, Span | None]]:
        return Text, (self.value, self.span)


def of_word(usage: str, read: Callable[[Word], T]) -> Argument[T]:
    """An argument of exactly one word."""
    return Argument(usage, lambda node: read(node.args[0]), 1, 1)


def of_words(usage: str, read: Callable[[Word], T], minimum: int = 1) -> Argument[tuple[T, ...]]:
    """An argument of several words, each read alike."""
    return Argument(usage, lambda node: tuple(map(read, node.args)), minimum, None)


def number(minimum: int = 0, maximum: int | None = None) -> Argument[int]:
    return _named("number", lambda word: parse_number(word, minimum, maximum))


def choice(*names: str) -> Argument[str]:
    """One of some words, upper or lower case."""
    return of_word(" | ".join(names), lambda word: _chosen(word, names))


def bits(*names: str) -> Argument[frozenset[str]]:
    """Any of some words, upper or lower case."""

    def parse(node: Node) -> frozenset[str]:
        return frozenset(_chosen(word, names) for word in node.args)

    return Argument(" | ".join(names) + " ...", parse, 1, None)


def words(minimum: int = 1) -> Argument[tuple[str, ...]]:
    return of_words("value ...", str, minimum)


def texts(minimum: int = 1) -> Argument[tuple[Text, ...]]:
    return of_words("value ...", text_of, minimum)


def off_or(argument: Argument[T]) -> Argument[T | None]:
    """The argument, or the word `off`, which gives None."""

    def parse(node: Node) -> T | None:
        if len(node.args) == 1 and node.args[0].text == "off":
            return None
        if len(node.args) < argument.minimum:
            raise wrong_count(node)
        return argument.parse(node)

    return Argument(f"{argument.usage} | off", parse, min(1, argument.minimum), argument.maximum, argument.table)


def wrong_count(node: Node) -> ConfigError:
    """nginx's complaint about too many or too few words."""
    return ConfigError(f'invalid number of arguments in "{node.name.text}" directive', node.span)


def text_of(word: Word) -> Text:
    return Text(word.text, word.span)


def parse_number(word: Word, minimum: int = 0, maximum: int | None = None) -> int:
    value = _whole(word.text)
    if value is None:
        raise ConfigError(f'invalid number "{word.text}"', word.span, "a number has digits only")
    if maximum is not None and not minimum <= value <= maximum:
        raise ConfigError(f"value must be between {minimum} and {maximum}", word.span)
    if value < minimum:
        raise ConfigError(f"value must be equal to or greater than {minimum}", word.span)
    return value


def parse_size(word: Word) -> int:
    """Bytes (`ngx_parse_offset`)."""
    found = size_in(word.text)
    if found is None:
        raise ConfigError(f'invalid value "{word.text}"', word.span, "a size is a number with k, m, g or none: 512, 8k")
    return found


def size_in(text: str) -> int | None:
    """Bytes that a text says, None if it says no size."""
    scale = SIZE_UNITS.get(text[-1:].lower(), 1)
    count = _whole(text if scale == 1 else text[:-1])
    return count * scale if count is not None and count * scale <= LARGEST else None


def parse_seconds(word: Word) -> float:
    """Seconds (`ngx_parse_time`)."""
    found = TIME.fullmatch(word.text)
    counts = [_whole(digits) for digits in found.groups("0")] if found else [None]
    total = sum(count * scale for count, scale in zip(counts, TIME_SCALES, strict=False) if count is not None)
    if None in counts or total > LARGEST / 1000:
        units = "a time is a number with ms, s, m, h, d, w, M, y or none (seconds), larger units first: 500ms, 1h30m"
        raise ConfigError(f'invalid value "{word.text}"', word.span, units)
    return float(total)


def parameters(
    given: Collection[Word], readers: Mapping[str, Callable[[Word], T]], bare: Collection[str] = ()
) -> dict[str, T | bool]:
    """Words of the form `key=value`, each value read by its key's reader, and bare words, which give True."""
    values: dict[str, T | bool] = {}
    for word in given:
        key, equals, _ = word.text.partition("=")
        if equals and key in readers:
            try:
                values[key] = readers[key](word.part(len(key) + 1))
            except ConfigError as error:
                raise _restated(error, f'invalid parameter "{word.text}"') from None
        elif word.text in bare:
            values[word.text] = True
        else:
            known = [*(f"{name}=" for name in readers), *bare]
            likely = did_you_mean(key + equals, known)
            advice = likely or f"known parameters: {', '.join(known)}" if known else "there are no parameters here"
            raise ConfigError(f'invalid parameter "{word.text}"', word.span, advice)
    return values


def _whole(text: str) -> int | None:
    """A number that fits into 63 bits (`ngx_atoi`)."""
    if not (text.isascii() and text.isdigit()):
        return None
    significant = text.lstrip("0")
    # int() refuses thousands of digits
    if len(significant) > len(str(LARGEST)) or int(significant or "0") > LARGEST:
        return None
    return int(significant or "0")


def _named(usage: str, read: Callable[[Word], T]) -> Argument[T]:
    """An argument of one word whose errors begin as nginx's do: `"x" directive invalid value`."""

    def parse(node: Node) -> T:
        try:
            return read(node.args[0])
        except ConfigError as error:
            message = error.diagnostics[0].message
            if not message.startswith("invalid"):
                raise
            raise _restated(error, f'"{node.name.text}" directive {message}') from None

    return Argument(usage, parse, 1, 1)


def _restated(error: ConfigError, message: str) -> ConfigError:
    first, *others = error.diagnostics
    return ConfigError.of([replace(first, message=message), *others])


def _chosen(word: Word, names: Collection[str]) -> str:
    lower = word.text.lower()
    for name in names:
        if name.lower() == lower:
            return name
    raise ConfigError(f'invalid value "{word.text}"', word.span, did_you_mean(word.text, names))


def _parse_flag(node: Node) -> bool:
    word = node.args[0]
    match word.text.lower():
        case "on":
            return True
        case "off":
            return False
    message = f'invalid value "{word.text}" in "{node.name.text}" directive, it must be "on" or "off"'
    raise ConfigError(message, word.span)


flag: Argument[bool] = Argument("on | off", _parse_flag, 1, 1)
nothing: Argument[bool] = Argument("", lambda _: True, 0, 0)
bare: Argument[None] = Argument("", lambda _: None, 0, 0)
"""For blocks without words of their own: `server { ... }`."""
size: Argument[int] = _named("size", parse_size)
seconds: Argument[float] = _named("time", parse_seconds)
word: Argument[str] = of_word("value", str)
text: Argument[Text] = of_word("value", text_of)
