"""Stored passwords, and whether one that was sent is the same (ngx_crypt.c, crypt(5)).

What takes microseconds is compared here. What is slow on purpose is the libraries' work: bcrypt, argon2-cffi, libpass
for the MD5, SHA-2 and DES schemes of crypt, and the system's own crypt for what else it knows (yescrypt, say).
"""

from __future__ import annotations

import ctypes
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import cache, partial
from hashlib import sha1
from importlib import import_module
from typing import Final, Protocol, cast

SHA1_SIZE: Final = 20
BCRYPT_SIZE: Final = 72  # bytes of a password that bcrypt looks at; its library takes no more
DES: Final = re.compile(rb"[./0-9A-Za-z]{13}")
LIBCRYPT: Final = ("libcrypt.so.2", "libcrypt.so.1", None)  # None: musl has it in its libc
LIBPASS: Final = ("apr_md5_crypt", "md5_crypt", "sha256_crypt", "sha512_crypt", "des_crypt")
CRYPT_DATA: Final = 1 << 18  # bytes, more than any library's struct crypt_data

Compare = Callable[[bytes, bytes], bool]
"""Compares a password with what is stored of it."""


class _Handler(Protocol):
    """One of libpass's schemes."""

    def verify(self, secret: bytes, hash: bytes) -> bool: ...


class UnknownScheme(Exception):
    """Nothing here can tell what a stored password was made by."""


def read_users(content: bytes) -> dict[bytes, bytes]:
    """The users of a password file and what is stored for each; a user's first line counts."""
    users: dict[bytes, bytes] = {}
    for line in content.split(b"\n"):
        if line[:1] in {b"#", b"\r"}:
            continue
        user, colon, rest = line.partition(b":")
        if colon:
            users.setdefault(user, rest.partition(b":")[0].partition(b"\r")[0])
    return users


def quick_comparison(stored: bytes) -> Compare | None:
    """What compares at once; None where it takes its time."""
    return next((compare for prefix, compare in _QUICK.items() if stored.startswith(prefix)), None)


def load_schemes() -> None:
    """Load all that compares passwords, 30 ms of imports: later, the process may be a user who can't read them."""
    for scheme in LIBPASS:
        choose = getattr(_libpass_handler(scheme), "get_backend", None)
        if choose is not None:
            choose()  # else it is chosen, and loaded, with the first password
    for library in ("bcrypt", "argon2"):
        import_module(library)
    _system_crypt()


def is_password(password: bytes, stored: bytes) -> bool:
    """Whether `stored` was made of the password; may take seconds of computing. Raises UnknownScheme."""
    if b"\0" in password:  # the end of a string for who wrote these schemes
        return False
    compare = quick_comparison(stored) or next(
        (compare for prefix, compare in _SLOW.items() if stored.startswith(prefix)),
        _des if DES.fullmatch(stored) else _by_system,
    )
    try:
        return compare(password, stored)
    except ValueError:  # a stored password that is cut off, or the like
        return False


def _plain(password: bytes, stored: bytes) -> bool:
    return hmac.compare_digest(stored[len(b"{PLAIN}") :], password)


def _sha(password: bytes, stored: bytes) -> bool:
    return hmac.compare_digest(stored[len(b"{SHA}") :], b64encode(sha1(password, usedforsecurity=False).digest()))


def _ssha(password: bytes, stored: bytes) -> bool:
    encoded = stored[len(b"{SSHA}") :]
    try:
        salt = b64decode(encoded, validate=True)[SHA1_SIZE:]
    except ValueError:
        return False
    digest = sha1(password + salt, usedforsecurity=False).digest()
    return hmac.compare_digest(encoded, b64encode(digest + salt))


def _by_libpass(scheme: str, password: bytes, stored: bytes) -> bool:
    return bool(_libpass_handler(scheme).verify(password, stored))


def _libpass_handler(scheme: str) -> _Handler:
    from passlib.registry import get_crypt_handler  # type: ignore[import-untyped] # noqa: PLC0415 -- it takes 20 ms

    return cast("_Handler", get_crypt_handler(scheme))


def _bcrypt(password: bytes, stored: bytes) -> bool:
    import bcrypt  # noqa: PLC0415 -- few need it

    return bcrypt.checkpw(password[:BCRYPT_SIZE], stored)


def _argon2(password: bytes, stored: bytes) -> bool:
    from argon2 import PasswordHasher  # noqa: PLC0415 -- few need it
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415

    try:
        return PasswordHasher().verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _by_system(password: bytes, stored: bytes) -> bool:
    """By crypt(3), as nginx does; it lets other threads run meanwhile."""
    crypt = _system_crypt()
    made = crypt(password, stored, ctypes.create_string_buffer(CRYPT_DATA)) if crypt is not None else None
    if not made or made.startswith(b"*"):
        raise UnknownScheme
    return hmac.compare_digest(made, stored)


@cache
def _system_crypt() -> Callable[[bytes, bytes, ctypes.Array[ctypes.c_char]], bytes | None] | None:
    for library in LIBCRYPT:
        try:
            crypt = ctypes.CDLL(library).crypt_r
        except (OSError, AttributeError):
            continue
        crypt.restype = ctypes.c_char_p
        crypt.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p)
        found: Callable[[bytes, bytes, ctypes.Array[ctypes.c_char]], bytes | None] = crypt
        return found
    return None


_QUICK: Final[dict[bytes, Compare]] = {b"{PLAIN}": _plain, b"{SHA}": _sha, b"{SSHA}": _ssha}
_SLOW: Final[dict[bytes, Compare]] = {
    b"$apr1$": partial(_by_libpass, "apr_md5_crypt"),
    b"$1$": partial(_by_libpass, "md5_crypt"),
    b"$5$": partial(_by_libpass, "sha256_crypt"),
    b"$6$": partial(_by_libpass, "sha512_crypt"),
    b"$2a$": _bcrypt,
    b"$2b$": _bcrypt,
    b"$2y$": _bcrypt,
    b"$argon2": _argon2,
}
_des: Final = partial(_by_libpass, "des_crypt")
