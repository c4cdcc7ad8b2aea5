"""Root's rights, given up once the sockets are open: `user`."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterable
from dataclasses import dataclass

from pyngx.config.diagnostics import ConfigError
from pyngx.modules.main import User


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom to become."""

    name: str
    uid: int
    gid: int


def is_root() -> bool:
    return os.geteuid() == 0


def may_become(user: User) -> bool:
    """Whether we are that user, or can be."""
    try:
        return is_root() or pwd.getpwnam(user.name).pw_uid == os.geteuid()
    except KeyError:
        return False


def find_identity(user: User) -> Identity:
    """The numbers of a user and a group; raises ConfigError in nginx's words."""
    try:
        uid = pwd.getpwnam(user.name).pw_uid
    except KeyError:
        raise ConfigError(f'getpwnam("{user.name}") failed', user.span, help="there is no such user") from None
    try:
        gid = grp.getgrnam(user.group).gr_gid
    except KeyError:
        help = f'there is no such group; the group of "{user.name}" can be named: user {user.name} {_own_group(user)};'
        raise ConfigError(f'getgrnam("{user.group}") failed', user.span, help=help) from None
    return Identity(user.name, uid, gid)


def hand_over(paths: Iterable[str], identity: Identity) -> None:
    """Give files to whom we become, so that they can be written and opened again. Raises OSError."""
    for path in paths:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
        os.chown(path, identity.uid, -1)


def become(identity: Identity) -> None:
    """For good. Raises OSError."""
    os.setgid(identity.gid)
    os.initgroups(identity.name, identity.gid)
    os.setuid(identity.uid)


def _own_group(user: User) -> str:
    try:
        return grp.getgrgid(pwd.getpwnam(user.name).pw_gid).gr_name
    except KeyError:
        return "GROUP"
