"""All modules, in the order in which their handlers and filters run."""

from __future__ import annotations

from pyngx.core.phases import Module
from pyngx.modules import (
    asgi,
    core,
    error_log,
    headers,
    index,
    limit_rate,
    log,
    main,
    map,
    not_modified,
    proxy,
    proxy_protocol,
    range_filter,
    resolver,
    rewrite,
    ssl,
    static,
    try_files,
    upstream,
)

MODULES: tuple[Module, ...] = (
    main.MODULE,
    core.MODULE,
    error_log.MODULE,
    ssl.MODULE,
    proxy_protocol.MODULE,
    rewrite.MODULE,
    map.MODULE,
    resolver.MODULE,
    upstream.MODULE,
    # header filters, as far as they have one, run in this order: what judges first, what cuts last
    not_modified.MODULE,
    headers.MODULE,
    range_filter.MODULE,
    limit_rate.MODULE,
    try_files.MODULE,
    # content: the first that takes a location answers
    proxy.MODULE,
    asgi.MODULE,
    index.MODULE,
    static.MODULE,
    log.MODULE,
)
