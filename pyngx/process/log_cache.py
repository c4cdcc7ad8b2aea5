"""Log files whose names come from requests: a few are kept open (open_log_file_cache, ngx_open_file_cache.c)."""

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from pyngx.core.logs import FileCache
from pyngx.process.log_files import open_to_append, write_all


@dataclass(slots=True)
class _Entry:
    """A name that was used lately; `fd` is -1 while it has not been used often enough."""

    fd: int
    uses: int
    used: float
    checked: float  # that the name still is that of the open file


class LogCache:
    """Appends lines by path; the least recently used file is closed when there are more than the cache holds."""

    def __init__(self, limits: FileCache, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # the one used last is the last

    def __repr__(self) -> str:
        return f"<LogCache {[path for path, entry in self._entries.items() if entry.fd >= 0]}>"

    def append(self, path: str, line: bytes) -> None:
        """Raises OSError where the file can't be opened or written."""
        now = self._clock()
        self._drop_idle(now)
        entry = self._entries.get(path)
        if entry is not None and entry.fd >= 0 and now - entry.checked > self._limits.valid:
            self._check(path, entry, now)
        fd = entry.fd if entry is not None and entry.fd >= 0 else open_to_append(path)
        try:
            write_all(fd, line)
        finally:
            self._keep(path, entry, fd, now)

    def close(self) -> None:
        """Close all."""
        while self._entries:
            self._drop_first()

    def _keep(self, path: str, entry: _Entry | None, fd: int, now: float) -> None:
        """Count a use, and close the file unless it is used often enough."""
        if entry is None:
            if len(self._entries) >= self._limits.maximum:
                self._drop_first()
            entry = self._entries[path] = _Entry(-1, 0, now, now)
        entry.uses += 1
        entry.used = now
        self._entries.move_to_end(path)
        if entry.fd == fd:
            return
        if entry.uses >= self._limits.uses:
            entry.fd, entry.checked = fd, now
        else:
            os.close(fd)

    def _check(self, path: str, entry: _Entry, now: float) -> None:
        """Close a file that was moved away: its name may be that of another one by now."""
        entry.checked = now
        try:
            is_same = os.path.samestat(os.stat(path), os.fstat(entry.fd))
        except OSError:
            is_same = False
        if not is_same:
            os.close(entry.fd)
            entry.fd = -1

    def _drop_idle(self, now: float) -> None:
        while self._entries and now - next(iter(self._entries.values())).used > self._limits.inactive:
            self._drop_first()

    def _drop_first(self) -> None:
        _, entry = self._entries.popitem(last=False)
        if entry.fd >= 0:
            os.close(entry.fd)
