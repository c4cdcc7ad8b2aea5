"""The logs of one generation, opened by what its configuration says: the port `pyngx.core.logs.Logs`."""

from pyngx.core import logs as port
from pyngx.process.log_files import LogFiles
from pyngx.process.log_styles import LEVELS
from pyngx.process.logs import ErrorLog, make_log, open_sinks
from pyngx.process.syslog import SyslogSocket, open_syslog


class OpenLogs:
    """Holds what it opened until it is closed, when the last exchange of its generation has ended.

    Paths are absolute, or names of STREAMS, or `syslog:…`. What cannot be opened raises OSError or ValueError.
    """

    def __init__(self, files: LogFiles) -> None:
        self._lease = files.lease()

    def file(self, path: str, buffer: int = 0, flush: float = 0.0) -> port.LogFile:
        if path.startswith("syslog:"):
            syslog = open_syslog(path)
            self._lease.at_close(syslog.close)
            return _SyslogLines(syslog)
        file = self._lease.open(path)
        file.keep_back(buffer, flush)
        return file

    def error_log(self, sinks: tuple[tuple[str, str], ...], style: str) -> port.Log:
        wanted = (ErrorLog(path, LEVELS[level], style) for path, level in sinks)
        return make_log(open_sinks(wanted, self._lease))

    def close(self) -> None:
        self._lease.close()


class _SyslogLines:
    """A syslog server in the place of a file: each line goes with the severity of the target."""

    __slots__ = ("_syslog",)

    def __init__(self, syslog: SyslogSocket) -> None:
        self._syslog = syslog

    def write(self, line: bytes) -> None:
        self._syslog.write_line(line)
