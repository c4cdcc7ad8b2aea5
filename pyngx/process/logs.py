"""The log of everything but requests: structlog, set up here and nowhere else.

A `Log` is structlog's bound logger with nginx's levels. Its processors hide secrets and render exceptions, and its
outlet hands the `Record` to each sink whose level lets it pass, written once per style.
"""

import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass

import structlog

from pyngx.process.log_files import LogLease
from pyngx.process.log_styles import LEVELS, STYLES, Level, Record, Style, json_line
from pyngx.process.syslog import open_syslog

Write = Callable[[Level, bytes], None]

HIDDEN = "[hidden]"
_SECRET_NAMES = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})


@dataclass(frozen=True, slots=True)
class Sink:
    """Where lines go: those of `level` and above, in one style."""

    level: Level
    style: Style
    write: Write


@dataclass(frozen=True, slots=True)
class ErrorLog:
    """An `error_log` line: `target` is an absolute path, a name of STREAMS, or `syslog:…`; `style` a name of STYLES."""

    target: str
    level: Level = Level.ERROR
    style: str = "json"


class Outlet:
    """The sinks in force; every logger bound from one log shares it, so that a reload reaches them all."""

    __slots__ = ("sinks", "threshold")

    def __init__(self, sinks: Iterable[Sink]) -> None:
        self.sinks: Sequence[Sink] = ()
        self.threshold = Level.OFF
        self.replace(sinks)

    def replace(self, sinks: Iterable[Sink]) -> None:
        self.sinks = tuple(sinks)
        self.threshold = min((sink.level for sink in self.sinks), default=Level.OFF)

    def write(self, record: Record) -> None:
        lines: dict[Style, bytes] = {}
        for sink in self.sinks:
            if record.level < sink.level:
                continue
            if sink.style not in lines:
                lines[sink.style] = sink.style(record)
            sink.write(record.level, lines[sink.style])


class Log(structlog.BoundLoggerBase):
    """Say an event by its constant name, with facts: `log.error("upstream_failed", message="connect() failed")`.

    `message` is the sentence for humans, `exception=error` becomes the traceback, `details` may have many lines.
    `connection`, `client`, `server`, `request`, `upstream`, `host`, `referrer`, `errno` and `action` have their places
    in nginx's style.
    """

    _logger: Outlet

    def debug(self, event: str, /, **facts: object) -> None:
        self.say(Level.DEBUG, event, facts)

    def info(self, event: str, /, **facts: object) -> None:
        self.say(Level.INFO, event, facts)

    def notice(self, event: str, /, **facts: object) -> None:
        self.say(Level.NOTICE, event, facts)

    def warn(self, event: str, /, **facts: object) -> None:
        self.say(Level.WARN, event, facts)

    def error(self, event: str, /, **facts: object) -> None:
        self.say(Level.ERROR, event, facts)

    def crit(self, event: str, /, **facts: object) -> None:
        self.say(Level.CRIT, event, facts)

    def alert(self, event: str, /, **facts: object) -> None:
        self.say(Level.ALERT, event, facts)

    def emerg(self, event: str, /, **facts: object) -> None:
        self.say(Level.EMERG, event, facts)

    def enabled(self, level: str) -> bool:
        """By the level's name, as `write`: the two that the core knows (`pyngx.core.logs.Log`)."""
        return LEVELS[level] >= self._logger.threshold

    def write(self, level: str, event: str, message: str = "", **facts: object) -> None:
        self.say(LEVELS[level], event, {"message": message, **facts} if message else facts)

    def passes(self, level: Level) -> bool:
        """Ask first where the facts themselves are dear."""
        return level >= self._logger.threshold

    def say(self, level: Level, event: str, facts: Mapping[str, object]) -> None:
        if level >= self._logger.threshold:
            _, known = self._process_event(level.name.lower(), None, dict(facts))
            self._logger.write(Record(time.time(), level, event, known))

    def redirect(self, sinks: Iterable[Sink]) -> None:
        """Send what this log and all bound from it say to other sinks from now on."""
        self._logger.replace(sinks)


def make_log(sinks: Iterable[Sink]) -> Log:
    return Log(Outlet(sinks), (_hide_secrets, _find_exception, structlog.processors.format_exc_info), {})


def open_sinks(logs: Iterable[ErrorLog], lease: LogLease) -> tuple[Sink, ...]:
    """Raises OSError for a file that can't be opened, ValueError for a syslog target that makes no sense."""
    return tuple(Sink(log.level, STYLES[log.style], _open_target(log.target, lease)) for log in logs)


def early_sinks(lease: LogLease, style: Style = json_line) -> tuple[Sink, ...]:
    """Where logs go before a configuration is read: to stderr, from nginx's own first level on."""
    return (Sink(Level.NOTICE, style, _open_target("stderr", lease)),)


def _open_target(target: str, lease: LogLease) -> Write:
    if target.startswith("syslog:"):
        syslog = open_syslog(target)
        lease.at_close(syslog.close)
        return syslog.write
    file = lease.open(target)
    return lambda _, line: file.write_now(line)


def _hide_secrets(_logger: object, _name: str, facts: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Credentials don't reach a log, neither as facts nor within headers that are given as a mapping or as pairs."""
    for name, value in facts.items():
        if _is_secret(name):
            facts[name] = HIDDEN
        elif isinstance(value, Mapping):
            facts[name] = {key: HIDDEN if _is_secret(key) else inner for key, inner in value.items()}
        elif isinstance(value, list | tuple):
            facts[name] = [_hide_in_pair(item) for item in value]
    return facts


def _find_exception(_logger: object, _name: str, facts: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """`exception=error` says the same as structlog's `exc_info=error`."""
    if isinstance(facts.get("exception"), BaseException):
        facts["exc_info"] = facts.pop("exception")
    return facts


def _hide_in_pair(item: object) -> object:
    match item:
        case (name, _) if _is_secret(name):
            return (name, HIDDEN)
        case _:
            return item


def _is_secret(name: object) -> bool:
    match name:
        case bytes():
            return _is_secret(name.decode("latin-1"))
        case str():
            return name.lower().replace("_", "-").removeprefix("http-") in _SECRET_NAMES
        case _:
            return False
