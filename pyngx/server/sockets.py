"""Listening sockets: opened by the options of a `listen`, or inherited."""

from __future__ import annotations

import errno
import os
import socket
import stat
from typing import TYPE_CHECKING

from pyngx.core.listen import ListenAddress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyngx.core.listen import SocketOptions

BACKLOG = 511  # nginx's on Linux
UNIX_MODE = 0o666


class BindError(Exception):
    """An address that can't be listened on; the message is nginx's."""

    def __init__(self, call: str, address: ListenAddress, error: OSError) -> None:
        super().__init__(f"{call} failed ({error.errno}: {os.strerror(error.errno or 0)})")
        self.address = address
        self.errno = error.errno


def open_socket(address: ListenAddress, options: SocketOptions) -> socket.socket:
    """A socket that listens; raises BindError."""
    opened = socket.socket(_family(address), socket.SOCK_STREAM)
    try:
        _bind(opened, address, options)
        set_options(opened, options)
        _listen(opened, address, options)
    except BaseException:
        opened.close()
        raise
    return opened


def set_options(opened: socket.socket, options: SocketOptions) -> None:
    """What can be changed while a socket listens; accepted connections inherit it."""
    if options.rcvbuf is not None:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options.rcvbuf)
    if options.sndbuf is not None:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, options.sndbuf)
    if options.keepalive is not None:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(options.keepalive))


def backlog_of(options: SocketOptions) -> int:
    """Connections that may wait to be accepted; -1 is what the system allows."""
    if options.backlog is None:
        return BACKLOG
    return socket.SOMAXCONN if options.backlog < 0 else options.backlog


def address_of(opened: socket.socket) -> ListenAddress:
    """What a socket listens on."""
    name = opened.getsockname()
    if isinstance(name, tuple):
        return ListenAddress(str(name[0]), int(name[1]))
    return ListenAddress("", 0, os.fsdecode(name))


def inherit_sockets(descriptors: Iterable[int]) -> dict[ListenAddress, socket.socket]:
    """Sockets that a parent or systemd opened for us, by what they listen on."""
    found: dict[ListenAddress, socket.socket] = {}
    for descriptor in descriptors:
        opened = socket.socket(fileno=descriptor)
        os.set_inheritable(descriptor, False)
        found[address_of(opened)] = opened
    return found


def remove_socket_file(path: str) -> None:
    """Remove what a unix socket leaves behind."""
    try:
        os.unlink(path)
    except OSError:
        pass


def _family(address: ListenAddress) -> socket.AddressFamily:
    if address.path:
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in address.host else socket.AF_INET


def _bind(opened: socket.socket, address: ListenAddress, options: SocketOptions) -> None:
    opened.setblocking(False)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if options.reuseport:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(options.ipv6only is not False))
    try:
        if address.path:
            _bind_path(opened, address.path)
        else:
            opened.bind((address.host, address.port))
    except OSError as error:
        raise BindError(f"bind() to {address}", address, error) from None


def _bind_path(opened: socket.socket, path: str) -> None:
    try:
        opened.bind(path)
    except OSError as error:
        # nginx stops here. A socket that nobody listens on any more was left by a crash, and can't be meant.
        if error.errno != errno.EADDRINUSE or not _is_stale(path):
            raise
        os.unlink(path)
        opened.bind(path)
    os.chmod(path, UNIX_MODE)


def _is_stale(path: str) -> bool:
    if not stat.S_ISSOCK(os.stat(path).st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a full backlog must not hold us
        return probe.connect_ex(path) == errno.ECONNREFUSED


def _listen(opened: socket.socket, address: ListenAddress, options: SocketOptions) -> None:
    backlog = backlog_of(options)
    try:
        opened.listen(backlog)
    except OSError as error:
        if address.path:
            remove_socket_file(address.path)
        raise BindError(f"listen() to {address}, backlog {backlog}", address, error) from None
