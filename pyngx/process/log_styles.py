"""What a log record is, and the two ways to write one as a line: JSON, and nginx's own error log format."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import msgspec


class Level(IntEnum):
    """nginx's levels, the more serious the higher; OFF is above all of them."""

    DEBUG = 0
    INFO = 1
    NOTICE = 2
    WARN = 3
    ERROR = 4
    CRIT = 5
    ALERT = 6
    EMERG = 7
    OFF = 8


LEVEL_NAMES = tuple(level.name.lower() for level in Level)[: Level.OFF]
LEVELS = {name: Level(number) for number, name in enumerate(LEVEL_NAMES)}


@dataclass(frozen=True, slots=True)
class Record:
    """One event: `time` in seconds since the epoch, facts of any type that can be shown."""

    time: float
    level: Level
    event: str
    facts: Mapping[str, object]


Style = Callable[[Record], bytes]

# How nginx goes on after the message (src/http/ngx_http_request.c, ngx_http_log_error_handler): its order, its quotes.
_CONTEXT = (
    ("client", ", client: {}"),
    ("server", ", server: {}"),
    ("request", ', request: "{}"'),
    ("subrequest", ', subrequest: "{}"'),
    ("upstream", ', upstream: "{}"'),
    ("host", ', host: "{}"'),
    ("referrer", ', referrer: "{}"'),
)
# Facts that have a place of their own in nginx's line.
_PLACED = frozenset(
    {"message", "connection", "errno", "action", "exception", "details", *(name for name, _ in _CONTEXT)}
)
# A line must stay one line, and a terminal must not obey it.
_CONTROLS = {code: f"\\x{code:02X}" for code in (*range(32), *range(127, 160))}


def json_line(record: Record) -> bytes:
    line: dict[str, object] = {"time": iso_time(record.time), "level": LEVEL_NAMES[record.level], "event": record.event}
    for name, value in record.facts.items():
        line.setdefault(name, value if isinstance(value, str | int | float | None) else _plain(value))
    try:
        return _ENCODER.encode(line) + b"\n"
    except UnicodeEncodeError:
        # Seldom: text that was made of bytes that are no UTF-8.
        return _ENCODER.encode({name: _plain(value) for name, value in line.items()}) + b"\n"


def nginx_line(record: Record) -> bytes:
    """One line; then `details` and `exception` line by line, each with the same head: every line tells its level."""
    facts = record.facts
    connection = facts.get("connection")
    head = f"{nginx_time(record.time)} [{LEVEL_NAMES[record.level]}] {os.getpid()}#{threading.get_native_id()}: "
    head += f"*{connection} " if connection is not None else ""
    text = head + _sentence(record) + _context(facts) + "\n"
    for name in ("details", "exception"):
        for line in str(facts.get(name, "")).splitlines():
            text += f"{head}{_show(line)}\n"
    return text.encode("utf-8", "surrogateescape")


STYLES: dict[str, Style] = {"json": json_line, "nginx": nginx_line}


def iso_time(seconds: float) -> str:
    """ISO 8601, local time with milliseconds and offset: 2026-01-31T23:59:59.123+01:00."""
    milliseconds = int(seconds * 1000)
    date, zone = _iso_second(milliseconds // 1000)
    return f"{date}.{milliseconds % 1000:03d}{zone}"


def nginx_time(seconds: float) -> str:
    return _nginx_second(int(seconds))


@lru_cache(maxsize=2)
def _iso_second(seconds: int) -> tuple[str, str]:
    local = time.localtime(seconds)
    minutes = local.tm_gmtoff // 60
    zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    return time.strftime("%Y-%m-%dT%H:%M:%S", local), zone


@lru_cache(maxsize=2)
def _nginx_second(seconds: int) -> str:
    return time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(seconds))


def _sentence(record: Record) -> str:
    facts = record.facts
    if "message" in facts:
        text = _show(facts["message"])
    else:
        rest = (f" {name}={_show(value)}" for name, value in facts.items() if name not in _PLACED)
        text = record.event + "".join(rest)
    number = facts.get("errno")
    if isinstance(number, int):
        text += f" ({number}: {os.strerror(number)})"
    if "action" in facts:
        text += f" while {_show(facts['action'])}"
    return text


def _context(facts: Mapping[str, object]) -> str:
    return "".join(form.format(_show(facts[name])) for name, form in _CONTEXT if facts.get(name) is not None)


def _show(value: object) -> str:
    text = _decode(value) if isinstance(value, bytes) else str(value)
    return text if text.isprintable() else text.translate(_CONTROLS)


def _decode(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _plain(value: object) -> object:
    match value:
        case str():
            return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        case bytes():
            return _decode(value)
        case None | bool() | int() | float():
            return value
        case dict():
            return {str(_plain(str(key))): _plain(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(inner) for inner in value]
        case _:
            return _plain(str(value))


_ENCODER = msgspec.json.Encoder()
