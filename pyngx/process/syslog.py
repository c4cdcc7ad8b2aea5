"""Log lines to a syslog server (RFC 3164, as nginx does): `syslog:server=127.0.0.1:514,facility=local7,tag=pyngx`.

Datagrams are sent without waiting, and what can't be sent is lost: a log server that is down holds up no request.
"""

import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from pyngx.process.log_styles import LEVEL_NAMES, Level

FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "intern", "lpr", "news", "uucp", "clock", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "cron", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"),
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TAG_LENGTH = 32
_SERVER = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\[\]:]+)(:(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class SyslogTarget:
    """`address` is (host, port) or a socket's path; `severity` is for lines that have no level, as an access log's."""

    address: tuple[str, int] | str
    facility: str = "local7"
    severity: Level = Level.INFO
    tag: str = "pyngx"
    hostname: bool = True


def parse_syslog(text: str) -> SyslogTarget:
    """Raises ValueError that names the parameter."""
    values: dict[str, str] = {}
    for part in text.removeprefix("syslog:").split(","):
        name, equals, value = part.partition("=")
        if name not in _PARAMETERS or bool(equals) is (name == "nohostname"):
            raise ValueError(f'unknown syslog parameter "{part}"')
        if name in values:
            raise ValueError(f'duplicate syslog "{name}"')
        values[name] = value
        _PARAMETERS[name](value)
    if "server" not in values:
        raise ValueError("no syslog server specified")
    return SyslogTarget(
        _parse_server(values["server"]),
        values.get("facility", "local7"),
        _parse_severity(values.get("severity", "info")),
        values.get("tag", "pyngx"),
        "nohostname" not in values,
    )


def format_syslog(target: SyslogTarget, level: Level, line: bytes, now: float) -> bytes:
    local = time.localtime(now)
    # The severities of syslog count the other way: emerg is 0.
    priority = FACILITIES.index(target.facility) * 8 + Level.EMERG - level
    host = f"{socket.gethostname()} " if target.hostname else ""
    date = f"{_MONTHS[local.tm_mon - 1]} {local.tm_mday:2d} {time.strftime('%H:%M:%S', local)}"
    return f"<{priority}>{date} {host}{target.tag}: ".encode() + line.rstrip(b"\n")


class SyslogSocket:
    """A datagram socket to the server, opened with the first line and again after an error."""

    __slots__ = ("_socket", "_target", "lost")

    def __init__(self, target: SyslogTarget) -> None:
        self.lost = 0
        self._target = target
        self._socket: socket.socket | None = None

    def write(self, level: Level, line: bytes) -> None:
        try:
            if self._socket is None:
                self._socket = _connect(self._target.address)
            self._socket.send(format_syslog(self._target, level, line, time.time()))
        except OSError:
            self.lost += 1
            self.close()

    def write_line(self, line: bytes) -> None:
        """With the severity that the target names."""
        self.write(self._target.severity, line)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def open_syslog(text: str) -> SyslogSocket:
    """Raises ValueError. Looks the server's name up now, as nginx does, and never again."""
    target = parse_syslog(text)
    if not isinstance(target.address, str):
        target = replace(target, address=_resolve(*target.address))
    return SyslogSocket(target)


def _connect(address: tuple[str, int] | str) -> socket.socket:
    family = socket.AF_UNIX
    if not isinstance(address, str):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sender = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sender.setblocking(False)
        sender.connect(address)
    except BaseException:
        sender.close()
        raise
    return sender


def _resolve(host: str, port: int) -> tuple[str, int]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError:
        raise ValueError(f'host not found in syslog server "{host}:{port}"') from None
    return str(found[0][4][0]), port


def _parse_server(text: str) -> tuple[str, int] | str:
    if text.startswith("unix:"):
        return text.removeprefix("unix:")
    found = _SERVER.fullmatch(text)
    if found is None or not 0 < int(found["port"] or 514) < 65536:
        raise ValueError(f'invalid host or port in syslog server "{text}"')
    return found["host"].strip("[]"), int(found["port"] or 514)


def _parse_facility(text: str) -> str:
    if text not in FACILITIES:
        raise ValueError(f'unknown syslog facility "{text}"')
    return text


def _parse_severity(text: str) -> Level:
    if text not in LEVEL_NAMES:
        raise ValueError(f'unknown syslog severity "{text}"')
    return Level(LEVEL_NAMES.index(text))


def _parse_tag(text: str) -> str:
    if len(text) > _TAG_LENGTH:
        raise ValueError(f"syslog tag length exceeds {_TAG_LENGTH}")
    if not all(char.isascii() and (char.isalnum() or char == "_") for char in text):
        raise ValueError('syslog "tag" only allows alphanumeric characters and underscore')
    return text


_PARAMETERS: dict[str, Callable[[str], object]] = {
    "server": _parse_server,
    "facility": _parse_facility,
    "severity": _parse_severity,
    "tag": _parse_tag,
    "nohostname": str,
}
