"""A body kept whole: in memory up to a size, in a temporary file past it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import IO

CHUNK = 64 * 1024  # bytes read back at once


class Spool:
    """Bytes that are written once and may be read several times."""

    __slots__ = ("_directory", "_file", "_holders", "_leaves_file", "_parts", "_threshold", "size")

    def __init__(self, threshold: int, directory: str | None = None, *, leaves_file: bool = False) -> None:
        """Keep up to `threshold` bytes in memory; past it the file lies in `directory`, the system's own by default.

        One that is left there when all is over is for others to read: its group may.
        """
        self._threshold = threshold
        self._directory = directory
        self._leaves_file = leaves_file
        self._parts: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._holders = 1
        self.size = 0

    def write(self, data: bytes) -> int:
        """Append; raises OSError where the disk is full."""
        self.size += len(data)
        if self._file is None and self.size > self._threshold:
            self._file = self._open()
            _write_all(self._file, b"".join(self._parts))
            self._parts.clear()
        if self._file is None:
            self._parts.append(data)
        else:
            _write_all(self._file, data)
        return len(data)

    def join(self) -> None:
        """Make what is in memory one piece."""
        if len(self._parts) > 1:
            self._parts = [b"".join(self._parts)]

    @property
    def file_name(self) -> str | None:
        """The temporary file's path, None while all is in memory."""
        return self._file.name if self._file is not None else None

    def in_memory(self) -> bytes:
        """All of it, if it is in memory."""
        return b"".join(self._parts)

    def chunks(self) -> Iterator[bytes]:
        """All of it from the start, in parts."""
        if self._file is None:
            yield from self._parts
            return
        at = 0
        while at < self.size:
            self._file.seek(at)
            data = self._file.read(CHUNK)
            if not data:
                raise OSError(f'temporary file "{self._file.name}" is shorter than what was written')
            at += len(data)
            yield data

    def hold(self) -> None:
        """Have it stay until one more has closed it."""
        self._holders += 1

    def close(self) -> None:
        """Forget it all, once nobody holds it any more."""
        self._holders -= 1
        if self._holders > 0:
            return
        self._parts.clear()
        if self._file is not None:
            self._file.close()

    def _open(self) -> IO[bytes]:
        if self._directory is not None:
            os.makedirs(self._directory, mode=0o700, exist_ok=True)  # as nginx does at its start
        file = tempfile.NamedTemporaryFile(  # noqa: SIM115 -- closed by close()
            dir=self._directory, prefix="pyngx-", buffering=0, delete=not self._leaves_file
        )
        if self._leaves_file:
            os.fchmod(file.fileno(), 0o660)
        return file


def _write_all(file: IO[bytes], data: bytes) -> None:
    """Without a buffer a file takes what still fits on the disk, and refuses the next part only."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
