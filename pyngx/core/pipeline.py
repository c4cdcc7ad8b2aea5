"""The way of a request: server, rewrites, location, limits, access, content, response. The file to open first.

`handle` is what a server calls for each exchange; it returns when the answer is chosen and, unless somebody else has
taken it over, sent. Handlers return an answer or None; errors take the way through `error_page`; whoever answers later
(a proxied response that failed, say) comes back through `answer_later`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from pyngx.core.answers import ANSWERS, Answer, Flow, Named, Redirected, Refused, Response, Status
from pyngx.core.deliver import deliver, special
from pyngx.core.eager import start_eagerly
from pyngx.core.locations import Found
from pyngx.core.request_head import read_target
from pyngx.http.escape import escape_uri

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from pyngx.core.answers import Handler
    from pyngx.core.exchange import Exchange
    from pyngx.core.generation import Location
    from pyngx.core.servers import ServerNames

    Chooser = Callable[[], Awaitable[Answer]]
    Stage = Callable[[Exchange], Awaitable[Answer]]

UNANSWERED = frozenset({408, 499})  # ngx_http_finalize_request closes the connection, whatever error_page says
MAX_LOOPS = 10  # rewrites and internal redirects of one request, as nginx's NGX_HTTP_MAX_URI_CHANGES


async def handle(exchange: Exchange, servers: ServerNames) -> None:
    """Answer a request that came to an address of these servers."""
    if (choose := _straight(exchange, servers)) is not None:
        await _settle(exchange, choose)


def handle_at_once(exchange: Exchange, servers: ServerNames) -> None:
    """The same in a callback: what has to wait goes on in a task, and most requests need none."""
    if (choose := _straight(exchange, servers)) is not None:
        start_eagerly(_settle(exchange, choose), exchange.spawn, "exchange")


async def handle_inner(exchange: Exchange) -> None:
    """Answer a subrequest, whose server and URI are given: see core/subrequest.py."""
    await _settle(exchange, lambda: _route(exchange))


async def refuse(exchange: Exchange, servers: ServerNames, code: int, why: str) -> None:
    """Answer what can't be taken for a request, as the address's default server would."""
    exchange.generation.exchange_opened()
    exchange.server, exchange.location = servers.default, servers.default.location
    if exchange.version:
        with suppress(Refused):  # the target and the host may be known, whatever else is wrong
            read_target(exchange, servers.default.merge_slashes)
            if exchange.host:
                exchange.server = servers.find(exchange, exchange.host)
                exchange.location = exchange.server.location
    else:
        exchange.uri = ""
    await _settle(exchange, _failing(Refused(code, why)))


async def answer_later(exchange: Exchange, answer: Answer) -> None:
    """Go on with an exchange that a handler had taken, by another answer."""

    await _settle(exchange, _given(answer))


async def _settle(exchange: Exchange, choose: Chooser) -> None:
    """Answer; the outermost border, at which a fault of ours ends one response."""
    try:
        await _follow(exchange, choose)
    except Exception as error:
        exchange.log("alert", "response_failed", f"{type(error).__name__}: {error}", exception=error)
        exchange.fail()


async def _follow(exchange: Exchange, choose: Chooser) -> None:
    """Follow answers to the one that is sent."""
    while not exchange.ended:
        answer = await _guarded(exchange, choose)
        match answer:
            case Flow.TAKEN:
                return
            case Flow.CLOSE:
                exchange.response = Response(444)
                exchange.fail()
                return
            case Redirected() | Named():
                choose = _chooser(exchange, answer)
            case Status(code) if code in UNANSWERED:
                exchange.response = Response(code)
                exchange.fail()
                return
            case Status() if (instead := special(exchange, answer)) is not None:
                choose = _chooser(exchange, instead)
            case _:
                try:
                    await deliver(exchange, answer)
                except Refused as refused:  # a header filter wants another answer
                    choose = _chooser(exchange, refused.status)
                else:
                    return


async def _guarded(exchange: Exchange, choose: Chooser) -> Answer:
    """An answer in any case: what a handler raises becomes one."""
    try:
        return await choose()
    except Refused as refused:
        if refused.why:
            exchange.log("info" if refused.code < 500 else "error", "request_refused", refused.why)
        return refused.status
    except Exception as error:  # the outermost border: a fault of ours must not take the connection down
        exchange.log("alert", "handler_failed", f"{type(error).__name__}: {error}", exception=error)
        return Status(500)


def _chooser(exchange: Exchange, answer: Answer) -> Chooser:
    match answer:
        case Redirected(uri, args):
            return lambda: _redirect(exchange, uri, args)
        case Named(name):
            return lambda: _enter_named(exchange, name)
        case _:
            return _given(answer)


def _given(answer: Answer) -> Chooser:
    async def given() -> Answer:
        return answer

    return given


def _straight(exchange: Exchange, servers: ServerNames) -> Chooser | None:
    """Go through all phases as far as nothing has to be waited for; what is left, or None if the request is taken."""
    exchange.generation.exchange_opened()
    try:
        _enter(exchange, servers)
        server = exchange.server
        if server.post_read and (choose := _attempt(exchange, server.post_read, _route)) is not None:
            return choose
        if server.rewrite and (choose := _attempt(exchange, server.rewrite, _locate)) is not None:
            return choose
        exchange.uri_changed = False
        if (answer := _find_location(exchange)) is not None:
            return _given(answer)
        if rewrite := exchange.location.rewrite:
            if (choose := _attempt(exchange, rewrite, _rewritten)) is not None:
                return choose
            if exchange.uri_changed:
                return lambda: _rewritten(exchange)
        handlers = iter(exchange.location.inside)  # an `if` may have put another in its place
        for handler in handlers:
            result = handler(exchange)
            if result is Flow.TAKEN:
                return None
            if result is not None:
                return _remaining(exchange, result, handlers, _nowhere)
    except Exception as error:
        return _failing(error)
    return lambda: _nowhere(exchange)


def _attempt(exchange: Exchange, handlers: Sequence[Handler], then: Stage) -> Chooser | None:
    """Run the handlers of a phase; what is left to do if one of them answers, or has to wait."""
    remaining = iter(handlers)
    for handler in remaining:
        if (result := handler(exchange)) is not None:
            return _remaining(exchange, result, remaining, then)
    return None


def _remaining(
    exchange: Exchange, result: Answer | Awaitable[Answer | None], handlers: Iterable[Handler], then: Stage
) -> Chooser:
    """What is left of a phase, and after it, once a handler has given that."""
    if isinstance(result, ANSWERS):
        return _given(result)

    async def rest() -> Answer:
        answer = await result
        if answer is None:
            answer = await _run(exchange, handlers)
        return answer if answer is not None else await then(exchange)

    return rest


def _failing(error: Exception) -> Chooser:
    async def failing() -> Answer:
        raise error

    return failing


def _enter(exchange: Exchange, servers: ServerNames) -> None:
    """Read the target, and find the server."""
    default = servers.default
    exchange.server, exchange.location = default, default.location
    read_target(exchange, default.merge_slashes)
    exchange.server = server = servers.find(exchange, exchange.host)
    exchange.location = server.location


async def _route(exchange: Exchange) -> Answer:
    """From the server's rewrites to an answer."""
    exchange.location = exchange.server.location
    rewrite = exchange.server.rewrite
    if rewrite and (answer := await _run(exchange, rewrite)) is not None:
        return answer
    return await _locate(exchange)


