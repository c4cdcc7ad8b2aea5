"""All modules, in the order in which their handlers and filters run."""

from __future__ import annotations

from pyngx.core.phases import Module
from pyngx.modules import core, index, main, static, try_files

MODULES: tuple[Module, ...] = (
    main.MODULE,
    core.MODULE,
    try_files.MODULE,
    index.MODULE,
    static.MODULE,
)
