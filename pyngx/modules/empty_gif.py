"""ngx_http_empty_gif_module: a transparent pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import nothing
from pyngx.config.declare import NEVER, directive
from pyngx.core.answers import Answer, Content, Handler, Response, Status
from pyngx.core.phases import Module, Phase
from pyngx.http.headers import Headers
from pyngx.modules.last_word import has_last_word

if TYPE_CHECKING:
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

# One pixel of two colours, the second of which is transparent: the smallest there is, and the one that nginx sends.
PIXEL = bytes.fromhex(
    "474946383961 0100 0100 80 01 00 000000 ffffff 21f904 01 0000 01 00 2c 0000 0000 0100 0100 00 02 02 4c01 00 3b"
)
MODIFIED = 23_349_600  # 28 September 1970: it can be kept


# settings


@dataclass(frozen=True, slots=True)
class EmptyGifSettings:
    """Where the pixel is."""

    empty_gif: bool = directive(
        nothing, "location", default=False, shown="off", inherits=NEVER, doc="answers with a transparent pixel"
    )


# handlers


def make_handler(build: Build) -> Handler | None:
    """What answers with the pixel, in a location that says so."""
    if not build.settings(EmptyGifSettings).empty_gif or not has_last_word(build, "empty_gif"):
        return None

    def handle(exchange: Exchange) -> Answer:
        if exchange.method not in {"GET", "HEAD"}:
            return Status(405)
        headers = Headers([(b"Content-Type", b"image/gif")])
        return Content(Response(200, headers, length=len(PIXEL), parts=(PIXEL,), last_modified=MODIFIED))

    return handle


MODULE = Module("empty_gif", settings=(EmptyGifSettings,), handlers={Phase.CONTENT: make_handler})
