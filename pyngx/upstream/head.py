"""The head of a request, as bytes for the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.core.ports import Failure, UpstreamError

if TYPE_CHECKING:
    from pyngx.core.ports import Fields, Request

# Whose content is expected, so that none must be said (RFC 9110 8.6).
_METHODS_WITH_CONTENT = frozenset({b"POST", b"PUT", b"PATCH"})


def encode_head(request: Request) -> bytes:
    """The request line and the fields as they are, and the framing of the body after them.

    Raises UpstreamError for what can't be said: nothing in it may begin a line of its own.
    """
    line = b"%b %b HTTP/%b\r\n" % (request.method, request.target, request.version)
    if line.count(b"\n") != 1 or line.count(b"\r") != 1 or b"\0" in line:
        raise _unspeakable()
    lines = request.lines or encode_fields(request.fields)
    length = request.body_length
    if length == 0 and request.method not in _METHODS_WITH_CONTENT:
        return b"%b%b\r\n" % (line, lines)
    return b"%b%b%b\r\n" % (line, lines, _framing(request))


def encode_fields(fields: Fields) -> bytes:
    """Fields as lines; raises UpstreamError like `encode_head`."""
    lines = b"".join([b"%b: %b\r\n" % field for field in fields])
    if lines.count(b"\n") != len(fields) or lines.count(b"\r") != len(fields) or b"\0" in lines:
        raise _unspeakable()
    return lines


def _unspeakable() -> UpstreamError:
    return UpstreamError(Failure.ERROR, "the request's head holds a line break or a null byte", sent=False)


def _framing(request: Request) -> bytes:
    length = request.body_length
    if length is not None:
        return b"Content-Length: %d\r\n" % length
    if request.version == b"1.0":
        raise UpstreamError(Failure.ERROR, "a body of unknown length can't be sent by HTTP/1.0", sent=False)
    return b"Transfer-Encoding: chunked\r\n"
