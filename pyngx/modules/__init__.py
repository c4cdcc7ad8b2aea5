"""All modules, in the order in which their handlers and filters run."""

from __future__ import annotations

from pyngx.core.phases import Module
from pyngx.modules import (
    core,
    error_log,
    headers,
    index,
    log,
    main,
    not_modified,
    range_filter,
    static,
    try_files,
)

MODULES: tuple[Module, ...] = (
    main.MODULE,
    error_log.MODULE,
    core.MODULE,
    try_files.MODULE,
    index.MODULE,
    static.MODULE,
    not_modified.MODULE,
    headers.MODULE,
    range_filter.MODULE,
    log.MODULE,
)
