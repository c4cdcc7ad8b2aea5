"""Where the process's own log goes, by what a configuration says of it."""

from __future__ import annotations

from pyngx.config.inherit import settings
from pyngx.modules.error_log import ErrorLogSettings, error_sinks
from pyngx.process.load import Loaded
from pyngx.process.log_files import LogFiles, LogLease
from pyngx.process.log_styles import LEVELS, Level
from pyngx.process.logs import ErrorLog, Log, make_log, open_sinks
from pyngx.process.options import Options


class MainLog:
    """The log of all that concerns no request; a reload may lead it elsewhere."""

    def __init__(self, files: LogFiles, options: Options) -> None:
        self.log: Log = make_log(())
        self._files = files
        self._options = options
        self._lease: LogLease | None = None

    def follow(self, loaded: Loaded) -> None:
        """Write where a configuration says. Raises OSError or ValueError, and then nothing has changed."""
        lease = self._files.lease()
        try:
            sinks = open_sinks(error_logs(loaded, self._options), lease)
        except (OSError, ValueError):
            lease.close()
            raise
        self.log.redirect(sinks)
        before, self._lease = self._lease, lease
        if before is not None:
            before.close()


def error_logs(loaded: Loaded, options: Options) -> tuple[ErrorLog, ...]:
    """What `error_log` says outermost, else what the command line says."""
    root = loaded.checked.root
    sinks = error_sinks(root, options.prefix)
    if sinks:
        return tuple(ErrorLog(sink.target, LEVELS[sink.level], sink.style) for sink in sinks)
    # A log that nobody asked for tells of all that happens to the process; one that is asked for has its level.
    return (ErrorLog(options.error_log, Level.NOTICE, settings(root, ErrorLogSettings).log_style),)
