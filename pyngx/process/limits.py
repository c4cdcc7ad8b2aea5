"""What main-level directives ask of the operating system for this process."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from functools import partial

from pyngx.modules.main import MainSettings

Action = Callable[[], object]


def apply_limits(main: MainSettings) -> list[tuple[str, OSError | ValueError]]:
    """Do all that can be done; gives what failed, by the name of the directive."""
    failed: list[tuple[str, OSError | ValueError]] = []
    for name, action in _actions(main):
        try:
            action()
        except (OSError, ValueError) as error:
            failed.append((name, error))
    return failed


def _actions(main: MainSettings) -> Iterator[tuple[str, Action]]:
    if main.worker_rlimit_nofile is not None:
        yield "worker_rlimit_nofile", partial(_limit, resource.RLIMIT_NOFILE, main.worker_rlimit_nofile)
    if main.worker_rlimit_core is not None:
        yield "worker_rlimit_core", partial(_limit, resource.RLIMIT_CORE, main.worker_rlimit_core)
    if main.worker_priority is not None:
        yield "worker_priority", partial(os.setpriority, os.PRIO_PROCESS, 0, main.worker_priority)
    if main.working_directory:
        yield "working_directory", partial(os.chdir, main.working_directory)
    for variable in main.env:
        if variable.value is not None:
            yield "env", partial(os.environ.__setitem__, variable.name, variable.value)


def _limit(kind: int, number: int) -> None:
    """Both limits, as nginx; only the soft one where the hard one may not be raised, and would suffice."""
    _, hard = resource.getrlimit(kind)
    try:
        resource.setrlimit(kind, (number, number))
    except (OSError, ValueError):
        if hard != resource.RLIM_INFINITY and number > hard:
            raise
        resource.setrlimit(kind, (number, hard))
