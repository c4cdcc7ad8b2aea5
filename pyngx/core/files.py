"""Files that a configuration names and that are read while it is built: each once, and watched afterwards."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class FilesRead:
    """What one build has read, by path; None: it couldn't be read."""

    _contents: dict[str, bytes | None] = field(default_factory=dict)
    _watched: dict[str, bytes | None] = field(default_factory=dict)

    @property
    def watched(self) -> Mapping[str, bytes | None]:
        """Those that tell something when they change: a pipe, say, has no content to compare."""
        return self._watched

    def read(self, path: str) -> bytes:
        """The content of a file; raises OSError."""
        known = self._contents.get(path)
        if known is None:
            self._contents[path] = self._watched[path] = None
            with open(path, "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    del self._watched[path]
                known = file.read()
            self._contents[path] = known
            if path in self._watched:
                self._watched[path] = known
        return known
