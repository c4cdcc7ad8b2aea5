"""What becomes of an upstream's head on its way to the client: hidden, rewritten and special fields."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyngx.config.arguments import Text
from pyngx.core.answers import Answer, Named, Redirected, Response, Status
from pyngx.core.throttle import limit_rate
from pyngx.http.codec import text, wire
from pyngx.http.escape import escape_line_ends
from pyngx.http.headers import Headers, connection_options
from pyngx.http.response_head import SINGLE, Passed
from pyngx.http.target import BadTarget, parse_unsafe_uri

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.modules.proxy_cookies import RewriteCookie
    from pyngx.upstream.plan import ReadHead

# Set aside unless proxy_pass_header brings them back (ngx_http_proxy_hide_headers).
HIDDEN = frozenset({b"date", b"server", b"x-pad", b"x-accel-expires", b"x-accel-redirect"}) | frozenset(
    {b"x-accel-limit-rate", b"x-accel-buffering", b"x-accel-charset"}
)
# Never passed on: they are between the upstream and us.
HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"})

USUAL_OPTIONS = frozenset({b"keep-alive", b"close", b"Keep-Alive", b"Close"})  # they name no field that is passed on
BUFFERING = {b"yes": True, b"no": False}  # values of X-Accel-Buffering
# What stays of a response with X-Accel-Redirect, beside its Content-Type (ngx_http_upstream_headers_in's `redirect`).
KEPT = frozenset({b"set-cookie", b"content-disposition", b"cache-control", b"expires", b"accept-ranges"})

URLS = frozenset({b"location", b"refresh"})
EFFECTS = frozenset({b"x-accel-limit-rate", b"x-accel-redirect"})
REMEMBERED = 32  # ways in which an upstream's fields are passed on that are kept

_REFRESH_URL = re.compile(r"(?i)(\d+\s*;\s*url=)(.*)", re.DOTALL)

RewriteUrl = Callable[["Exchange", str], str | None]


@dataclass(frozen=True, slots=True)
class Redirect:
    """One `proxy_redirect`: a prefix or a regex, and what takes its place."""

    pattern: Text
    replacement: Text
    is_regex: bool = False
    ignore_case: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)


def redirect_rewriter(build: Build, redirects: tuple[Redirect, ...]) -> RewriteUrl | None:
    """What rewrites the URLs of Location and Refresh; the first that fits does it."""
    if not redirects:
        return None
    steps = [_step(build, redirect) for redirect in redirects]

    def rewrite(exchange: Exchange, url: str) -> str | None:
        for step in steps:
            if (rewritten := step(exchange, url)) is not None:
                return rewritten
        return None

    return rewrite


def _step(build: Build, redirect: Redirect) -> RewriteUrl:
    replacement = build.template(redirect.replacement).render
    if redirect.is_regex:
        test = build.regex_test(redirect.pattern.value, redirect.span, ignore_case=redirect.ignore_case, lenient=True)
        return lambda exchange, url: replacement(exchange) if test(exchange, url) else None
    prefix = build.template(redirect.pattern).render

    def rewrite(exchange: Exchange, url: str) -> str | None:
        start = prefix(exchange)
        return replacement(exchange) + url[len(start) :] if url.startswith(start) else None

    return rewrite


def head_reader(
    build: Build,
    hidden: frozenset[bytes],
    ignored: frozenset[bytes],
    rewrite: RewriteUrl | None,
    rewrite_cookie: RewriteCookie | None = None,
) -> ReadHead:
    """What makes a response of an upstream's head (ngx_http_upstream_process_headers)."""
    obey = _accel(ignored)
    effects = EFFECTS - ignored | (URLS if rewrite is not None else frozenset())
    if rewrite_cookie is not None:
        effects |= {b"set-cookie"}
    make = _passing(hidden, ignored, effects)
    # Locations that pass the same fields on remember together, over reloads, too.
    token = build.claim(("passed response fields", hidden, ignored, effects), object)

    def read(exchange: Exchange, status: int, reason: bytes, headers: Headers) -> Response | Answer:
        remembered = headers.passed
        passed = remembered.get(token) if remembered is not None else None
        if passed is None:
            if remembered is None:
                headers.drop_repeats(SINGLE)
            passed = make(headers)
            if remembered is not None:
                if len(remembered) >= REMEMBERED:
                    remembered.clear()
                remembered[token] = passed
        if passed.has_effects and (answer := obey(exchange, headers)) is not None:
            return answer
        response = Response(status, passed.headers.copy(), reason, passed.length)
        response.buffering, response.server, response.date = passed.buffering, passed.server, passed.date
        if passed.has_effects:
            if rewrite is not None:
                _rewrite(exchange, response, rewrite)
            if rewrite_cookie is not None:
                _rewrite_cookies(exchange, response, rewrite_cookie)
        return response

    return read


