"""ngx_http_auth_basic_module: users and passwords from a file, asked for by Basic authentication (RFC 7617)."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from pyngx.config.arguments import Text, text
from pyngx.config.declare import directive
from pyngx.core.access import one_suffices
from pyngx.core.answers import Answer, Flow, Handler, Status
from pyngx.core.phases import Module, Phase
from pyngx.http.basic import read_basic
from pyngx.http.codec import text as decoded
from pyngx.http.codec import wire
from pyngx.http.passwords import UnknownScheme, is_password, load_schemes, quick_comparison, read_users
from pyngx.modules.headers import LINE_ENDS

if TYPE_CHECKING:
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

CONTEXTS = "http server location limit_except"
MOST_FILES = 64  # kept at a time; a file's name may have variables
MOST_PASSWORDS = 1024  # remembered as right
SETTLED_AFTER_NS = 2_000_000_000  # a file written twice within a tick of the clock may keep its time and size
THREADS = 2  # guessing must not take all of the machine


# settings


@dataclass(frozen=True, slots=True)
class AuthBasicSettings:
    """Who is asked for a password, and by what file."""

    auth_basic: Text | None = directive(
        text.called("string | off"),
        CONTEXTS,
        default=None,
        shown="off",
        doc="the realm that a password is asked for; `off` asks for none",
    )
    auth_basic_user_file: Text | None = directive(
        text.called("file"),
        CONTEXTS,
        default=None,
        doc="the file of users and hashed passwords, read again when it changes",
    )


# state


@dataclass(frozen=True, slots=True)
class _UserFile:
    """What was read from a file, and what the file was then."""

    users: dict[bytes, bytes]
    digest: bytes
    identity: tuple[int, ...]
    settled: bool


class UserFiles:
    """Password files, parsed when they change."""

    def __init__(self) -> None:
        self._files: dict[str, _UserFile] = {}

    def __repr__(self) -> str:
        return f"<UserFiles {' '.join(f'{path}:{len(file.users)}' for path, file in self._files.items())}>"

    def users(self, path: str) -> dict[bytes, bytes]:
        """What is stored for each user; raises OSError."""
        known = self._files.get(path)
        if known is not None and known.settled and _identity(os.stat(path)) == known.identity:
            return known.users
        self._files[path] = found = _read(path, known)
        if len(self._files) > MOST_FILES:
            del self._files[next(iter(self._files))]
        return found.users


def _read(path: str, known: _UserFile | None) -> _UserFile:
    with open(path, "rb", opener=_open) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        content = file.read()
    digest = blake2b(content).digest()
    users = known.users if known is not None and known.digest == digest else read_users(content)
    settled = time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > SETTLED_AFTER_NS
    return _UserFile(users, digest, _identity(status), settled)


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a FIFO must not stop the process


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class Passwords:
    """Compares passwords in threads, each once; those that were right are remembered by a keyed digest."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._right: dict[bytes, None] = {}  # the one used last at the end
        self._asked: dict[bytes, asyncio.Future[bool]] = {}
        self._threads = ThreadPoolExecutor(THREADS, "passwords")

    def __repr__(self) -> str:
        return f"<Passwords {len(self._right)} right, {len(self._asked)} asked>"

    def quickly(self, password: bytes, stored: bytes) -> bool | None:
        """Whether a password is right; None where that can't be told without computing."""
        if quick_comparison(stored) is not None:
            return is_password(password, stored)
        digest = self._digest(password, stored)
        if digest not in self._right:
            return None
        self._right[digest] = self._right.pop(digest)
        return True

    async def slowly(self, password: bytes, stored: bytes) -> bool:
        """The same with all the computing it takes; requests that come with the same password share it.

        Raises UnknownScheme. There is no deadline: the scheme's cost is what who chose it wants it to be.
        """
        digest = self._digest(password, stored)
        asked = self._asked.get(digest)
        if asked is None:
            loop = asyncio.get_running_loop()
            asked = self._asked[digest] = loop.run_in_executor(self._threads, is_password, password, stored)
            asked.add_done_callback(lambda done: self._answered(digest, done))
        return await asyncio.shield(asked)  # others wait for it as well

    def close(self) -> None:
        """Forget all."""
        self._right.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _answered(self, digest: bytes, done: asyncio.Future[bool]) -> None:
        del self._asked[digest]
        if done.cancelled() or done.exception() is not None or not done.result():
            return
        self._right[digest] = None
        if len(self._right) > MOST_PASSWORDS:
            del self._right[next(iter(self._right))]

    def _digest(self, password: bytes, stored: bytes) -> bytes:
        return blake2b(b"%d:%b%b" % (len(stored), stored, password), digest_size=16, key=self._key).digest()


