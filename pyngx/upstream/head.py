"""The head of a request, as bytes for the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.core.ports import Failure, UpstreamError

if TYPE_CHECKING:
    from pyngx.core.ports import Request

# Whose content is expected, so that none must be said (RFC 9110 8.6).
_METHODS_WITH_CONTENT = frozenset({b"POST", b"PUT", b"PATCH"})


def encode_head(request: Request) -> bytes:
    """The request line and the fields as they are, and the framing of the body after them.

    Raises UpstreamError for what can't be said: nothing in it may begin a line of its own.
    """
    fields = [*request.fields, *_framing(request)]
    lines = [b"%b %b HTTP/%b" % (request.method, request.target, request.version)]
    lines.extend(name + b": " + value for name, value in fields)
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    expected = len(fields) + 2
    if head.count(b"\n") != expected or head.count(b"\r") != expected or b"\0" in head:
        raise UpstreamError(Failure.ERROR, "the request's head holds a line break or a null byte", sent=False)
    return head


def _framing(request: Request) -> list[tuple[bytes, bytes]]:
    length = request.body_length
    if length is None:
        if request.version == b"1.0":
            raise UpstreamError(Failure.ERROR, "a body of unknown length can't be sent by HTTP/1.0", sent=False)
        return [(b"Transfer-Encoding", b"chunked")]
    if length or request.method in _METHODS_WITH_CONTENT:
        return [(b"Content-Length", b"%d" % length)]
    return []
