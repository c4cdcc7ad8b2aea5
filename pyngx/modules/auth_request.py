"""ngx_http_auth_request_module: a subrequest decides whether a request is let in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, off_or, text_of, word
from pyngx.config.declare import directive, repeated
from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import Answer, Flow, Handler, Status
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module, Phase
from pyngx.core.subrequest import HeadOnly

if TYPE_CHECKING:
    from pyngx.config.syntax import Node
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.variables import Setter

SetVariables = Callable[["Exchange", "Exchange"], None]


# arguments


@dataclass(frozen=True, slots=True)
class Assignment:
    """One `auth_request_set`; the name is without its $."""

    name: Text
    value: Text


def _assignment(node: Node) -> Assignment:
    name, value = node.args
    if not name.text.startswith("$") or name.text == "$":
        raise ConfigError(f'invalid variable name "{name.text}"', name.span, help="a variable begins with $")
    return Assignment(text_of(name.part(1)), text_of(value))


# settings


@dataclass(frozen=True, slots=True)
class AuthRequestSettings:
    """Who is asked, and what is kept of the answer."""

    auth_request: str | None = directive(
        off_or(word.called("uri")),
        EVERYWHERE,
        default=None,
        shown="off",
        doc="the URI of a subrequest that lets requests in by a status of 2xx, and answers 401 or 403 in their place",
    )
    auth_request_set: tuple[Assignment, ...] = repeated(
        Argument("$variable value", _assignment, 2, 2),
        EVERYWHERE,
        doc="a variable that is set, when the subrequest is answered, to a value in which variables are the"
        " subrequest's",
    )


# handlers


def make_handler(build: Build) -> Handler | None:
    """What asks, in a location that says so."""
    own = build.settings(AuthRequestSettings)
    set_variables = _setter(build, own.auth_request_set)  # these variables are there in any case
    uri = own.auth_request
    if not uri:
        return None

    async def handle(exchange: Exchange) -> Answer | None:
        asked = await HeadOnly().ask(exchange, uri)
        if asked.response is None:
            return Flow.CLOSE
        set_variables(exchange, asked)
        return _judge(exchange, asked, asked.response.status)

    return handle


def _judge(exchange: Exchange, asked: Exchange, status: int) -> Answer | None:
    if 200 <= status < 300:
        return None
    if status == 403:
        return Status(403)
    if status == 401:
        return Status(401, headers=_challenges(asked))
    exchange.log("error", "auth_request_failed", f"auth request unexpected status: {status}")
    return Status(500)


def _challenges(asked: Exchange) -> tuple[tuple[bytes, bytes], ...]:
    """What the subrequest says of how to authenticate, or its upstream where that was answered by an error page."""
    response = asked.response
    values = response.headers.all(b"www-authenticate") if response is not None else []
    if not values and asked.tries and (fields := asked.tries[-1].fields) is not None:
        values = fields.all(b"www-authenticate")
    return tuple((b"WWW-Authenticate", value) for value in values)


def _setter(build: Build, assignments: tuple[Assignment, ...]) -> SetVariables:
    prepared: list[tuple[Setter, Callable[[Exchange], str]]] = [
        (_target(build, one.name), build.template(one.value).render) for one in assignments
    ]

    def set_variables(exchange: Exchange, asked: Exchange) -> None:
        for assign, render in prepared:
            assign(exchange, render(asked))

    return set_variables


def _target(build: Build, name: Text) -> Setter:
    """What assigns a variable, which is not found until then, or empty if `set` came first (`get_handler`)."""
    variables = build.variables
    is_set = name.span is not None and variables.is_set_before(name.value, name.span)
    return variables.define_slot(name.value, name.span, weak=is_set)


MODULE = Module("auth_request", settings=(AuthRequestSettings,), handlers={Phase.ACCESS: make_handler})
