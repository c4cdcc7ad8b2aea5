"""Logs opened by what a configuration says: the port `pyngx.core.logs.Logs`.

Each thing that is opened holds its files by a lease of its own, so that generations can hand it on or close it.
"""

from pyngx.core import logs as port
from pyngx.process.log_cache import LogCache
from pyngx.process.log_files import LogFile, LogFiles, LogLease, append_once
from pyngx.process.log_styles import LEVELS
from pyngx.process.logs import ErrorLog, Log, make_log, open_sinks
from pyngx.process.syslog import SyslogSocket, open_syslog


class OpenLogs:
    """Opens by absolute path, by a name of STREAMS, or by `syslog:…`; raises OSError or ValueError."""

    def __init__(self, files: LogFiles) -> None:
        self._files = files

    def file(self, target: str) -> port.HeldFile:
        if target.startswith("syslog:"):
            return _SyslogLines(open_syslog(target))
        lease = self._files.lease()
        return _HeldFile(lease.open(target), lease)

    def append(self, path: str, line: bytes, opener: port.Opener | None = None) -> None:
        append_once(path, line, opener)

    def cache(self, limits: port.FileCache) -> port.HeldCache:
        return LogCache(limits)

    def error_log(self, sinks: tuple[port.ErrorSink, ...]) -> port.HeldLog:
        lease = self._files.lease()
        wanted = (ErrorLog(sink.target, LEVELS[sink.level], sink.style) for sink in sinks)
        try:
            return _HeldLog(make_log(open_sinks(wanted, lease)), lease)
        except (OSError, ValueError):
            lease.close()
            raise


class _HeldFile:
    __slots__ = ("_file", "_lease", "write")

    def __init__(self, file: LogFile, lease: LogLease) -> None:
        self._file = file
        self._lease = lease
        self.write = file.write  # nothing stands between a request and its line

    def buffer(self, buffering: port.Buffering) -> None:
        self._file.keep_back(buffering.size, buffering.seconds, buffering.gzip)

    def close(self) -> None:
        self._lease.close()


class _SyslogLines:
    """A syslog server in the place of a file: each line goes with the severity of the target."""

    __slots__ = ("_syslog",)

    def __init__(self, syslog: SyslogSocket) -> None:
        self._syslog = syslog

    def write(self, line: bytes) -> None:
        self._syslog.write_line(line)

    def buffer(self, buffering: port.Buffering) -> None:
        """Datagrams don't wait."""

    def close(self) -> None:
        self._syslog.close()


class _HeldLog:
    __slots__ = ("_lease", "enabled", "write")

    def __init__(self, log: Log, lease: LogLease) -> None:
        self._lease = lease
        self.enabled = log.enabled
        self.write = log.write

    def close(self) -> None:
        self._lease.close()
