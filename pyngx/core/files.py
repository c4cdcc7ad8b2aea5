"""How a location opens files and looks at them: plainly, or by rules of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Files:
    """What takes the place of `os.open` and `os.stat`; both raise OSError, and ValueError for a NUL in the path."""

    open: Callable[[Exchange, str, int, int], int]  # path, flags and mode give a descriptor
    stat: Callable[[Exchange, str], os.stat_result]


PLAIN = Files(lambda _, path, flags, mode: os.open(path, flags, mode), lambda _, path: os.stat(path))
