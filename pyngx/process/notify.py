"""What a service manager and its service tell each other (sd_notify(3), sd_watchdog_enabled(3)).

Everything is silent where there is no manager: `NOTIFY_SOCKET` is not set, or nobody listens.
"""

import os
import socket
import time
from collections.abc import MutableMapping

# Datagrams to a busy manager wait for room; a service must not wait for its manager for ever.
_PATIENCE = 1.0


class Notifier:
    """Tells the manager how the service does; `address` is a path, or an abstract name with @ in front."""

    __slots__ = ("_address", "_socket")

    def __init__(self, address: str | None) -> None:
        self._address: str | None = None
        self._socket: socket.socket | None = None
        if address is not None and address[:1] in ("/", "@"):
            self._address = f"\0{address[1:]}" if address[0] == "@" else address
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.settimeout(_PATIENCE)

    def ready(self, status: str = "") -> None:
        """All listeners accept, or the reload is done."""
        self._send(READY=1, STATUS=status)

    def reloading(self, status: str = "") -> None:
        # The time lets the manager tell this reload from one before (systemd >= 253, Type=notify-reload).
        self._send(RELOADING=1, MONOTONIC_USEC=time.monotonic_ns() // 1000, STATUS=status)

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(STATUS=text)

    def stopping(self, status: str = "") -> None:
        self._send(STOPPING=1, STATUS=status)

    def watchdog(self) -> None:
        self._send(WATCHDOG=1)

    def main_pid(self, pid: int) -> None:
        self._send(MAINPID=pid)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, **assignments: str | int) -> None:
        if self._socket is None or self._address is None:
            return
        # A line feed within a value would start another assignment.
        lines = [f"{name}={' '.join(str(value).splitlines())}" for name, value in assignments.items() if value != ""]
        try:
            self._socket.sendto("\n".join(lines).encode("utf-8", "replace"), self._address)
        except OSError:
            pass


def open_notifier(environ: MutableMapping[str, str]) -> Notifier:
    """Takes the variable out of the environment: workers and hosted programs have nothing to say to the manager."""
    return Notifier(environ.pop("NOTIFY_SOCKET", None))


def take_watchdog_interval(environ: MutableMapping[str, str]) -> float | None:
    """Seconds between two signs of life, half of what the manager allows; None where none is asked of this process."""
    allowed, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
    if not allowed.isdecimal() or int(allowed) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(allowed) / 2_000_000
