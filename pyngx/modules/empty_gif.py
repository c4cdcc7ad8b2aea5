"""ngx_http_empty_gif_module: one transparent pixel, for pages that count their visits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import nothing
from pyngx.config.declare import NEVER, directive
from pyngx.core.answers import Answer, Content, Handler, Response, Status
from pyngx.core.phases import Module, Phase
from pyngx.http.headers import Headers

if TYPE_CHECKING:
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

# GIF89a, 1 x 1, two colours of which the second is transparent, and one pixel of that.
PIXEL = bytes.fromhex(
    "474946383961 01000100 80 01 00 000000 ffffff 21f904 01 0000 01 00 2c 00000000 01000100 00 02 02 4c01 00 3b"
)
MODIFIED = 23_349_600  # what nginx says: 28 September 1970


# settings


@dataclass(frozen=True, slots=True)
class EmptyGifSettings:
    """Where the pixel is."""

    empty_gif: bool = directive(
        nothing,
        "location",
        default=False,
        inherits=NEVER,
        doc="requests are answered by a transparent GIF of one pixel",
    )


# handlers


def make_handler(build: Build) -> Handler | None:
    """What sends it, in a location that says so."""
    return handle if build.settings(EmptyGifSettings).empty_gif else None


def handle(exchange: Exchange) -> Answer:
    """Send it."""
    if exchange.method not in {"GET", "HEAD"}:
        return Status(405)
    headers = Headers([(b"Content-Type", b"image/gif")])
    return Content(Response(200, headers, length=len(PIXEL), parts=(PIXEL,), last_modified=MODIFIED))


MODULE = Module("empty_gif", settings=(EmptyGifSettings,), handlers={Phase.CONTENT: make_handler})