# handlers


def make_handler(build: Build) -> Handler | None:
    """What asks for a password, in a location that says so."""
    own = build.settings(AuthBasicSettings)
    if own.auth_basic is None or own.auth_basic.value == "off":
        return None
    if own.auth_basic_user_file is None:
        build.remark(
            '"auth_basic" without "auth_basic_user_file" asks nobody', build.origin(AuthBasicSettings, "auth_basic")
        )
        return None
    realm = build.template(own.auth_basic).render
    stored_for = _lookup(build, own.auth_basic_user_file)
    passwords = build.claim("passwords", Passwords, Passwords.close)
    open_door = Flow.DECLINED if one_suffices(build) else None

    def handle(exchange: Exchange) -> Answer | Awaitable[Answer | None] | None:
        asked_for = realm(exchange)
        if asked_for == "off":
            return open_door
        credentials = read_basic(exchange.headers.get(b"authorization") or b"")
        if credentials is None:
            exchange.log("info", "password_missing", "no user/password was provided for basic authentication")
            return _challenge(asked_for)
        user, password = credentials
        stored = stored_for(exchange, user)
        if not isinstance(stored, bytes):
            return stored or _challenge(asked_for)
        right = passwords.quickly(password, stored)
        if right is None:
            return _computed(exchange, asked_for, user, passwords.slowly(password, stored))
        return None if right else _mismatch(exchange, asked_for, user)

    return handle


async def _computed(exchange: Exchange, realm: str, user: bytes, comparison: Awaitable[bool]) -> Answer | None:
    try:
        right = await comparison
    except UnknownScheme:
        message = f'user "{decoded(user)}": the stored password is of a kind that is not known here'
        exchange.log("error", "password_scheme_unknown", message)
        return _challenge(realm)
    return None if right else _mismatch(exchange, realm, user)


def _mismatch(exchange: Exchange, realm: str, user: bytes) -> Status:
    exchange.log("error", "password_mismatch", f'user "{decoded(user)}": password mismatch')
    return _challenge(realm)


def _challenge(realm: str) -> Status:
    value = LINE_ENDS.sub(b" ", wire(f'Basic realm="{realm}"'))
    return Status(401, headers=((b"WWW-Authenticate", value),))


def _lookup(build: Build, named: Text) -> Callable[[Exchange, bytes], bytes | Status | None]:
    """What finds what is stored for a user: None for who isn't there, a status where there is no file to read."""
    template = build.template(named)
    files = build.claim("user files", UserFiles)
    facts = {"directive": "auth_basic_user_file", "place": str(named.span)}
    load_schemes()
    if template.constant is not None:
        try:
            files.users(build.conf_path(template.constant))
        except OSError as error:
            build.remark(_describe(error), named.span, help="requests are refused until it can be read")

    def find(exchange: Exchange, user: bytes) -> bytes | Status | None:
        path = build.conf_path(template.render(exchange))
        try:
            stored = files.users(path).get(user)
        except OSError as error:
            is_missing = error.errno == errno.ENOENT
            exchange.log("error" if is_missing else "crit", "user_file_failed", _describe(error), **facts)
            return Status(403 if is_missing else 500)
        if stored is None:
            exchange.log("error", "user_unknown", f'user "{decoded(user)}" was not found in "{path}"')
        return stored

    return find


def _describe(error: OSError) -> str:
    return f'open() "{error.filename}" failed ({error.errno}: {error.strerror})'


MODULE = Module("auth_basic", settings=(AuthBasicSettings,), handlers={Phase.ACCESS: make_handler})
