"""A module for tests: `reply status [text [field value]]` answers at once, `stream` in the same way piece by piece."""

from __future__ import annotations

from dataclasses import dataclass

from pyngx.config.arguments import words
from pyngx.config.declare import NEVER, directive
from pyngx.core.answers import Answer, Content, Flow, Handler, Response, Status
from pyngx.core.build import Build
from pyngx.core.exchange import Exchange
from pyngx.core.phases import Module, Phase

PIECE = 4


@dataclass(frozen=True, slots=True)
class ReplySettings:
    reply: tuple[str, ...] = directive(words(), "location", default=(), inherits=NEVER, doc="answer at once")
    stream: tuple[str, ...] = directive(words(), "location", default=(), inherits=NEVER, doc="answer in pieces")


def make_handler(build: Build) -> Handler | None:
    own = build.settings(ReplySettings)
    if not (given := own.reply or own.stream):
        return None
    code, text, *fields = (*given, "") if len(given) == 1 else given
    body = text.encode()

    def make() -> Response:
        response = Response(int(code), length=len(body), allow_ranges=True)
        for name, value in zip(fields[::2], fields[1::2], strict=True):
            response.headers.add(name.encode(), value.encode())
        return response

    def reply(_: Exchange) -> Answer:
        if int(code) >= 300 or not body:
            return Status(int(code))
        response = make()
        response.parts = (body,)
        return Content(response)

    def stream(exchange: Exchange) -> Answer:
        exchange.respond(make())
        for at in range(0, len(body), PIECE):
            exchange.write(body[at : at + PIECE])
        exchange.end()
        return Flow.TAKEN

    return reply if own.reply else stream


MODULE = Module("reply", settings=(ReplySettings,), handlers={Phase.CONTENT: make_handler})