def _passing(
    hidden: frozenset[bytes], ignored: frozenset[bytes], effects: frozenset[bytes]
) -> Callable[[Headers], Passed]:
    """What chooses the fields that are passed on."""
    set_aside = hidden | HOP_BY_HOP | {b"content-length", b"server", b"date"}
    shown = frozenset({b"server", b"date"}) - hidden

    def make(headers: Headers) -> Passed:
        options = headers.get(b"connection")
        usual = options is None or options in USUAL_OPTIONS
        word = headers.get(b"x-accel-buffering") if b"x-accel-buffering" not in ignored else None
        return Passed(
            headers.without(set_aside if usual else set_aside | connection_options(headers)),
            _length(headers),
            BUFFERING.get(word.lower()) if word is not None else None,
            # nor do we add one to a response that has none
            headers.get(b"server") or b"" if b"server" in shown else None,
            headers.get(b"date") or b"" if b"date" in shown else None,
            any(name in headers for name in effects),
        )

    return make


def _rewrite_cookies(exchange: Exchange, response: Response, rewrite: RewriteCookie) -> None:
    response.headers = Headers(
        (name, rewrite(exchange, value) if name.lower() == b"set-cookie" else value) for name, value in response.headers
    )


def _rewrite(exchange: Exchange, response: Response, rewrite: RewriteUrl) -> None:
    """Have the URLs of Location and Refresh point to us."""
    passed = response.headers
    if (location := passed.get(b"location")) is not None and (url := rewrite(exchange, text(location))) is not None:
        passed.remove(b"Location")
        response.location = url  # one of our own from now on, which may have to be made absolute
    if (refresh := passed.get(b"refresh")) is not None:
        passed.set(b"Refresh", _refreshed(exchange, refresh, rewrite))


def _length(headers: Headers) -> int | None:
    value = headers.get(b"content-length")
    return int(value) if value is not None and value.isdigit() and b"transfer-encoding" not in headers else None


def _refreshed(exchange: Exchange, value: bytes, rewrite: RewriteUrl) -> bytes:
    match = _REFRESH_URL.fullmatch(text(value))
    if match is None or (url := rewrite(exchange, match[2])) is None:
        return value
    return wire(match[1] + escape_line_ends(url))


def _accel(ignored: frozenset[bytes]) -> Callable[[Exchange, Headers], Answer | None]:
    """What does as X-Accel-Limit-Rate and X-Accel-Redirect say."""
    redirects, limits = b"x-accel-redirect" not in ignored, b"x-accel-limit-rate" not in ignored

    def obey(exchange: Exchange, headers: Headers) -> Answer | None:
        if limits and (rate := headers.get(b"x-accel-limit-rate")) is not None and rate.isdigit() and len(rate) < 19:
            limit_rate(exchange, int(rate))
        if redirects and (target := headers.get(b"x-accel-redirect")) is not None:
            return _accel_redirect(exchange, target, headers)
        return None

    return obey


def _accel_redirect(exchange: Exchange, target: bytes, headers: Headers) -> Answer:
    """An internal redirect that the upstream asks for; some of its fields stay."""
    exchange.kept_fields = [*exchange.kept_fields, *(field for field in headers.items if field[0].lower() in KEPT)]
    exchange.media_type = headers.get(b"content-type") or exchange.media_type
    if target.startswith(b"@"):
        return Named(text(target[1:]))
    try:
        uri, args = parse_unsafe_uri(text(target))
    except BadTarget as error:
        exchange.log("error", "unsafe_redirect", f"upstream sent invalid X-Accel-Redirect: {error}")
        return Status(404)
    if exchange.method != "HEAD":
        exchange.method = "GET"
    return Redirected(uri, args)
