"""All modules, in the order in which their handlers and filters run."""

from __future__ import annotations

from pyngx.core.phases import Module
from pyngx.modules import (
    asgi,
    autoindex,
    charset,
    core,
    empty_gif,
    error_log,
    gunzip,
    gzip,
    gzip_static,
    headers,
    index,
    limit_rate,
    log,
    main,
    map,
    not_modified,
    proxy,
    random_index,
    range_filter,
    resolver,
    rewrite,
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
    gunzip.MODULE,
    charset.MODULE,
    gzip.MODULE,
    range_filter.MODULE,
    limit_rate.MODULE,
    try_files.MODULE,
    # content: the first that takes a location answers
    stub_status.MODULE,
    empty_gif.MODULE,
    proxy.MODULE,
    asgi.MODULE,
    random_index.MODULE,
    index.MODULE,
    autoindex.MODULE,
    gzip_static.MODULE,
    static.MODULE,
    log.MODULE,
)
