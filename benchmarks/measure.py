"""What a process and its children have used, by /proc."""

from __future__ import annotations

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

# Places in /proc/PID/stat behind the name, which is in parentheses and may hold blanks: proc(5).
PARENT = 1
TIMES = slice(11, 15)  # utime, stime, and those of children that have ended


def cpu_seconds(pid: int) -> float:
    """Of the process and all that descend from it, in user and in kernel mode."""
    return sum(int(ticks) for one in family(pid) for ticks in _stat(one)[TIMES]) / TICKS


def resident(pid: int) -> int:
    """Bytes of memory that the process and its descendants have in RAM."""
    return sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in family(pid)) * PAGE


def family(pid: int) -> list[int]:
    """The process, its children, theirs, and so on."""
    parents = {int(path.name): _parent(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
    found = [pid]
    for one in found:
        found.extend(child for child, parent in parents.items() if parent == one)
    return found


def _parent(folder: Path) -> int:
    try:
        return int(_stat(int(folder.name))[PARENT])
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it has just ended


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
