"""What a handler can answer: a reply, another place to look, or that it answers later by itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, BinaryIO

from pyngx.http.headers import Headers

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange


@dataclass(frozen=True, slots=True)
class FilePart:
    """A run of bytes of an open file."""

    file: BinaryIO
    offset: int
    length: int


Body = bytes | FilePart


@dataclass(slots=True)
class Response:
    """A response's head while the filters work on it, and its body if that is already known."""

    status: int
    headers: Headers = field(default_factory=Headers)
    reason: bytes = b""  # empty: the registered one
    length: int | None = None  # of the body; None: unknown yet
    parts: tuple[Body, ...] | None = None  # None: the body comes by Exchange.write
    last_modified: float | None = None  # seconds since the epoch
    etag: bytes | None = None
    location: str = ""  # where a redirect of our own points; made absolute as the settings say
    allow_ranges: bool = False
    server: bytes | None = None  # what the upstream called itself; None: pyngx's own name
    date: bytes | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """A bare status: answered by `error_page` if one is configured, else by the built-in page."""

    code: int
    location: str = ""  # where redirects point; made absolute when it is sent
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """An answer that has its body, or knows where it is."""

    response: Response


@dataclass(frozen=True, slots=True)
class Redirected:
    """Look again, from the server's rewrites on, at another URI; an internal redirect."""

    uri: str
    args: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """Go on in a named location."""

    name: str


class Flow(Enum):
    """Answers without content."""

    TAKEN = "taken"  # the handler answers by itself, now or later
    CLOSE = "close"  # close the connection without a response (status 444)


Answer = Status | Content | Redirected | Named | Flow
Handler = Callable[["Exchange"], Awaitable[Answer | None] | Answer | None]
HeaderFilter = Callable[["Exchange", Response], None]
Logger = Callable[["Exchange"], None]


class Refused(Exception):
    """A request that is answered by a bare status; raised where returning one is out of reach."""

    def __init__(self, code: int, why: str = "") -> None:
        super().__init__(why or str(code))
        self.code = code
        self.why = why
