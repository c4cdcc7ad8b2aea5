"""All modules, in the order in which their handlers and filters run."""

from __future__ import annotations

from pyngx.core.phases import Module
from pyngx.modules import (
    addition,
    asgi,
    auth_request,
    charset,
    core,
    empty_gif,
    error_log,
    gzip,
    headers,
    index,
    limit_rate,
    log,
    main,
    map,
    mirror,
    not_modified,
    postpone,
    proxy,
    range_filter,
    resolver,
    rewrite,
    ssi,
    static,
    stub_status,
    try_files,
    upstream,
)

MODULES: tuple[Module, ...] = (
    main.MODULE,
    core.MODULE,
    error_log.MODULE,
    rewrite.MODULE,
    map.MODULE,
    resolver.MODULE,
    upstream.MODULE,
    # header filters, as far as they have one, run in this order: what judges first, what cuts last
    not_modified.MODULE,
    headers.MODULE,
    addition.MODULE,
    charset.MODULE,
    ssi.MODULE,
    postpone.MODULE,
    gzip.MODULE,
    range_filter.MODULE,
    limit_rate.MODULE,
    # access
    auth_request.MODULE,
    try_files.MODULE,
    mirror.MODULE,
    # content: the first that takes a location answers
    empty_gif.MODULE,
    stub_status.MODULE,
    proxy.MODULE,
    asgi.MODULE,
    index.MODULE,
    static.MODULE,
    log.MODULE,
)
