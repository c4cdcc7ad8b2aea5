"""Log files: opened by path for appending, shared by whoever names the same path, reopened when they are rotated.

A log must never be the reason that a request fails: what can't be written is counted, told once, and forgotten.
"""

import asyncio
import errno
import gzip
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from pyngx.core.logs import Opener

STREAMS = {"stdout": 1, "/dev/stdout": 1, "stderr": 2, "/dev/stderr": 2}

_MODE = 0o644
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC

# nginx leaves a full disk alone for a second too: each write to one may block for long (src/core/ngx_log.c).
_PAUSE_WHEN_FULL = 1.0


@dataclass(frozen=True, slots=True)
class LogLoss:
    """The first line that a file did not take; `path` is as it was opened."""

    path: str
    error: OSError


Report = Callable[[LogLoss], None]
Later = Callable[[float, Callable[[], None]], object]


def report_to_stderr(loss: LogLoss) -> None:
    """The report of last resort: it may fail as well, and then nobody is left to tell."""
    try:
        os.write(2, f'pyngx: [alert] writing to "{loss.path}" failed ({loss.error})\n'.encode(errors="replace"))
    except OSError:
        pass


def call_soon(action: Callable[[], None]) -> bool:
    """Have something done in this turn of the event loop; false where none runs."""
    try:
        asyncio.get_running_loop().call_soon(action)
    except RuntimeError:
        return False
    return True


def call_later(seconds: float, action: Callable[[], None]) -> object:
    return asyncio.get_running_loop().call_later(seconds, action)


class LogFile:
    """One append-mode file; lines are bytes with their line feed.

    `write` honours the buffer that `keep_back` sets, `write_now` goes past it (an error log that shares the file).
    """

    def __init__(self, path: str, report: Report = report_to_stderr, later: Later = call_later) -> None:
        """Raises OSError if the file can't be opened."""
        self.path = path
        self.lost = 0
        self._fd = _open(path)
        self._report = report
        self._later = later
        self._soon = call_soon
        self._told = False
        self._torn = False
        self._paused_until = 0.0
        self._pending: list[bytes] = []
        self._size = 0
        self._limit = 0
        self._seconds = 0.0
        self._gzip = 0
        self._flush_planned = False

    def __repr__(self) -> str:
        return f"<LogFile {self.path} {'open' if self._fd >= 0 else 'closed'} pending={self._size} lost={self.lost}>"

    def keep_back(self, limit: int, seconds: float = 0.0, compression: int = 0) -> None:
        """Hold up to `limit` bytes for up to `seconds` (0: until full); `limit` 0 writes each line as it comes.

        What was held is written as one gzip member where `compression`, a level up to 9, is not 0.
        """
        if limit < self._size or compression != self._gzip:
            self.flush()
        self._limit = limit
        self._seconds = seconds
        self._gzip = compression

    def write(self, line: bytes) -> None:
        if not self._limit:
            self._write_soon(line)
            return
        if self._size + len(line) > self._limit:
            self.flush()
        if len(line) > self._limit:
            self._put(self._packed(line), 1)
            return
        self._pending.append(line)
        self._size += len(line)
        if self._seconds and not self._flush_planned:
            self._flush_planned = True
            self._later(self._seconds, self._flush_in_time)

    def write_now(self, line: bytes) -> None:
        if not self._limit:
            self.flush()
        self._put(line, 1)

    def flush(self) -> None:
        if self._pending:
            lines, self._pending, self._size = self._pending, [], 0
            self._put(self._packed(b"".join(lines)), len(lines))

    def reopen(self) -> None:
        """Open the path again, for it may name another file by now; if that fails the old file is kept."""
        self.flush()
        if self.path in STREAMS or self._fd < 0:
            return
        try:
            fd = _open(self.path)
        except OSError as error:
            self._tell(error)
            return
        os.close(self._fd)
        self._fd = fd
        self._told = self._torn = False
        self._paused_until = 0.0

    def close(self) -> None:
        self.flush()
        if self._fd >= 0 and self.path not in STREAMS:
            os.close(self._fd)
        self._fd = -1

    def _packed(self, text: bytes) -> bytes:
        return gzip.compress(text, self._gzip) if self._gzip else text

    def _write_soon(self, line: bytes) -> None:
        """Write with all other lines of this turn of the event loop: under load one write serves dozens of requests."""
        self._pending.append(line)
        if len(self._pending) == 1 and not self._soon(self.flush):
            self.flush()

    def _flush_in_time(self) -> None:
        self._flush_planned = False
        self.flush()

    def _put(self, text: bytes, lines: int) -> None:
        if self._paused_until and time.monotonic() < self._paused_until:
            self.lost += lines
            return
        if self._torn:
            text = b"\n" + text
        done = 0
        try:
            while done < len(text):
                done += os.write(self._fd, text[done:] if done else text)
        except OSError as error:
            self.lost += lines
            # A line that was begun is ended before the next: readers take each for itself. gzip can't be mended so.
            if done and not self._gzip:
                self._torn = not text.endswith(b"\n", 0, done)
            self._paused_until = time.monotonic() + _PAUSE_WHEN_FULL if error.errno == errno.ENOSPC else 0.0
            self._tell(error)
            return
        self._told = self._torn = False
        self._paused_until = 0.0

    def _tell(self, error: OSError) -> None:
        if not self._told:
            # Set first: the report may come back to this very file.
            self._told = True
            self._report(LogLoss(self.path, error))


