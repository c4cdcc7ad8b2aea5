"""Stored passwords."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pyngx.http.passwords import UnknownScheme, is_password, quick_comparison, read_users

STORED = [
    b"{PLAIN}password",
    b"{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
    b"{SSHA}yI6cZwQadOA1e+/f+T+H3eCQQhRzYWx0",
    b"$apr1$salt$Xxd1irWT9ycqoYxGFn4cb.",
    b"$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
    b"$5$saltsalt$gOjOtoMpVhru2uyjeJSEc/JaLQWOXMNmlOnj6T4AtC.",
    b"$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/",
    b"sa3tHJ3/KuYvI",
    b"$2y$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm",
    b"$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$ePHX6tepXWusf6b6MH9TJ+SVGted3R/FtCkxq/X5UVo",
]


@pytest.mark.parametrize("stored", STORED)
def test_a_password_is_known_by_what_was_made_of_it(stored: bytes) -> None:
    assert is_password(b"password", stored)
    assert not is_password(b"Password", stored)
    assert not is_password(b"", stored)
    assert not is_password(b"password\0", stored)


@pytest.mark.parametrize(
    "stored",
    [
        *(b"{SHA}_____Mm5Pz8GgiULbPgzG37mj9g=", b"{SHA}Zm9vCg==", b"{SHA}", b"{SSHA}_____wQadOA1e+/f+T+H3eCQQhRzYWx0"),
        *(b"{SSHA}Zm9vCg==", b"{SSHA}", b"$apr1$", b"$1$", b"$5$", b"$6$rounds=x$a$b", b"$2y$", b"$2y$99$short"),
        *(b"$argon2id$", b"$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$"),
    ],
)
def test_a_broken_one_is_nobodys(stored: bytes) -> None:
    assert not is_password(b"1", stored)


def test_schemes_that_are_loaded_import_nothing_with_the_first_password() -> None:
    probe = (
        "import sys; from pyngx.http.passwords import is_password, load_schemes; load_schemes(); sys.meta_path.clear();"
        "print([is_password(b'password', stored.encode()) for stored in sys.argv[1:]])"
    )
    command = [sys.executable, "-c", probe, *(stored.decode() for stored in STORED)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"{[True] * len(STORED)}\n"


def test_bcrypt_looks_at_72_bytes() -> None:
    stored = b"$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i"
    assert is_password(b"x" * 72, stored)
    assert is_password(b"x" * 80, stored)


@pytest.mark.parametrize("stored", [b"", b"$unknown$x", b"*", b"!"])
def test_what_nobody_knows_is_told(stored: bytes) -> None:
    with pytest.raises(UnknownScheme):
        is_password(b"password", stored)


def test_what_is_slow_is_known_beforehand() -> None:
    assert [quick_comparison(stored) is not None for stored in STORED] == [True] * 3 + [False] * 7


def test_users_are_read_as_nginx_reads_them() -> None:
    content = b"#c:1\n\na:1\na:2\r\nb:2:comment\nc:3\r\n\rd:4\nno colon\n:5\ne:"
    assert read_users(content) == {b"a": b"1", b"b": b"2", b"c": b"3", b"": b"5", b"e": b""}
