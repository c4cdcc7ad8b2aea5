"""Files that a configuration names and that are read while it is built: each once, and watched afterwards."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class FilesRead:
    """What one build has read, by path.

    A process that was root once can't read any more what only root may read: it goes on with what it knows of that.
    """

    known: Mapping[str, bytes] = field(default_factory=dict)  # from the build before
    contents: dict[str, bytes] = field(default_factory=dict)
    watched: dict[str, bytes | None] = field(default_factory=dict)
    """Those that tell something when they change, which a pipe doesn't; None: it couldn't be read."""

    def read(self, path: str) -> bytes:
        """The content of a file; raises OSError."""
        found = self.contents.get(path)
        if found is None:
            self.watched[path] = None
            found = self.contents[path] = self._read(path)
        return found

    def _read(self, path: str) -> bytes:
        try:
            with open(path, "rb") as file:
                content = file.read()
                if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    self.watched[path] = content
                else:
                    del self.watched[path]
        except PermissionError:
            if path not in self.known:
                raise
            return self.known[path]
        return content
