"""Bytes of a peer become a response: no I/O, with aiohttp's parser for heads and chunks.

The parser gets heads one at a time and the chunked body alone. So garbage behind a response can't spoil it, a malformed
chunk is an event rather than a silence, and bodies of known length cost nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from aiohttp.http import HttpProcessingError, HttpResponseParser

from pyngx.core.ports import Failure
from pyngx.http.response_head import MAX_LENGTH, BadResponse, parse_response_head

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from aiohttp.http import RawResponseMessage
    from aiohttp.streams import StreamReader

Fields = list[tuple[bytes, bytes]]

HEAD_LIMIT = 128 * 1024
FIELDS_LIMIT = 1000
INFORMATIONAL_LIMIT = 32  # an endless row of 1xx would be an endless wait

_HEAD_END = re.compile(rb"\n\r?\n")
_PREFIX = b"HTTP/"
_LENGTH = re.compile(rb"\d{1,19}")
_LAST_CHUNK = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Informational:
    """A 1xx response other than 101."""

    status: int
    fields: Fields


@dataclass(frozen=True, slots=True)
class Head:
    """The head of the final response."""

    status: int
    reason: bytes
    fields: Fields


@dataclass(frozen=True, slots=True)
class Ended:
    """The response is whole."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The response is none, or it broke off."""

    failure: Failure
    message: str


Event = Informational | Head | bytes | Ended | Broken


class _Body(Enum):
    """Where the response is, and how the end of its body is known (RFC 9112 6.3)."""

    HEAD = auto()
    LENGTH = auto()
    CHUNKED = auto()
    CLOSE = auto()
    OVER = auto()


