"""The commands of server-side includes, one function each (ngx_http_ssi_filter_module.c)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import Refused, Response
from pyngx.core.regex import compile_regex
from pyngx.http.codec import text
from pyngx.http.headers import Headers
from pyngx.http.target import BadTarget, parse_unsafe_uri
from pyngx.modules.ssi_page import Page, Rule, Whole
from pyngx.modules.ssi_text import ENCODINGS, SsiError, evaluate, located, parse_expression

Parameters = Mapping[str, str]

NOTHING = "(none)"
_BY_NUMBER = re.compile(r"\\[1-9]|\(\?[(R\d]")  # what another group around it would break


def include(page: Page, given: Parameters) -> None:
    """Another URI's answer: in its place, or as a variable (`set`), or a block in place of an empty one (`stub`)."""
    virtual, file = given.get("virtual"), given.get("file")
    _check_include(given)
    written = virtual if virtual is not None else file
    assert written is not None
    try:
        uri, args = parse_unsafe_uri(located(written, page.exchange.uri, page.read))
    except BadTarget as error:
        raise SsiError(f"{error} was detected") from None
    block = _stub(page, given["stub"]) if "stub" in given else None
    waits = virtual is None or given.get("wait", "no").lower() == "yes"
    page.write_out()
    try:
        if "set" in given:
            _set_later(page, uri, args, given["set"])
            return
        part = page.postponed.include(uri, args, page.resume if waits else None, block or b"")
    except Refused as refused:
        raise SsiError(refused.why) from None
    page.waits = waits
    if block is not None:
        part.stub = _stub_response(page, block)


def _check_include(given: Parameters) -> None:
    if "virtual" in given and "file" in given:
        raise SsiError(f'inclusion may be either virtual="{given["virtual"]}" or file="{given["file"]}"')
    if "virtual" not in given and "file" not in given:
        raise SsiError('no parameter in "include" SSI command')
    if "set" in given and "stub" in given:
        raise SsiError('"set" and "stub" cannot be used together in "include" SSI command')
    if "wait" in given:
        if "virtual" not in given:
            raise SsiError(f'"wait" cannot be used with file="{given["file"]}"')
        if given["wait"].lower() not in {"yes", "no"}:
            raise SsiError(f'invalid value "{given["wait"]}" in the "wait" parameter')


def _stub(page: Page, name: str) -> bytes:
    if (block := page.whole.blocks.get(name)) is None:
        raise SsiError(f'"stub"="{name}" for "include" not found')
    return bytes(block)


def _stub_response(page: Page, block: bytes) -> Response:
    """What a subrequest is answered by instead of an error: the block is a page like the one that it stands in."""
    own = page.exchange.response
    media_type = own.headers.get(b"content-type") if own is not None else None
    headers = Headers([(b"Content-Type", media_type)] if media_type else [])
    return Response(200, headers, length=len(block), parts=(block,))


def _set_later(page: Page, uri: str, args: str, name: str) -> None:
    whole = page.whole

    def keep(status: int, body: bytes) -> None:
        if body and status < 300:
            whole.assign(name, text(body))

    page.postponed.keep(uri, args, keep, page.resume)
    page.waits = True
    if whole.read(name.lower()) is None:
        whole.assign(name, "")


def echo(page: Page, given: Parameters) -> None:
    """A variable's value; its encoding holds for all that follow."""
    value = page.read(given["var"].lower())
    if value is None:
        value = given.get("default", NOTHING)
    if not value:
        return
    if (encoding := given.get("encoding")) is not None:
        if encoding in ENCODINGS:
            page.encode = ENCODINGS[encoding]
        else:
            page.exchange.log("error", "ssi_failed", f'unknown encoding "{encoding}" in the "echo" command')
    page.write(page.encode(value))


def config(page: Page, given: Parameters) -> None:
    """What errors say, and how times are shown."""
    page.time_form = given.get("timefmt", page.time_form)
    page.error = given.get("errmsg", page.error)


def set_variable(page: Page, given: Parameters) -> None:
    """A variable of the pages."""
    page.whole.assign(given["var"], evaluate(given["value"], page.read))


def begin_condition(page: Page, given: Parameters) -> None:
    """`if`, which nginx doesn't have within itself."""
    if page.conditional:
        raise SsiError('the "if" command inside the "if" command')
    condition(page, given)


def condition(page: Page, given: Parameters) -> None:
    """`elif`, and what an `if` says."""
    if page.chosen:
        page.shown = False
        return
    page.shown = page.chosen = _holds(page, given["expr"])
    page.conditional = "if"


def otherwise(page: Page, _: Parameters) -> None:
    """`else`"""
    page.shown = not page.chosen
    page.conditional = "else"


def end_condition(page: Page, _: Parameters) -> None:
    """`endif`"""
    page.shown = True
    page.chosen = False
    page.conditional = ""


def _holds(page: Page, expression: str) -> bool:
    left, operator, right = parse_expression(expression)
    value = evaluate(left, page.read)
    if not operator:
        return bool(value)
    if len(right) > 1 and right.startswith("/"):
        if not right.endswith("/"):
            raise SsiError(f'invalid expression in "{expression}"')
        holds = _matches(page.whole, evaluate(right[1:-1], page.read), value)
    else:
        if len(right) > 2 and right.startswith("\\/"):
            right = right[1:]
        holds = value == evaluate(right, page.read)
    return holds is (operator == "=")


def _matches(whole: Whole, pattern: str, value: str) -> bool:
    counts = _BY_NUMBER.search(pattern) is None
    try:
        regex = compile_regex(f"({pattern})" if counts else pattern)  # the outer group is $0
    except ConfigError:
        raise SsiError(f'invalid regular expression "{pattern}"') from None
    groups = regex.search(value)
    if groups is None:
        return False
    whole.captures = _until_last(groups if counts else ("", *groups))
    for name, number in regex.names:
        whole.assign(name, groups[number] or "")
    return True


def _until_last(groups: Sequence[str | None]) -> Sequence[str | None]:
    """Groups behind the last that took part are not there."""
    count = len(groups)
    while groups[count - 1] is None:
        count -= 1
    return groups[:count]


def begin_block(page: Page, given: Parameters) -> None:
    """What follows is no part of the page, but a stub."""
    page.block = bytearray()
    page.whole.blocks.setdefault(given["name"], page.block)  # of several of a name the first counts
    page.shown = False


def end_block(page: Page, _: Parameters) -> None:
    """The page goes on."""
    page.block = None
    page.shown = True


def _rule(obey: Callable[[Page, Parameters], None], must: str = "", may: str = "", after: str = "") -> Rule:
    parameters = dict.fromkeys(must.split(), True) | dict.fromkeys(may.split(), False)
    return Rule(obey, parameters, frozenset(after.split()))


COMMANDS: Mapping[str, Rule] = {
    "include": _rule(include, may="virtual file wait set stub"),
    "echo": _rule(echo, "var", "default encoding"),
    "config": _rule(config, may="errmsg timefmt"),
    "set": _rule(set_variable, "var value"),
    "if": _rule(begin_condition, "expr"),
    "elif": _rule(condition, "expr", after="if"),
    "else": _rule(otherwise, after="if"),
    "endif": _rule(end_condition, after="if else"),
    "block": _rule(begin_block, "name"),
    "endblock": Rule(end_block, ends_block=True),
}
