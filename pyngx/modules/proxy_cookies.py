"""What becomes of the cookies that an upstream sets: proxy_cookie_domain, proxy_cookie_path, proxy_cookie_flags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, text_of
from pyngx.config.declare import repeated
from pyngx.config.diagnostics import ConfigError
from pyngx.core.blocks import EVERYWHERE
from pyngx.http.codec import text, wire

if TYPE_CHECKING:
    from pyngx.config.syntax import Node
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

RewriteCookie = Callable[["Exchange", bytes], bytes]
Attributes = list[tuple[str, str | None]]
"""What a Set-Cookie says, the cookie itself first: names, and values where there is a `=`."""
RewriteValue = Callable[["Exchange", str], "str | None"]
EditFlags = Callable[["Exchange", Attributes], "Attributes | None"]


# arguments


@dataclass(frozen=True, slots=True)
class Rule:
    """One proxy_cookie_domain or proxy_cookie_path."""

    pattern: Text
    replacement: Text


@dataclass(frozen=True, slots=True)
class Flags:
    """One proxy_cookie_flags: a cookie's name or a regex, and what is said of it."""

    cookie: Text
    flags: tuple[Text, ...]


def _rule(node: Node) -> Rule | None:
    return None if _is_off(node) else Rule(text_of(node.args[0]), text_of(node.args[1]))


def _flags(node: Node) -> Flags | None:
    return None if _is_off(node) else Flags(text_of(node.args[0]), tuple(text_of(word) for word in node.args[1:]))


def _is_off(node: Node) -> bool:
    if len(node.args) > 1:
        return False
    if node.args[0].text != "off":
        raise ConfigError(f'invalid parameter "{node.args[0].text}"', node.args[0].span, help="one word is off")
    return True


# settings


@dataclass(frozen=True, slots=True)
class ProxyCookieSettings:
    """How the cookies of responses are rewritten."""

    proxy_cookie_domain: tuple[Rule | None, ...] = repeated(
        Argument("domain replacement | off", _rule, 1, 2), EVERYWHERE, doc="what the Domain of a cookie becomes"
    )
    proxy_cookie_path: tuple[Rule | None, ...] = repeated(
        Argument("path replacement | off", _rule, 1, 2), EVERYWHERE, doc="what the Path of a cookie becomes"
    )
    proxy_cookie_flags: tuple[Flags | None, ...] = repeated(
        Argument("cookie [flag ...] | off", _flags, 1, 5),
        EVERYWHERE,
        doc="flags that a cookie gets or loses: secure, httponly, samesite=strict, nosecure and so on",
    )


# handlers


def cookie_rewriter(build: Build) -> RewriteCookie | None:
    """What rewrites the cookies of a location (ngx_http_proxy_rewrite_cookie); None if nothing is to be done."""
    own = build.settings(ProxyCookieSettings)
    _check_off(build, own)
    domain = _first([_domain(build, rule) for rule in own.proxy_cookie_domain if rule is not None])
    path = _first([_path(build, rule) for rule in own.proxy_cookie_path if rule is not None])
    edit = _first_flags([_editor(build, rule) for rule in own.proxy_cookie_flags if rule is not None])
    rewriters = {name: rewrite for name, rewrite in (("domain", domain), ("path", path)) if rewrite is not None}
    if not rewriters and edit is None:
        return None

    def rewrite_cookie(exchange: Exchange, value: bytes) -> bytes:
        attributes = parse_cookie(text(value))
        if attributes[0][1] is None:
            return value
        changed = _rewritten(exchange, attributes, rewriters)
        if edit is not None:
            changed = edit(exchange, changed or attributes) or changed
        if changed is None:
            return value
        return wire("; ".join(name if given is None else f"{name}={given}" for name, given in changed))

    return rewrite_cookie


def parse_cookie(value: str) -> Attributes:
    """A Set-Cookie taken apart (ngx_http_proxy_parse_cookie)."""
    attributes: Attributes = []
    for part in value.split(";"):
        name, equals, given = part.partition("=")
        attributes.append((name.strip(" "), given.strip(" ") if equals else None))
    return attributes


def _rewritten(exchange: Exchange, attributes: Attributes, rewriters: dict[str, RewriteValue]) -> Attributes | None:
    """The attributes with another domain and path; None if both stay."""
    changed = None
    for at, (name, given) in enumerate(attributes):
        if not at or given is None or (rewrite := rewriters.get(name.lower())) is None:
            continue
        if (rewritten := rewrite(exchange, given)) is not None:
            changed = changed or list(attributes)
            changed[at] = (name, rewritten)
    return changed


