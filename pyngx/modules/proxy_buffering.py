"""How responses of upstreams are buffered: what proxy_buffers and the like say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, Text, flag, parse_number, parse_size, size
from pyngx.config.declare import directive
from pyngx.config.diagnostics import ConfigError
from pyngx.core.blocks import EVERYWHERE
from pyngx.modules.gunzip import GunzipSettings
from pyngx.modules.limit_rate import NO_LIMIT, rate, size_of
from pyngx.upstream.outlet import Direct, Outlet, Paced
from pyngx.upstream.reservoir import READ_BACK, Buffers, Reservoir

if TYPE_CHECKING:
    from pyngx.core.answers import Response
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.ports import Call
    from pyngx.upstream.outlet import OpenOutlet

LARGEST_FILE = 1024 * 1024 * 1024


# settings


@dataclass(frozen=True, slots=True)
class ProxyBufferingSettings:
    """What is held of a response that its client doesn't take yet; sizes in bytes."""

    proxy_buffering: bool = directive(
        flag,
        EVERYWHERE,
        default=True,
        doc="whether what a slow client doesn't take is held, so that its upstream needn't wait",
    )
    proxy_buffer_size: int = directive(
        size, EVERYWHERE, default=4096, shown="4k", doc="bytes that the head of a response may have"
    )
    proxy_buffers: tuple[int, int] = directive(
        Argument("number size", lambda node: (parse_number(node.args[0], 1), parse_size(node.args[1])), 2, 2),
        EVERYWHERE,
        default=(8, 4096),
        shown="8 4k",
        doc="how much of a response is held in memory: the product of both",
    )
    proxy_busy_buffers_size: int | None = directive(
        size, EVERYWHERE, default=None, shown="64k", doc="bytes that are read back from the temporary file at once"
    )
    proxy_max_temp_file_size: int | None = directive(
        size, EVERYWHERE, default=None, shown="1024m", doc="bytes that are held in a temporary file; 0 for none"
    )
    proxy_temp_file_write_size: int | None = directive(
        size, EVERYWHERE, default=None, doc="bytes that are written to it at once; by default all that came at once"
    )
    proxy_temp_path: str = directive(
        Argument("path [level1 [level2 [level3]]]", lambda node: node.args[0].text, 1, 4),
        EVERYWHERE,
        default="",
        doc="the directory for temporary files; the system's own by default",
    )
    proxy_limit_rate: Text = directive(
        rate,
        EVERYWHERE,
        default=NO_LIMIT,
        doc="bytes a second that one response is read from its upstream, where it is buffered; 0 for all",
    )


# handlers


def paces(build: Build) -> bool:
    """Whether a location may let less of its upstreams' responses through than comes at once."""
    return _limits_rate(build) or _unpacks(build)


def outlet_of(build: Build) -> OpenOutlet:
    """What stands between the upstreams of a location and its clients."""
    own = build.settings(ProxyBufferingSettings)
    buffers = _buffers(build, own)
    buffering = own.proxy_buffering
    rate_of = size_of(build, own.proxy_limit_rate) if _limits_rate(build) else None
    # What unpacks makes much of little, so that something has to hold the rest while the client is slow.
    unpacks = _unpacks(build)
    without_file = replace(buffers, file=0)

    def open_outlet(exchange: Exchange, call: Call, response: Response) -> Outlet:
        if not (buffering if response.buffering is None else response.buffering):
            return Reservoir(exchange, call, without_file) if unpacks else Direct(exchange, call)
        if rate_of is not None and (limit := rate_of(exchange)):
            return Paced(call, limit, lambda source: Reservoir(exchange, source, buffers))
        return Reservoir(exchange, call, buffers)

    return open_outlet


def _limits_rate(build: Build) -> bool:
    return build.settings(ProxyBufferingSettings).proxy_limit_rate != NO_LIMIT


def _unpacks(build: Build) -> bool:
    return build.settings(GunzipSettings).gunzip


def _buffers(build: Build, own: ProxyBufferingSettings) -> Buffers:
    """The sizes, checked against each other (ngx_http_proxy_merge_loc_conf)."""
    count, one = own.proxy_buffers
    largest = max(own.proxy_buffer_size, one)
    busy, file, write = own.proxy_busy_buffers_size, own.proxy_max_temp_file_size, own.proxy_temp_file_write_size
    floor = 'the maximum of the value of "proxy_buffer_size" and one of the "proxy_buffers"'
    if count < 2:
        raise _wrong(build, "proxy_buffers", 'there must be at least 2 "proxy_buffers"')
    if busy is not None and busy < largest:
        raise _wrong(
            build, "proxy_busy_buffers_size", f'"proxy_busy_buffers_size" must be equal to or greater than {floor}'
        )
    if (busy if busy is not None else 2 * largest) > (count - 1) * one:
        message = '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers" minus one buffer'
        raise _wrong(build, "proxy_busy_buffers_size", message)
    if write is not None and write < largest:
        message = f'"proxy_temp_file_write_size" must be equal to or greater than {floor}'
        raise _wrong(build, "proxy_temp_file_write_size", message)
    if file and file < largest:
        message = '"proxy_max_temp_file_size" must be equal to zero to disable temporary files usage or must be'
        raise _wrong(build, "proxy_max_temp_file_size", f"{message} equal to or greater than {floor}")
    return Buffers(
        count * one,
        LARGEST_FILE if file is None else file,
        write or 0,
        busy or READ_BACK,
        build.path(own.proxy_temp_path) if own.proxy_temp_path else None,
    )


def _wrong(build: Build, name: str, message: str) -> ConfigError:
    given = [build.origin(ProxyBufferingSettings, each) for each in (name, "proxy_buffer_size", "proxy_buffers")]
    return ConfigError(message, next((span for span in given if span is not None), None))