class LogFiles:
    """The open log files of the process by path; what no lease names any more is closed."""

    def __init__(self, report: Report = report_to_stderr, later: Later = call_later) -> None:
        self._report = report
        self._later = later
        self._files: dict[str, LogFile] = {}
        self._claims: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<LogFiles {self._claims}>"

    def lease(self) -> "LogLease":
        """A generation's hold on its files: taken while it is built, closed when its last exchange has ended."""
        return LogLease(self)

    def claim(self, path: str) -> LogFile:
        """Raises OSError if the file can't be opened."""
        file = self._files.get(path)
        if file is None:
            file = self._files[path] = LogFile(path, self._report, self._later)
        self._claims[path] = self._claims.get(path, 0) + 1
        return file

    def release(self, path: str) -> None:
        self._claims[path] -= 1
        if not self._claims[path]:
            del self._claims[path]
            self._files.pop(path).close()

    def paths(self) -> tuple[str, ...]:
        """Of real files, not of standard streams."""
        return tuple(path for path in self._files if path not in STREAMS)

    def flush(self) -> None:
        for file in self._files.values():
            file.flush()

    def reopen(self) -> None:
        for file in self._files.values():
            file.reopen()


class LogLease:
    """Files held open for one holder; each path counts once however often it is opened."""

    __slots__ = ("_at_close", "_files", "_opened")

    def __init__(self, files: LogFiles) -> None:
        self._files = files
        self._opened: dict[str, LogFile] = {}
        self._at_close: list[Callable[[], None]] = []

    def open(self, path: str) -> LogFile:
        """`path` is absolute, or a name of STREAMS. Raises OSError."""
        file = self._opened.get(path)
        if file is None:
            file = self._opened[path] = self._files.claim(path)
        return file

    def at_close(self, action: Callable[[], None]) -> None:
        """For what else lives as long as the lease: a syslog socket."""
        self._at_close.append(action)

    def close(self) -> None:
        opened, self._opened = self._opened, {}
        for path in opened:
            self._files.release(path)
        actions, self._at_close = self._at_close, []
        for action in actions:
            action()


def append_once(path: str, line: bytes, opener: Opener | None = None) -> None:
    """Open, write, close: for paths that come from requests, which may be too many to be kept open. Raises OSError."""
    fd = (opener or os.open)(path, _FLAGS, _MODE)
    try:
        write_all(fd, line)
    finally:
        os.close(fd)


def open_to_append(path: str) -> int:
    """A file descriptor; the file is made if there is none. Raises OSError."""
    return os.open(path, _FLAGS, _MODE)


def write_all(fd: int, text: bytes) -> None:
    """Raises OSError."""
    done = os.write(fd, text)
    while done < len(text):
        done += os.write(fd, text[done:])


def _open(path: str) -> int:
    stream = STREAMS.get(path)
    if stream is None:
        return open_to_append(path)
    # What Python still holds back for the stream comes first.
    python_stream = sys.stdout if stream == 1 else sys.stderr
    if python_stream is not None:
        python_stream.flush()
    return stream
