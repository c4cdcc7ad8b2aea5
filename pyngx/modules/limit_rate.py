"""The rate of responses, which ngx_http_core_module and ngx_http_write_filter_module limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, parse_size, size_in, text_of
from pyngx.config.declare import directive
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module
from pyngx.core.throttle import limit_rate
from pyngx.core.variables import Variable

if TYPE_CHECKING:
    from pyngx.config.syntax import Node
    from pyngx.core.answers import HeaderFilter, Response
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange


# arguments


def _size_or_variables(node: Node) -> Text:
    if "$" not in node.args[0].text:
        parse_size(node.args[0])
    return text_of(node.args[0])


rate = Argument("rate", _size_or_variables, 1, 1)
NO_LIMIT = Text("0")


# settings


@dataclass(frozen=True, slots=True)
class LimitRateSettings:
    """How fast responses are sent to clients."""

    limit_rate: Text = directive(
        rate, f"{EVERYWHERE} location-if", default=NO_LIMIT, doc="bytes a second that one response is sent; 0 for all"
    )
    limit_rate_after: Text = directive(
        Argument("size", _size_or_variables, 1, 1),
        f"{EVERYWHERE} location-if",
        default=NO_LIMIT,
        doc="bytes of a response that go ahead without limit",
    )


# variables


def _set_limit_rate(exchange: Exchange, value: str) -> None:
    found = size_in(value)
    if found is None:
        exchange.log("error", "invalid_size", f'invalid $limit_rate "{value}"')
    else:
        limit_rate(exchange, found)


VARIABLES = (
    Variable(
        "limit_rate",
        lambda exchange: str(exchange.limit_rate or 0),
        _set_limit_rate,
        doc="bytes a second that the response is sent; may be set, which overrules `limit_rate`",
    ),
)


# handlers


def size_of(build: Build, text: Text) -> Callable[[Exchange], int]:
    """What reads a size that may hold variables; anything else than a size is 0 (ngx_http_complex_value_size)."""
    template = build.template(text)
    if template.constant is not None:
        constant = size_in(template.constant) or 0
        return lambda _: constant
    render = template.render

    def read(exchange: Exchange) -> int:
        value = render(exchange)
        found = size_in(value)
        if found is None:
            exchange.log("error", "invalid_size", f'invalid size "{value}"')
        return found or 0

    return read


def make_filter(build: Build) -> HeaderFilter | None:
    """What sets the limit of a response, in a location that has one."""
    own = build.settings(LimitRateSettings)
    if own == LimitRateSettings():
        return None
    rate_of, after_of = size_of(build, own.limit_rate), size_of(build, own.limit_rate_after)

    def limit(exchange: Exchange, _response: Response) -> None:
        if exchange.limit_rate is None:
            limit_rate(exchange, rate_of(exchange))
        if exchange.throttle is not None:
            exchange.throttle.begin_after(after_of(exchange))

    return limit


MODULE = Module("limit_rate", settings=(LimitRateSettings,), variables=VARIABLES, header_filter=make_filter)
