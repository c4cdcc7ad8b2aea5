"""What the core needs of logs: the port that `process` implements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Buffering:
    """How long lines wait in memory: until `size` bytes are there (0: not at all), or for `seconds` (0: any time).

    `gzip` is the level that full buffers are compressed with, 0 for plain text.
    """

    size: int = 0
    seconds: float = 0.0
    gzip: int = 0


UNBUFFERED = Buffering()


@dataclass(frozen=True, slots=True)
class FileCache:
    """How many files are kept open, as long as they are used: at least `uses` times before, again within `inactive`.

    After `valid` a file is looked up again. Times are seconds.
    """

    maximum: int
    inactive: float = 10.0
    uses: int = 1
    valid: float = 60.0


@dataclass(frozen=True, slots=True)
class ErrorSink:
    """Where an error log's lines of `level` and above go; `style` is json or nginx."""

    target: str
    level: str = "error"
    style: str = "json"


Opener = Callable[[str, int, int], int]
"""Opens a path with flags and a mode, as `os.open` does."""


class Log(Protocol):
    """An error log: an event is a constant word, `message` the sentence for people, all else are facts."""

    def enabled(self, level: str) -> bool:
        """Whether a level is written anywhere."""

    def write(self, level: str, event: str, message: str = "", **facts: object) -> None:
        """Write an event at one of nginx's levels: debug, info, notice, warn, error, crit, alert, emerg."""


class LogFile(Protocol):
    """Where the lines of an access log go."""

    def write(self, line: bytes) -> None:
        """Append a line, its end included; never raises."""

    def buffer(self, buffering: Buffering) -> None:
        """Let lines wait from now on, or no longer."""


class Held(Protocol):
    """Something that is held open for whoever asked for it."""

    def close(self) -> None:
        """Let go of it; nothing is written through it afterwards."""


class HeldCache(Held, Protocol):
    """Files by path, of which a few are kept open until it is closed."""

    def append(self, path: str, line: bytes) -> None:
        """Raises OSError where the file can't be opened or written."""


class HeldLog(Log, Held, Protocol):
    """An error log until it is closed."""


class HeldFile(LogFile, Held, Protocol):
    """A file until it is closed."""


class Logs(Protocol):
    """Opens logs: by absolute path, `stdout`, `stderr` or `syslog:...`; the same target is the same file."""

    def file(self, target: str) -> HeldFile:
        """Raises OSError where it can't be opened, ValueError for a syslog target that makes no sense."""

    def append(self, path: str, line: bytes, opener: Opener | None = None) -> None:
        """Open, write and close, for paths that are known by request only. Raises OSError."""

    def cache(self, limits: FileCache) -> HeldCache:
        """The same for paths that come again and again."""

    def error_log(self, sinks: tuple[ErrorSink, ...]) -> HeldLog:
        """An error log over some sinks. Raises as `file` does."""
