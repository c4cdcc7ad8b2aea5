"""What holds of any bytes: each function takes some, and raises AssertionError, or what should never be raised.

They are tried by hypothesis with bytes that resemble HTTP, and by coverage-guided fuzzing (`__main__.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress

from pyngx.config.diagnostics import ConfigError, Diagnostic
from pyngx.config.source import Source
from pyngx.config.syntax import parse
from pyngx.core.connection import ConnectionSettings
from pyngx.core.ports import UpstreamError
from pyngx.http import request_head, response_head
from pyngx.http.accept_encoding import accepts_gzip
from pyngx.http.args import argument_finder
from pyngx.http.body_reader import BodyReader
from pyngx.http.chunked import BadChunk
from pyngx.http.codec import text, wire
from pyngx.http.dates import parse_http_date
from pyngx.http.framing import body_length, check_repeats
from pyngx.http.headers import Headers
from pyngx.http.host import BadHost, parse_host
from pyngx.http.ranges import Unsatisfiable, parse_ranges
from pyngx.http.request_facts import request_facts
from pyngx.http.request_head import BadHead, FieldRules, RequestHead
from pyngx.http.response_head import BadResponse
from pyngx.http.target import BadTarget, normalise_path, parse_target, parse_unsafe_uri, split_plain
from pyngx.server.inbox import Inbox
from pyngx.upstream.head import encode_fields

LARGE = ConnectionSettings(large_client_header_buffers=(4, 2**20), max_headers=2**20)
NAME = re.compile(rb"[^\x00-\x20\x7f:]+")
PLAIN_NAME = re.compile(rb"[A-Za-z0-9_-]+")
VALUE = re.compile(rb"(?:[^\x00\r\n \t](?:[^\x00\r\n]*[^\x00\r\n \t])?)?")
# A chunked body by the letter of RFC 9112 7.1, but for the quotes of extensions.
CHUNKED = re.compile(rb"(?:([0-9A-Fa-f]+)[ \t]*(?:;[^\r\n\0]*)?\r\n)")


def request_heads(data: bytes) -> None:
    """Heads are the same however they are read and split, and what they hold can be passed on."""
    switch, data = data[:1] or b"\0", data[1:]
    rules = FieldRules(bool(switch[0] & 1), bool(switch[0] & 2))
    whole, parts = (_take(data, rules, step) for step in (len(data) or 1, 1))
    parsed = whole[0]
    if isinstance(parsed, RequestHead) and parsed.version == "0.9":  # nothing is read behind it
        assert parsed == parts[0]
        return
    assert whole == parts, "depends on how it is split"
    if not isinstance(parsed, RequestHead):
        return
    for name, value in parsed.headers:
        assert (PLAIN_NAME if rules.ignores_invalid else NAME).fullmatch(name), name
        assert VALUE.fullmatch(value), value
    encode_fields(parsed.headers.items)
    _framing(parsed)


def _take(data: bytes, rules: FieldRules, step: int) -> tuple[RequestHead | tuple[int, str] | None, bytes]:
    inbox = Inbox()
    parsed: RequestHead | None = None
    try:
        for at in range(0, len(data), step):
            inbox.add(data[at : at + step])
            if parsed is None:
                parsed = inbox.take_head(LARGE, rules)
    except BadHead as error:
        return (error.status, str(error)), b""
    return parsed, inbox.data


def _framing(parsed: RequestHead) -> None:
    headers = parsed.headers
    lengths, codings = headers.all(b"content-length"), headers.all(b"transfer-encoding")
    try:
        check_repeats(headers)
        length = body_length(headers, parsed.version)
    except BadHead:
        assert not request_facts(headers).is_bare
        return
    assert request_facts(headers).is_bare or lengths or codings or headers.get(b"expect") is not None
    assert len(lengths) + len(codings) <= 1
    assert (length is None) == bool(codings)
    if lengths:
        assert length == int(lengths[0])


def plain_and_odd_heads(data: bytes) -> None:
    """The fast way through a head gives what the slow one does."""
    head = b"GET / HTTP/1.1\r\n" + data + b"\r\n\r\n"
    end = request_head.HEAD_END.search(head)
    assert end is not None
    head = head[: end.end()]
    rules = FieldRules()
    found = []
    for way in (request_head.parse_request_head, request_head._parse_slowly):
        try:
            found.append(way(head, rules).headers.items)
        except BadHead as error:
            found.append([(b"", str(error).encode())])
    assert found[0] == found[1]


def response_heads(data: bytes) -> None:
    """Heads of responses are clear, or refused."""
    head = b"HTTP/1.1 200" + data + b"\r\n\r\n"
    end = request_head.HEAD_END.search(head)
    assert end is not None
    try:
        parsed = response_head.parse_response_head(head[: end.end()])
    except BadResponse:
        return
    assert 100 <= parsed.status <= 999
    assert VALUE.fullmatch(parsed.reason.strip(b" \t"))
    for _, value in parsed.headers:
        assert VALUE.fullmatch(value), value
    encode_fields(parsed.headers.items)
    if not parsed.problem:
        lengths, codings = parsed.headers.all(b"content-length"), parsed.headers.all(b"transfer-encoding")
        assert len(lengths) + len(codings) <= 1
        assert parsed.is_chunked == bool(codings)
        assert parsed.length == (int(lengths[0]) if lengths else None)


def chunked_bodies(data: bytes) -> None:
    """A body is the same however it is split, and ends where the letter of the rule says."""
    whole = _read(data, len(data) or 1)
    assert whole == _read(data, 1), "depends on how it is split"
    if whole is None or not whole[2]:
        return
    content, at = b"", 0
    while match := CHUNKED.match(data, at):
        at, size = match.end(), int(match[1], 16)
        if not size:
            break
        content += data[at : at + size]
        assert data[at + size : at + size + 2] == b"\r\n"
        at += size + 2
    while not data.startswith(b"\r\n", at):
        at = data.index(b"\r\n", at) + 2
    assert (content, data[at + 2 :]) == whole[:2]


def _read(data: bytes, step: int) -> tuple[bytes, bytes, bool] | None:
    reader = BodyReader(None)
    content, rest = b"", b""
    try:
        for at in range(0, len(data), step):
            part = data[at : at + step]
            if reader.done:
                rest += part
            else:
                content += reader.feed(part)
                rest += reader.rest
    except BadChunk:
        return None
    return content, rest, reader.done


def targets(data: bytes) -> None:
    """A path is below the root, and stays what it is; what is passed on as it came leads to the same."""
    target = text(data)
    plain = split_plain(target)
    for merge in (True, False):
        try:
            parsed = parse_target(data, merge)
        except BadTarget:
            assert plain is None
            continue
        assert parsed.path[:1] == "/"
        assert "\0" not in parsed.path
        assert not {".", ".."} & set(parsed.path.split("/"))
        assert normalise_path(parsed.path, merge) == parsed.path
        if plain is not None:
            assert plain == (parsed.path, parsed.args)
        if not parsed.unclear:
            again = parse_target(wire(parsed.raw), merge)
            assert (again.path, again.args) == (parsed.path, parsed.args)
    with suppress(BadTarget):
        path, _ = parse_unsafe_uri(target)
        assert ".." not in path.split("/")


def values(data: bytes) -> None:
    """What fields say is read, or isn't."""
    with suppress(BadHost):
        host = parse_host(data)
        assert host.name == host.name.lower()
        assert not re.search(r"[\x00-\x20/\\@#?]", host.name)
    ranges = parse_ranges(data, 1000)
    if ranges is not None and not isinstance(ranges, Unsatisfiable):
        assert all(0 <= part.start < part.end <= 1000 for part in ranges)
        assert len(ranges) == 1 or sum(part.size for part in ranges) <= 1000
    parse_http_date(data)
    accepts_gzip(data)
    argument_finder("a")(text(data))
    fields = Headers([(b"Connection", data), (b"User-Agent", data), (b"Cookie", data), (b"Expect", data)])
    request_facts(fields)
    with suppress(UpstreamError):
        assert encode_fields([(b"X", data)]).count(b"\n") == 1


def configurations(data: bytes) -> None:
    """A text is a configuration, or its errors have places."""
    written = text(data)
    diagnostics: Sequence[Diagnostic] = ()
    try:
        parse(Source("x.conf", written))
    except ConfigError as found:
        diagnostics = found.diagnostics
    for diagnostic in diagnostics:
        assert diagnostic.span is None or 0 <= diagnostic.span.start <= diagnostic.span.end <= len(written)


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        *(request_heads, plain_and_odd_heads, response_heads, chunked_bodies, targets, values, configurations),
    )
}
