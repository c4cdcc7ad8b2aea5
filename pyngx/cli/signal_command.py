"""`-s`: a signal for the process that runs by the same configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.cli.failure import tell_failure
from pyngx.config.diagnostics import ConfigError
from pyngx.process.load import load_configuration
from pyngx.process.signal_sending import send_signal
from pyngx.process.telling import tell

if TYPE_CHECKING:
    from pyngx.process.options import Options


def signal_process(options: Options, name: str) -> int:
    """Gives the exit code. As with nginx the configuration has to be right, for it names the pid file."""
    try:
        loaded = load_configuration(options)
    except ConfigError as error:
        tell_failure(error, options)
        return 1
    problem = send_signal(name, options.path(loaded.main.pid))
    if problem is None:
        return 0
    tell(problem)
    return 1
