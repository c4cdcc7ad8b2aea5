"""All modules, in the order in which their handlers and filters run."""

from __future__ import annotations

from pyngx.core.phases import Module
from pyngx.modules import (
    asgi,
    core,
    error_log,
    geo,
    headers,
    index,
    limit_rate,
    log,
    main,
    map,
    not_modified,
    proxy,
    range_filter,
    realip,
    referer,
    resolver,
    rewrite,
    secure_link,
    split_clients,
    static,
    try_files,
    upstream,
    userid,
)

MODULES: tuple[Module, ...] = (
    main.MODULE,
    core.MODULE,
    error_log.MODULE,
    realip.MODULE,
    referer.MODULE,
    secure_link.MODULE,
    rewrite.MODULE,
    geo.MODULE,
    map.MODULE,
    split_clients.MODULE,
    resolver.MODULE,
    upstream.MODULE,
    # header filters, as far as they have one, run in this order: what judges first, what cuts last
    not_modified.MODULE,
    userid.MODULE,
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
