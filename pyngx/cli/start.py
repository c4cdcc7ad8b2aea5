"""The start of a process that serves."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from pyngx.cli.failure import tell_failure
from pyngx.config.diagnostics import ConfigError
from pyngx.process.daemonise import daemonise
from pyngx.process.load import Reading, load_configuration
from pyngx.process.serve import Start, serve, take_environment

if TYPE_CHECKING:
    from pyngx.process.options import Options


def start(options: Options, began: float) -> int:
    """Serve until told to stop; gives the exit code. `began` is by time.perf_counter()."""
    gc.disable()  # until all is built
    reading = Reading()
    try:
        loaded = load_configuration(options, reading)
    except ConfigError as error:
        tell_failure(error, options)
        return 1
    given = take_environment()
    serves = daemonise() if loaded.main.daemon else _stay
    return serve(Start(options, loaded, reading, given, serves, began))


def _stay() -> None:
    """Nothing is to be done in the foreground."""
