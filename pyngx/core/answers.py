"""What a handler can answer: a reply, another place to look, or that it answers later by itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from pyngx.http.dates import parse_http_date
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


# A msgspec record, as all that is made for each request: a fifth of what a dataclass costs.
class Response(msgspec.Struct):
    """A response's head while the filters work on it, and its body if that is already known."""

    status: int
    headers: Headers = msgspec.field(default_factory=Headers)
    reason: bytes = b""  # empty: the registered one
    length: int | None = None  # of the body; None: unknown yet
    parts: tuple[Body, ...] | None = None  # None: the body comes by Exchange.write
    # What the response is recognised by. Where `headers` has the field as well, its bytes are what is sent.
    last_modified: int | None = None  # seconds since the epoch
    etag: bytes | None = None
    location: str = ""  # where a redirect of our own points; made absolute as the settings say
    allow_ranges: bool = False
    server: bytes | None = None  # what the upstream called itself; None: pyngx's own name
    date: bytes | None = None
    buffering: bool | None = None  # whether the upstream wants its body buffered; None: as the location says

    def modified(self) -> int | None:
        """When the content changed, in seconds since the epoch."""
        value = self.headers.get(b"last-modified")
        return parse_http_date(value) if value is not None else self.last_modified

    def entity_tag(self) -> bytes | None:
        """The ETag, as it is going to be sent."""
        value = self.headers.get(b"etag")
        return self.etag if value is None else value

    def set_etag(self, etag: bytes | None) -> None:
        """Change the ETag, or drop it."""
        self.etag = etag
        if b"etag" in self.headers:
            self.headers.remove(b"ETag")

    def drop_last_modified(self) -> None:
        """Forget when the content changed: a filter has made other content of it."""
        self.last_modified = None
        if b"last-modified" in self.headers:
            self.headers.remove(b"Last-Modified")


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
    DECLINED = "declined"  # no opinion, of a handler in the access phase under `satisfy any`


Answer = Status | Content | Redirected | Named | Flow
ANSWERS = (Flow, Content, Status, Redirected, Named)  # for isinstance, which takes a tuple faster than a union
Handler = Callable[["Exchange"], Awaitable[Answer | None] | Answer | None]
HeaderFilter = Callable[["Exchange", Response], None]
"""Changes a response before its head is sent; may raise Refused to have a bare status in its place."""
Logger = Callable[["Exchange"], None]


class Refused(Exception):
    """A request that is answered by a bare status; raised where returning one is out of reach."""

    def __init__(self, code: int, why: str = "", headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(why or str(code))
        self.code = code
        self.why = why
        self.headers = headers

    @property
    def status(self) -> Status:
        """What it is answered by."""
        return Status(self.code, headers=self.headers)