class ResponseReader:
    """Reads one response, with the informational ones before it."""

    def __init__(self, method: bytes, loop: asyncio.AbstractEventLoop, head_limit: int = HEAD_LIMIT) -> None:
        self._method = method
        self._head_limit = head_limit
        self._state = _Body.HEAD
        self._head = b""
        self._informational = 0
        self._left = 0
        self._tail = b""
        self._keep_alive = False
        self._payload: StreamReader | None = None
        self.rest = b""  # what came behind the response
        self._parser = HttpResponseParser(
            _Unpaced(),  # type: ignore[arg-type]  # the parser asks no more of it
            loop,
            2**30,  # never pauses: the payload is emptied at once
            max_line_size=max(head_limit, HEAD_LIMIT),
            max_field_size=max(head_limit, HEAD_LIMIT),
            max_headers=FIELDS_LIMIT,
            response_with_body=method != b"HEAD",
            read_until_eof=True,
            auto_decompress=False,
        )

    @property
    def is_reusable(self) -> bool:
        """Whether the connection is surely at the beginning of the next response."""
        return self._state is _Body.OVER and self._keep_alive and not self.rest

    def feed(self, data: bytes) -> Iterator[Event]:
        """What the bytes mean, in order. After `Ended` or `Broken` nothing more."""
        if not self._awaits_head():
            yield from self._feed_body(data)
            return
        self._head = self._head + data if self._head else data
        while self._awaits_head():
            event = self._next_head()
            if event is None:
                return
            yield event
        data, self._head = self._head, b""
        yield from self._feed_body(data)

    def end(self, *, clean: bool) -> Event | None:
        """What the end of the connection means; `None` after the response. Not clean: a reset."""
        match self._state:
            case _Body.OVER:
                return None
            case _Body.CLOSE if clean:
                self._state = _Body.OVER
                return Ended()
            case _Body.HEAD:
                return self._break(Failure.ERROR, "closed the connection before a whole response head")
            case _:
                return self._break(Failure.TRUNCATED, "closed the connection before the end of the response")

    def _awaits_head(self) -> bool:
        return self._state is _Body.HEAD

    def _next_head(self) -> Event | None:
        """The next head of `_head`, or why it can't be one; `None`: not all of it is here."""
        head = self._head
        if head[: len(_PREFIX)] != _PREFIX[: len(head)]:
            return self._break(Failure.INVALID_HEADER, f"sent no HTTP response: {head[:40]!r}")
        end = _HEAD_END.search(head)
        if (end.end() if end else len(head) + 1) > self._head_limit:
            return self._break(
                Failure.INVALID_HEADER, "sent too big header while reading response header from upstream"
            )
        if end is None:
            return None
        self._head = head[end.end() :]
        try:
            parse_response_head(head[: end.end()])  # aiohttp's unfolds lines, takes HTTP/2.0 and NUL in a reason
            messages, _, _ = self._parser.feed_data(head[: end.end()])
        except BadResponse as error:
            return self._break(Failure.INVALID_HEADER, str(error))
        except HttpProcessingError as error:
            return self._break(Failure.INVALID_HEADER, f"sent an invalid response head: {_first_line(error)}")
        if not messages:
            return self._break(Failure.INVALID_HEADER, "sent an invalid response head")
        message, payload = messages[0]
        return self._take_head(message, payload)

    def _take_head(self, message: RawResponseMessage, payload: StreamReader) -> Event:
        fields = list(message.raw_headers)
        if any(b"\r" in value or b"\n" in value for _, value in fields):
            return self._break(Failure.INVALID_HEADER, "sent a line break within a header field")
        if message.code < 100:
            return self._break(Failure.INVALID_HEADER, f"sent status {message.code}")
        if message.code < 200 and message.code != 101:
            self._informational += 1
            if self._informational > INFORMATIONAL_LIMIT:
                return self._break(Failure.INVALID_HEADER, "sent too many informational responses")
            return Informational(message.code, fields)
        self._payload = payload
        self._keep_alive = _keeps_alive(message.version >= (1, 1), fields)
        problem = self._choose_framing(message.code, fields)
        if problem:
            return self._break(Failure.INVALID_HEADER, problem)
        reason = (message.reason or "").encode("utf-8", "surrogateescape")
        return Head(message.code, reason, fields)

    def _choose_framing(self, status: int, fields: Fields) -> str:
        """Decide how the body ends; returns what is wrong with the fields that say it."""
        codings = [value.lower() for name, value in fields if name.lower() == b"transfer-encoding"]
        lengths = [value for name, value in fields if name.lower() == b"content-length"]
        if codings and lengths:
            return "sent both Content-Length and Transfer-Encoding"
        if codings and codings != [b"chunked"]:
            return f"sent an unknown Transfer-Encoding: {codings[0]!r}"
        if len(lengths) > 1 or not all(_LENGTH.fullmatch(length) and int(length) <= MAX_LENGTH for length in lengths):
            return "sent an invalid Content-Length"
        if self._method == b"HEAD" or status in (101, 204, 304):
            self._state, self._left = _Body.LENGTH, 0
        elif codings:
            self._state = _Body.CHUNKED
        elif lengths:
            self._state, self._left = _Body.LENGTH, int(lengths[0])
        else:
            self._state, self._keep_alive = _Body.CLOSE, False
        return ""

    def _feed_body(self, data: bytes) -> Iterator[Event]:
        match self._state:
            case _Body.LENGTH:
                yield from self._feed_length(data)
            case _Body.CHUNKED if data:
                yield from self._feed_chunks(data)
            case _Body.CLOSE if data:
                yield data
            case _Body.OVER:
                self.rest += data

    def _feed_length(self, data: bytes) -> Iterator[Event]:
        self.rest = data[self._left :]
        part = data[: self._left] if self.rest else data
        self._left -= len(part)
        if part:
            yield part
        if not self._left:
            self._state = _Body.OVER
            yield Ended()

    def _feed_chunks(self, data: bytes) -> Iterator[Event]:
        payload = self._payload
        assert payload is not None
        surplus, problem = False, ""
        try:
            messages, _, _ = self._parser.feed_data(data)
            surplus = bool(messages)
        except HttpProcessingError as error:
            problem = _first_line(error)
        part = payload.read_nowait(-1)
        if part:
            yield part
        self._tail = (self._tail + data)[-len(_LAST_CHUNK) :]
        if payload.is_eof():
            # The parser doesn't say where the last chunk ended. Only a body that ends with these bytes, and without
            # trailers, surely has nothing behind it.
            self._keep_alive = self._keep_alive and not problem and not surplus and self._tail == _LAST_CHUNK
            self._state = _Body.OVER
            yield Ended()
        elif problem:
            yield self._break(Failure.TRUNCATED, f"sent an invalid chunk: {problem}")

    def _break(self, failure: Failure, message: str) -> Broken:
        self._state = _Body.OVER
        self._keep_alive = False
        self._head = b""
        return Broken(failure, message)


def _keeps_alive(persistent: bool, fields: Fields) -> bool:
    """Whether the peer leaves the connection open (RFC 9112 9.3). The parser's answer is wrong after HEAD."""
    for name, value in fields:
        if name.lower() == b"connection":
            options = {option.strip() for option in value.lower().split(b",")}
            persistent = b"close" not in options and (persistent or b"keep-alive" in options)
    return persistent


class _Unpaced:
    """What the parser takes for its connection; flow control isn't its business."""

    connected = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self, resume_parser: bool = True) -> None:
        pass


def _first_line(error: Exception) -> str:
    text = getattr(error, "message", "") or str(error)
    return str(text).strip().partition("\n")[0].rstrip(":")
