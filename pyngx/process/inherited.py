"""Listening sockets that a service manager opened for us (sd_listen_fds(3)).

They give ports below 1024 without rights, and no refused connection while the service restarts.
"""

import os
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass

FIRST_FD = 3

_MOST = 1024
_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)


@dataclass(frozen=True, slots=True)
class InheritedSocket:
    """`address` is written as `listen` writes it: 127.0.0.1:80, [::]:80, unix:/path."""

    address: str
    name: str
    socket: socket.socket


def take_inherited_sockets(environ: MutableMapping[str, str], first_fd: int = FIRST_FD) -> tuple[InheritedSocket, ...]:
    """The stream sockets given to this process, non-blocking and closed to its children; the variables are removed."""
    count, pid = environ.pop("LISTEN_FDS", ""), environ.pop("LISTEN_PID", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    environ.pop("LISTEN_PIDFDID", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return ()
    fds = range(first_fd, first_fd + min(int(count), _MOST))
    names += ["unknown"] * len(fds)
    found = (_take(fd, name or "unknown") for fd, name in zip(fds, names, strict=False))
    return tuple(inherited for inherited in found if inherited is not None)


def listen_address(listener: socket.socket) -> str:
    name = listener.getsockname()
    match listener.family:
        case socket.AF_UNIX:
            path = name if isinstance(name, str) else f"@{name[1:].decode('utf-8', 'surrogateescape')}"
            return f"unix:{path}"
        case socket.AF_INET6:
            return f"[{name[0]}]:{name[1]}"
        case _:
            return f"{name[0]}:{name[1]}"


def _take(fd: int, name: str) -> InheritedSocket | None:
    try:
        listener = socket.socket(fileno=fd)
    except OSError:
        # No socket: a file that the unit opens for others (OpenFile=).
        return None
    if listener.type != socket.SOCK_STREAM or listener.family not in _FAMILIES:
        listener.detach()
        return None
    listener.set_inheritable(False)
    listener.setblocking(False)
    return InheritedSocket(listen_address(listener), name, listener)
