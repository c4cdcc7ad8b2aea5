"""`daemon on`: the process leaves its terminal, and who started it is told when it serves, or that it can't."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

_SERVES = b"1"


def daemonise() -> Callable[[], None]:
    """Go on in another process; the first one waits and exits.

    To be called before there are threads or a loop. What it gives is to be called once all listeners accept: until
    then errors still reach the terminal.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        # Without a sign of life the pipe is closed by the end of the other process.
        serves = os.read(reading, 1) == _SERVES
        os._exit(0 if serves else _status_of(pid))
    os.close(reading)
    os.setsid()

    def detach() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.close(null)
        os.write(writing, _SERVES)
        os.close(writing)

    return detach


def _status_of(pid: int) -> int:
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) or 1
