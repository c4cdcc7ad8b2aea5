"""Descriptors 0 to 2, made sure of before anything else: a process may be started with some of them closed.

Then the first file or socket it opens would become its standard error, and take in every stray message.
Imports nothing that opens files, for it has to come first.
"""

import os
import sys


def ensure_stdio() -> None:
    """Put /dev/null where a standard descriptor is closed, and a stream where Python has made none."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            # The lowest free descriptor is given out, and all below this one are taken.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
