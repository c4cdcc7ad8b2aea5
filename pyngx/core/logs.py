"""What the core needs of logs: the port that `process` implements."""

from __future__ import annotations

from typing import Protocol


class Log(Protocol):
    """An error log: an event is a constant word, `message` the sentence for people, all else are facts."""

    def enabled(self, level: str) -> bool:
        """Whether a level is written anywhere."""

    def write(self, level: str, event: str, message: str = "", **facts: object) -> None:
        """Write an event at one of nginx's levels: debug, info, notice, warn, error, crit, alert, emerg."""


class LogFile(Protocol):
    """Where lines go."""

    def write(self, line: bytes) -> None:
        """Append a line, its end included; never raises for a full disk."""


class Logs(Protocol):
    """Opens logs by what the configuration says of them; the same path is the same file."""

    def file(self, path: str, buffer: int = 0, flush: float = 0.0) -> LogFile:
        """A log file; `buffer` in bytes, `flush` in seconds. `stdout` and `stderr` are names too."""

    def error_log(self, sinks: tuple[tuple[str, str], ...], style: str) -> Log:
        """An error log over (path, level) pairs; `style` is json or nginx."""
