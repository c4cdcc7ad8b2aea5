"""The pid file: there once the process accepts connections, gone when it exits."""

import os
import stat
from pathlib import Path


class PidFile:
    """Written when told, whole or not at all; removed at exit only if it still names this process."""

    __slots__ = ("_path", "_pid")

    def __init__(self, path: str, pid: int | None = None) -> None:
        self._path = Path(path)
        self._pid = os.getpid() if pid is None else pid

    def __repr__(self) -> str:
        return f"<PidFile {self._path} of {self._pid}>"

    def write(self) -> None:
        """Raises OSError."""
        text = f"{self._pid}\n"
        if not _may_be_replaced(self._path):
            self._path.write_text(text)
            return
        draft = self._path.with_name(f".{self._path.name}.{self._pid}")
        try:
            draft.write_text(text)
            draft.replace(self._path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise

    def remove(self) -> None:
        """What can't be removed stays: the process is about to end."""
        try:
            if self._path.read_text() != f"{self._pid}\n":
                return
            if _may_be_replaced(self._path):
                self._path.unlink()
            else:
                # The folder is root's, and we are not any more: at least nobody shall signal a stranger.
                self._path.write_text("")
        except (OSError, UnicodeDecodeError):
            pass


def _may_be_replaced(path: Path) -> bool:
    """A device (`pid /dev/null`) must never be renamed over; a folder closed to us may hold a file that is not."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return True
    return stat.S_ISREG(kind) and os.access(path.parent, os.W_OK)
