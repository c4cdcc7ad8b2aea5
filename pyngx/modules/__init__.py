"""All modules, in the order in which their handlers and filters run."""

from __future__ import annotations

from pyngx.core.phases import Module
from pyngx.modules import core, index, proxy, resolver, static, try_files, upstream

MODULES: tuple[Module, ...] = (
    core.MODULE,
    resolver.MODULE,
    upstream.MODULE,
    try_files.MODULE,
    proxy.MODULE,
    index.MODULE,
    static.MODULE,
)
