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
    from collections.abc import Awaitable, Callable, Iterable

    from pyngx.core.answers import Handler
    from pyngx.core.exchange import Exchange
    from pyngx.core.generation import Location
    from pyngx.core.servers import ServerNames

    Outcome = Answer | Awaitable[Answer]
    Stage = Callable[[Exchange], Outcome]

UNANSWERED = frozenset({408, 499})  # ngx_http_finalize_request closes the connection, whatever error_page says
MAX_LOOPS = 10  # rewrites and internal redirects of one request, as nginx's NGX_HTTP_MAX_URI_CHANGES


async def handle(exchange: Exchange, servers: ServerNames) -> None:
    """Answer a request that came to an address of these servers."""
    exchange.generation.exchange_opened()
    await _settle(exchange, _guard(exchange, lambda: _begin(exchange, servers)))


def handle_at_once(exchange: Exchange, servers: ServerNames) -> None:
    """The same in a callback: what has to wait goes on in a task, and most requests need none."""
    exchange.generation.exchange_opened()
    outcome = _guard(exchange, lambda: _begin(exchange, servers))
    if outcome is not Flow.TAKEN:
        start_eagerly(_settle(exchange, outcome), exchange.spawn, "exchange")


async def handle_inner(exchange: Exchange) -> None:
    """Answer a subrequest, whose server and URI are given: see core/subrequest.py."""
    await _settle(exchange, _guard(exchange, lambda: _route(exchange)))


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
    await _settle(exchange, _failed(exchange, Refused(code, why)))


async def answer_later(exchange: Exchange, answer: Answer) -> None:
    """Go on with an exchange that a handler had taken, by another answer."""
    await _settle(exchange, answer)


async def _settle(exchange: Exchange, outcome: Outcome) -> None:
    """Answer; the outermost border, at which a fault of ours ends one response."""
    try:
        await _follow(exchange, outcome)
    except Exception as error:
        exchange.log("alert", "response_failed", f"{type(error).__name__}: {error}", exception=error)
        exchange.fail()


async def _follow(exchange: Exchange, outcome: Outcome) -> None:
    """Follow answers to the one that is sent."""
    while not exchange.ended:
        answer = outcome if isinstance(outcome, ANSWERS) else await _awaited(exchange, outcome)
        match answer:
            case Flow.TAKEN:
                return
            case Flow.CLOSE:
                exchange.response = Response(444)
                exchange.fail()
                return
            case Redirected() | Named():
                outcome = _elsewhere(exchange, answer)
            case Status(code) if code in UNANSWERED:
                exchange.response = Response(code)
                exchange.fail()
                return
            case Status() if (instead := special(exchange, answer)) is not None:
                outcome = _elsewhere(exchange, instead)
            case _:
                try:
                    await deliver(exchange, answer)
                except Refused as refused:  # a header filter wants another answer
                    outcome = refused.status
                else:
                    return


def _guard(exchange: Exchange, stage: Callable[[], Outcome]) -> Outcome:
    """What a stage gives; what it raises becomes an answer."""
    try:
        return stage()
    except Exception as error:
        return _failed(exchange, error)


async def _awaited(exchange: Exchange, outcome: Awaitable[Answer]) -> Answer:
    try:
        return await outcome
    except Exception as error:
        return _failed(exchange, error)


def _failed(exchange: Exchange, error: Exception) -> Status:
    """The answer to a handler's exception: a fault of ours must not take the connection down."""
    if isinstance(error, Refused):
        if error.why:
            exchange.log("info" if error.code < 500 else "error", "request_refused", error.why)
        return error.status
    exchange.log("alert", "handler_failed", f"{type(error).__name__}: {error}", exception=error)
    return Status(500)


def _elsewhere(exchange: Exchange, answer: Answer) -> Outcome:
    """Go where an answer leads, if it leads anywhere."""
    match answer:
        case Redirected(uri, args):
            return _guard(exchange, lambda: _redirect(exchange, uri, args))
        case Named(name):
            return _guard(exchange, lambda: _enter_named(exchange, name))
        case _:
            return answer


# The stages of the way: each gives an answer, or where a handler has to wait, what gives one.


def _begin(exchange: Exchange, servers: ServerNames) -> Outcome:
    """Read the target, find the server, and go on."""
    default = servers.default
    exchange.server, exchange.location = default, default.location
    read_target(exchange, default.merge_slashes)
    exchange.server = server = servers.find(exchange, exchange.host)
    exchange.location = server.location
    return _run(exchange, server.post_read, _route)


def _route(exchange: Exchange) -> Outcome:
    """From the server's rewrites to an answer."""
    server = exchange.server
    exchange.location = server.location
    return _run(exchange, server.rewrite, _locate)


def _locate(exchange: Exchange) -> Outcome:
    """From the location to an answer."""
    exchange.uri_changed = False
    if (answer := _find_location(exchange)) is not None:
        return answer
    return _run(exchange, exchange.location.rewrite, _rewritten)


def _rewritten(exchange: Exchange) -> Outcome:
    """Go on after a location's rewrites: inside it, or in another if that is what they ask for."""
    if exchange.uri_changed:
        _count_loop(exchange, "rewrite or internal redirection cycle while processing")
        return _locate(exchange)
    location = exchange.location  # an `if` may have put another in its place
    return _run(exchange, location.inside if exchange.parent is None else location.inner, _nowhere)


def _nowhere(_exchange: Exchange) -> Outcome:
    """Nobody has an answer."""
    return Status(404)


def _run(exchange: Exchange, handlers: Iterable[Handler], then: Stage) -> Outcome:
    """Run the handlers of a phase up to the one that answers, and go on to the next stage if none does."""
    if handlers:
        remaining = iter(handlers)
        for handler in remaining:
            if (result := handler(exchange)) is not None:
                return result if isinstance(result, ANSWERS) else _wait(exchange, result, remaining, then)
    return then(exchange)


async def _wait(
    exchange: Exchange, waited: Awaitable[Answer | None], remaining: Iterable[Handler], then: Stage
) -> Answer:
    """The rest of a phase, and of the way, behind a handler that has to wait."""
    if (answer := await waited) is not None:
        return answer
    outcome = _run(exchange, remaining, then)
    return outcome if isinstance(outcome, ANSWERS) else await outcome


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


def _redirect(exchange: Exchange, uri: str, args: str) -> Outcome:
    _count_loop(exchange, "rewrite or internal redirection cycle while internally redirecting to")
    exchange.uri, exchange.args = uri, args
    exchange.internal = True
    exchange.valid_target = exchange.adds_uri_to_alias = False
    exchange.valid_location = True
    return _route(exchange)


def _enter_named(exchange: Exchange, name: str) -> Outcome:
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
    # A rewrite with `last` leaves the named location; the server's rewrites have run.
    return _run(exchange, exchange.location.rewrite, _rewritten)


def _count_loop(exchange: Exchange, what: str) -> None:
    exchange.loops += 1
    if exchange.loops > MAX_LOOPS:
        exchange.error_pages_over = True  # one more would only go round again
        raise Refused(500, f'{what} "{exchange.uri}"')
