"""ngx_http_mirror_module: copies of requests for others, whose answers nobody waits for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import flag, off_or, word
from pyngx.config.declare import directive, repeated
from pyngx.config.diagnostics import ConfigError
from pyngx.core.answers import Answer, Handler, Status
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module, Phase
from pyngx.core.subrequest import send_in_background
from pyngx.modules.client_body import body_keeper

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange


# settings


@dataclass(frozen=True, slots=True)
class MirrorSettings:
    """Where copies go."""

    mirror: tuple[str | None, ...] = repeated(
        off_or(word.called("uri")),
        EVERYWHERE,
        shown="off",
        doc="the URI of a subrequest that is sent along with each request, and whose answer is dropped",
    )
    mirror_request_body: bool = directive(
        flag,
        EVERYWHERE,
        default=True,
        doc="whether the copies have the body, which is read before all is answered then",
    )


# handlers


def make_handler(build: Build) -> Handler | None:
    """What sends the copies, in a location that says so."""
    own = build.settings(MirrorSettings)
    uris = tuple(uri for uri in own.mirror if uri is not None)
    if None in own.mirror and len(own.mirror) > 1:
        raise ConfigError('"mirror" directive is duplicate', build.origins(MirrorSettings, "mirror")[-1])
    if not uris:
        return None
    bodies = body_keeper(build)

    def send(exchange: Exchange) -> None:
        for uri in uris:
            send_in_background(exchange, uri, exchange.args)

    async def keep_and_send(exchange: Exchange) -> Answer | None:
        if status := await bodies.keep(exchange):
            return Status(status)
        send(exchange)
        return None

    def handle(exchange: Exchange) -> Awaitable[Answer | None] | None:
        if exchange.parent is not None:
            return None
        if own.mirror_request_body and exchange.body.expected and exchange.kept_body is None:
            return keep_and_send(exchange)
        send(exchange)
        return None

    return handle


MODULE = Module("mirror", settings=(MirrorSettings,), handlers={Phase.PRECONTENT: make_handler})
