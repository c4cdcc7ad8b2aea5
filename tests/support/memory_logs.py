"""Logs that are kept in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyngx.core.logs import UNBUFFERED, Buffering, ErrorSink, FileCache

LEVELS = ("debug", "info", "notice", "warn", "error", "crit", "alert", "emerg")


@dataclass
class MemoryLog:
    """An error log: `records` are (level, event, message, facts)."""

    sinks: tuple[ErrorSink, ...] = (ErrorSink("", "debug"),)
    records: list[tuple[str, str, str, dict[str, object]]] = field(default_factory=list)
    closed: bool = False

    def enabled(self, level: str) -> bool:
        return any(LEVELS.index(level) >= LEVELS.index(sink.level) for sink in self.sinks)

    def write(self, level: str, event: str, message: str = "", **facts: object) -> None:
        self.records.append((level, event, message, facts))

    def close(self) -> None:
        self.closed = True

    @property
    def messages(self) -> list[str]:
        return [message for _, _, message, _ in self.records]


@dataclass
class MemoryFile:
    """An access log."""

    data: bytes = b""
    buffering: Buffering = UNBUFFERED
    closed: bool = False

    def write(self, line: bytes) -> None:
        self.data += line

    def buffer(self, buffering: Buffering) -> None:
        self.buffering = buffering

    def close(self) -> None:
        self.closed = True

    @property
    def lines(self) -> list[str]:
        return self.data.decode("utf-8", "surrogateescape").splitlines()


@dataclass
class MemoryLogs:
    """Logs by target."""

    files: dict[str, MemoryFile] = field(default_factory=dict)
    errors: dict[tuple[ErrorSink, ...], MemoryLog] = field(default_factory=dict)
    caches: list[FileCache] = field(default_factory=list)

    def file(self, target: str) -> MemoryFile:
        if target.startswith("/nonexistent/"):
            raise FileNotFoundError(2, "No such file or directory")
        return self.files.setdefault(target, MemoryFile())

    def append(self, path: str, line: bytes, opener: object = None) -> None:
        if path.endswith("/"):
            raise IsADirectoryError(21, "Is a directory")
        self.files.setdefault(path, MemoryFile()).write(line)

    def cache(self, limits: FileCache) -> MemoryLogs:
        self.caches.append(limits)
        return self

    def close(self) -> None:
        self.caches.pop()

    def error_log(self, sinks: tuple[ErrorSink, ...]) -> MemoryLog:
        return self.errors.setdefault(sinks, MemoryLog(sinks))