async def _locate(exchange: Exchange) -> Answer:
    """From the location to an answer."""
    exchange.uri_changed = False
    if (answer := _find_location(exchange)) is not None:
        return answer
    rewrite = exchange.location.rewrite
    if rewrite and (answer := await _run(exchange, rewrite)) is not None:
        return answer
    return await _rewritten(exchange)


async def _rewritten(exchange: Exchange) -> Answer:
    """Go on after a location's rewrites: inside it, or in another if that is what they ask for."""
    if not exchange.uri_changed:
        return await _inside(exchange)
    _count_loop(exchange, "rewrite or internal redirection cycle while processing")
    return await _locate(exchange)


def _find_location(exchange: Exchange) -> Answer | None:
    location, found = exchange.server.locations.find(exchange)
    location = location or exchange.server.location
    exchange.location = location
    if found is Found.REDIRECT:
        args = f"?{exchange.args}" if exchange.args else ""
        return Status(301, location=f"{escape_uri(exchange.uri)}/{args}")
    if location.internal and not exchange.internal:
        return Status(404)
    return _enter_location(exchange, location)


def _enter_location(exchange: Exchange, location: Location) -> Answer | None:
    if location.limit_except is not None:
        allowed, otherwise = location.limit_except
        if exchange.method not in allowed:
            exchange.location = location = otherwise
    body = exchange.body
    body.limit = location.max_body_size
    if body.expected and body.limit and not exchange.internal and (body.length or 0) > body.limit:
        exchange.keepalive = False
        exchange.log("error", "body_too_large", f"client intended to send too large body: {body.length} bytes")
        return Status(413)
    return None


async def _inside(exchange: Exchange) -> Answer:
    """The phases after the location is settled."""
    location = exchange.location
    answer = await _run(exchange, location.inside if exchange.parent is None else location.inner)
    return answer if answer is not None else await _nowhere(exchange)


async def _nowhere(_exchange: Exchange) -> Answer:
    """Nobody has an answer."""
    return Status(404)


async def _run(exchange: Exchange, handlers: Iterable[Handler]) -> Answer | None:
    for handler in handlers:
        answer = handler(exchange)
        if answer is not None:
            if not isinstance(answer, ANSWERS):
                answer = await answer
                if answer is None:
                    continue
            return answer
    return None


async def _redirect(exchange: Exchange, uri: str, args: str) -> Answer:
    _count_loop(exchange, "rewrite or internal redirection cycle while internally redirecting to")
    exchange.uri, exchange.args = uri, args
    exchange.internal = True
    exchange.valid_target = exchange.adds_uri_to_alias = False
    exchange.valid_location = True
    return await _route(exchange)


async def _enter_named(exchange: Exchange, name: str) -> Answer:
    _count_loop(exchange, "rewrite or internal redirection cycle while redirect to named location")
    if not exchange.uri:  # of what was no request
        raise Refused(500, f'empty URI in redirect to named location "@{name}"')
    location = exchange.server.locations.named.get(name)
    if location is None:
        raise Refused(500, f'could not find named location "@{name}"')
    exchange.location = location
    exchange.internal = True
    exchange.uri_changed = False
    if (answer := _enter_location(exchange, location)) is not None:
        return answer
    if (answer := await _run(exchange, exchange.location.rewrite)) is not None:
        return answer
    if exchange.uri_changed:  # a rewrite with `last` leaves the named location
        _count_loop(exchange, "rewrite or internal redirection cycle while processing")
        return await _locate(exchange)  # the server's rewrites have run
    return await _inside(exchange)


def _count_loop(exchange: Exchange, what: str) -> None:
    exchange.loops += 1
    if exchange.loops > MAX_LOOPS:
        exchange.error_pages_over = True  # one more would only go round again
        raise Refused(500, f'{what} "{exchange.uri}"')
