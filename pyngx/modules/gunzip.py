"""ngx_http_gunzip_filter_module: responses that come compressed, for clients that can't read them so."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import flag
from pyngx.config.declare import directive
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module
from pyngx.modules.gzip import GzipClientSettings, body_changes, gzip_test, say_it_varies

if TYPE_CHECKING:
    from pyngx.core.answers import HeaderFilter, Response
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

WINDOW = 15 + 16  # the largest, and gzip's own head


# settings


@dataclass(frozen=True, slots=True)
class GunzipSettings:
    """Whether responses are unpacked."""

    gunzip: bool = directive(
        flag,
        EVERYWHERE,
        default=False,
        doc="whether compressed responses are unpacked for clients that don't take gzip",
    )


# state


class Gunzip:
    """A body filter that unpacks, one gzip member after the other; `fail` is called once if it can't."""

    __slots__ = ("_began", "_fail", "_failed", "_unpacker")

    def __init__(self, fail: Callable[[str], None]) -> None:
        self._unpacker = zlib.decompressobj(WINDOW)
        self._began = False  # whether some of a member was read, and not all
        self._failed = False
        self._fail = fail

    def feed(self, data: bytes) -> bytes:
        """Unpack a part."""
        if self._failed:
            return b""
        unpacked = []
        while data:
            self._began = True
            try:
                unpacked.append(self._unpacker.decompress(data))
            except zlib.error as error:
                self._give_up(str(error))
                break
            data = self._unpacker.unused_data
            if self._unpacker.eof:
                self._unpacker = zlib.decompressobj(WINDOW)
                self._began = False
        return b"".join(unpacked)

    def flush(self) -> bytes:
        """What can be unpacked is given at once."""
        return b""

    def finish(self) -> bytes:
        """A member that has begun must have ended."""
        if self._began and not self._failed:
            self._give_up("the response ends within compressed data")
        return b""

    def _give_up(self, why: str) -> None:
        self._failed = True
        self._fail(why)


# handlers


def make_filter(build: Build) -> HeaderFilter | None:
    """What has responses unpacked, in a location that says so."""
    if not build.settings(GunzipSettings).gunzip:
        return None
    accepts = gzip_test(build)
    vary = build.settings(GzipClientSettings).gzip_vary

    def unpack(exchange: Exchange, response: Response) -> None:
        encoding = response.headers.get(b"content-encoding")
        if encoding is None or encoding.lower() != b"gzip":
            return
        if vary:
            say_it_varies(response)
        if accepts(exchange, response):
            return
        exchange.body_filters.append(Gunzip(lambda why: _break_off(exchange, why)))
        exchange.expands = True
        response.headers.remove(b"Content-Encoding")
        body_changes(response)

    return unpack


def _break_off(exchange: Exchange, why: str) -> None:
    """The client must see that the body is broken, and who sends it may stop."""
    exchange.log("error", "gunzip_failed", f"inflate() failed: {why}")
    give_up = exchange.on_gone
    exchange.fail()
    if give_up is not None:
        give_up()


MODULE = Module("gunzip", settings=(GunzipSettings,), header_filter=make_filter)