def _check_off(build: Build, own: ProxyCookieSettings) -> None:
    for name in ("proxy_cookie_domain", "proxy_cookie_path", "proxy_cookie_flags"):
        values = getattr(own, name)
        if None in values and len(values) > 1:
            raise ConfigError(f'"{name}" directive is duplicate', build.origins(ProxyCookieSettings, name)[-1])


def _first(rules: list[RewriteValue]) -> RewriteValue | None:
    """The first rule that fits decides."""
    if not rules:
        return None

    def rewrite(exchange: Exchange, value: str) -> str | None:
        for rule in rules:
            if (rewritten := rule(exchange, value)) is not None:
                return rewritten
        return None

    return rewrite


def _domain(build: Build, rule: Rule) -> RewriteValue:
    """Domains are compared whole, without regard to case and to a dot in front."""
    if rule.pattern.value.startswith("~"):
        return _regex(build, rule.pattern.value[1:], rule, ignore_case=True)
    pattern = build.template(_without_dot(rule.pattern)).render
    replacement = build.template(_without_dot(rule.replacement)).render

    def rewrite(exchange: Exchange, value: str) -> str | None:
        dot, bare = ("." if value.startswith(".") else ""), value.removeprefix(".")
        return dot + replacement(exchange) if bare.lower() == pattern(exchange).lower() else None

    return rewrite


def _without_dot(written: Text) -> Text:
    return replace(written, value=written.value.removeprefix("."))


def _path(build: Build, rule: Rule) -> RewriteValue:
    """Paths are compared by their beginning."""
    written = rule.pattern.value
    if written.startswith("~"):
        ignore_case = written.startswith("~*")
        return _regex(build, written[2 if ignore_case else 1 :], rule, ignore_case=ignore_case)
    pattern, replacement = build.template(rule.pattern).render, build.template(rule.replacement).render

    def rewrite(exchange: Exchange, value: str) -> str | None:
        start = pattern(exchange)
        return replacement(exchange) + value[len(start) :] if value.startswith(start) else None

    return rewrite


def _regex(build: Build, pattern: str, rule: Rule, *, ignore_case: bool) -> RewriteValue:
    test = build.regex_test(pattern, rule.pattern.span, ignore_case=ignore_case, lenient=True)
    replacement = build.template(rule.replacement).render
    return lambda exchange, value: replacement(exchange) if test(exchange, value) else None


def _first_flags(rules: list[tuple[Callable[[Exchange, str], bool], EditFlags]]) -> EditFlags | None:
    """The first rule whose cookie it is decides, even if it changes nothing."""
    if not rules:
        return None

    def edit(exchange: Exchange, attributes: Attributes) -> Attributes | None:
        name = attributes[0][0]
        return next((change(exchange, attributes) for fits, change in rules if fits(exchange, name)), None)

    return edit


def _editor(build: Build, rule: Flags) -> tuple[Callable[[Exchange, str], bool], EditFlags]:
    written = rule.cookie
    if written.value.startswith("~"):
        fits = build.regex_test(written.value[1:], written.span, ignore_case=True, lenient=True)
    else:
        wanted = build.template(written).render

        def fits(exchange: Exchange, name: str) -> bool:
            return name.lower() == wanted(exchange).lower()

    flags = [build.template(flag).render for flag in rule.flags]

    def change(exchange: Exchange, attributes: Attributes) -> Attributes | None:
        wishes = {wish for flag in flags if (wish := flag(exchange).lower()) in WISHES}
        return edit_flags(attributes, wishes) if wishes else None

    return fits, change


SAME_SITE = {"samesite=strict": "Strict", "samesite=lax": "Lax", "samesite=none": "None"}  # the first wins
NAMES = {"secure": "Secure", "httponly": "HttpOnly"}
WISHES = {*SAME_SITE, "nosamesite", *NAMES, *(f"no{name}" for name in NAMES)}


def edit_flags(attributes: Attributes, wishes: set[str]) -> Attributes:
    """Add and remove flags (ngx_http_proxy_edit_cookie_flags)."""
    site = next((value for wish, value in SAME_SITE.items() if wish in wishes), None)
    edited = attributes[:1]
    missing = {name for name in NAMES if name in wishes}
    for name, given in attributes[1:]:
        lower = name.lower()
        if lower in NAMES:
            missing.discard(lower)
            if lower not in wishes and f"no{lower}" in wishes:
                continue
        elif lower == "samesite":
            if site is None and "nosamesite" in wishes:
                continue
            if site:  # the first one is changed, others stay
                edited.append((name, given) if (given or "").lower() == site.lower() else ("SameSite", site))
                site = ""
                continue
        edited.append((name, given))
    edited += [(shown, None) for name, shown in NAMES.items() if name in missing]
    return [*edited, ("SameSite", site)] if site else edited
