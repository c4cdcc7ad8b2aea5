"""Sending what the pipeline chose: error pages, built-in pages, bytes and files."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pyngx.core.answers import Answer, Content, FilePart, Named, Redirected, Refused, Status
from pyngx.http.status import shown_status

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange

CHUNK = 128 * 1024  # bytes read from a file at once
FILTERED_CHUNK = 32 * 1024  # the same where body filters work on them: gzip at level 9 takes 3 ms for so many
EXPANDED_CHUNK = 1024  # the same where they may make a thousand times as much of it, as unpacking can
CLOSING = frozenset({400, 413, 414, 495, 496, 497, 500, 501})  # as ngx_http_special_response_handler
REDIRECTS = frozenset({301, 302, 303, 307, 308})


def special(exchange: Exchange, status: Status) -> Answer | None:
    """What a stub or `error_page` says instead of a bare status (ngx_http_special_response_handler)."""
    if exchange.stub is not None:
        return Content(exchange.stub)
    code = status.code
    if code in CLOSING:
        exchange.keepalive = False
    location = exchange.location
    route = None if exchange.error_pages_over or not location.error_pages else location.error_pages.get(code)
    if route is None:
        exchange.error_status = 0
        return None
    exchange.in_error_page = True
    exchange.error_pages_over = not location.recursive_error_pages
    exchange.error_status = shown_status(code) if route.overwrite is None else route.overwrite
    target = route.target.render(exchange)
    exchange.error_location, exchange.error_fields = status.location, status.headers
    if target.startswith("/"):
        if exchange.method != "HEAD":
            exchange.method = "GET"
        uri, _, args = target.partition("?")
        return Redirected(uri, args)
    if target.startswith("@"):
        return Named(target[1:])
    exchange.error_status = code = route.overwrite if route.overwrite in REDIRECTS else 302
    return Status(code, location=target, headers=() if target else ((b"Location", b""),))


async def deliver(exchange: Exchange, answer: Answer) -> None:
    """Send an answer with its body."""
    match answer:
        case Status():
            response = exchange.location.built_in(exchange, answer)
        case Content(response):
            pass
        case _:
            raise AssertionError(answer)
    at_hand = response.parts or ()  # a filter may leave some of them out
    try:
        if exchange.body.expected and response.status < 400:
            _discard_body(exchange)
        exchange.respond(response)
        for part in response.parts or ():
            if exchange.header_only or exchange.ended:
                break
            if isinstance(part, FilePart):
                await _send_file(exchange, part)
            else:
                exchange.write(part)
        exchange.end()
    finally:
        for part in at_hand:
            if isinstance(part, FilePart):
                part.file.close()


def _discard_body(exchange: Exchange) -> None:
    """What came of a body that nobody asked for must be well-formed, unless the client waits to be asked for it."""
    if b"expect" not in exchange.headers and (status := exchange.body.discard()):
        raise Refused(status, "client sent invalid chunked body")


async def _send_file(exchange: Exchange, part: FilePart) -> None:
    part.file.seek(part.offset)
    left = part.length
    filtered = bool(exchange.body_filters)
    chunk = EXPANDED_CHUNK if exchange.expands else FILTERED_CHUNK if filtered else CHUNK
    while left and not exchange.ended:
        data = part.file.read(min(left, chunk))
        if not data:  # somebody truncated it meanwhile
            exchange.fail()
            return
        left -= len(data)
        exchange.write(data)
        await exchange.drain()
        if filtered and left:  # a client that is faster than the filters never has us wait, and others had no turn
            await asyncio.sleep(0)
