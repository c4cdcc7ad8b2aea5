"""How clients' connections are treated: the part of ngx_http_core_module that servers read.

What has to be known before the Host is read comes from the default server of the address, all else from the location.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyngx.config.arguments import (
    Argument,
    bits,
    choice,
    flag,
    number,
    parse_number,
    parse_seconds,
    parse_size,
    seconds,
    size,
)
from pyngx.config.declare import directive
from pyngx.core.blocks import EVERYWHERE


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """Limits and times of a connection; sizes in bytes, times in seconds."""

    client_header_buffer_size: int = directive(
        size, "http server", default=1024, shown="1k", doc="bytes that a request's head may have in one read"
    )
    large_client_header_buffers: tuple[int, int] = directive(
        Argument("number size", lambda node: (parse_number(node.args[0], 1), parse_size(node.args[1])), 2, 2),
        "http server",
        default=(4, 8192),
        shown="4 8k",
        doc="how many lines that are larger a head may have, and the size of one",
    )
    max_headers: int = directive(number(1), "http server", default=1000, doc="fields that a request may have")
    underscores_in_headers: bool = directive(
        flag, "http server", default=False, doc="whether names with underscores are taken"
    )
    ignore_invalid_headers: bool = directive(
        flag, "http server", default=True, doc="whether fields with odd names are left out, or kept"
    )
    client_header_timeout: float = directive(
        seconds, "http server", default=60.0, shown="60s", doc="seconds in which a head must be there"
    )
    client_body_timeout: float = directive(
        seconds, EVERYWHERE, default=60.0, shown="60s", doc="seconds between two reads of a body"
    )
    send_timeout: float = directive(
        seconds, EVERYWHERE, default=60.0, shown="60s", doc="seconds between two writes to a client"
    )
    keepalive_timeout: tuple[float, int] = directive(
        Argument(
            "timeout [header_timeout]",
            lambda node: (
                parse_seconds(node.args[0]),
                int(parse_seconds(node.args[1])) if len(node.args) > 1 else 0,
            ),
            1,
            2,
        ),
        EVERYWHERE,
        default=(75.0, 0),
        shown="75s",
        doc="seconds that an idle connection is kept, and what the Keep-Alive field says of it",
    )
    keepalive_requests: int = directive(number(), EVERYWHERE, default=1000, doc="requests over one connection")
    keepalive_time: float = directive(
        seconds,
        EVERYWHERE,
        default=3600.0,
        shown="1h",
        doc="seconds after which a connection is closed when it is idle",
    )
    keepalive_min_timeout: float = directive(
        seconds, EVERYWHERE, default=0.0, shown="0", doc="seconds that an idle connection is kept even at shutdown"
    )
    keepalive_disable: frozenset[str] = directive(
        bits("none", "msie6", "safari"), EVERYWHERE, default=frozenset({"msie6"}), doc="browsers that get no keep-alive"
    )
    lingering_close: str = directive(
        choice("on", "off", "always"), EVERYWHERE, default="on", doc="whether what still comes is read before closing"
    )
    lingering_time: float = directive(
        seconds, EVERYWHERE, default=30.0, shown="30s", doc="seconds that is done for at most"
    )
    lingering_timeout: float = directive(
        seconds, EVERYWHERE, default=5.0, shown="5s", doc="seconds that is waited for more"
    )
    reset_timedout_connection: bool = directive(
        flag, EVERYWHERE, default=False, doc="whether connections that timed out are reset"
    )
    chunked_transfer_encoding: bool = directive(
        flag, EVERYWHERE, default=True, doc="whether responses of unknown length are chunked"
    )
