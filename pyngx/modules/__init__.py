"""All modules, in the order in which their handlers and filters run."""

from __future__ import annotations

from pyngx.core.phases import Module
from pyngx.modules import (
    access,
    asgi,
    auth_basic,
    charset,
    core,
    early_hints,
    error_log,
    geo,
    gzip,
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
    split_clients,
    static,
    stub_status,
    symlinks,
    try_files,
    upstream,
)

MODULES: tuple[Module, ...] = (
    main.MODULE,
    core.MODULE,
    early_hints.MODULE,
    symlinks.MODULE,
    error_log.MODULE,
    realip.MODULE,
    referer.MODULE,
    rewrite.MODULE,
    geo.MODULE,
    map.MODULE,
    split_clients.MODULE,
    resolver.MODULE,
    upstream.MODULE,
    # access: in this order, and by `satisfy`
    access.MODULE,
    auth_basic.MODULE,
    # header filters, as far as they have one, run in this order: what judges first, what cuts last
    not_modified.MODULE,
    headers.MODULE,
    charset.MODULE,
    gzip.MODULE,
    range_filter.MODULE,
    limit_rate.MODULE,
    try_files.MODULE,
    # content: the first that takes a location answers
    stub_status.MODULE,
    proxy.MODULE,
    asgi.MODULE,
    index.MODULE,
    static.MODULE,
    log.MODULE,
)
