"""All modules, in the order in which their handlers and filters run."""

from __future__ import annotations

from pyngx.core.phases import Module
from pyngx.modules import (
    asgi,
    core,
    error_log,
    headers,
    index,
    log,
    not_modified,
    proxy,
    range_filter,
    resolver,
    static,
    try_files,
    upstream,
)

MODULES: tuple[Module, ...] = (
    core.MODULE,
    error_log.MODULE,
    log.MODULE,
    resolver.MODULE,
    upstream.MODULE,
    not_modified.MODULE,
    headers.MODULE,
    range_filter.MODULE,
    try_files.MODULE,
    proxy.MODULE,
    asgi.MODULE,
    index.MODULE,
    static.MODULE,
)
