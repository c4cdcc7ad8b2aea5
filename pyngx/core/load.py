"""From a file to a generation: read, check, assemble; nothing is changed where one of them fails."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pyngx.config.check import Checked, check
from pyngx.config.schema import Schema
from pyngx.core import blocks
from pyngx.core.access import AccessPhaseSettings
from pyngx.core.assemble import assemble
from pyngx.core.connection import ConnectionSettings

if TYPE_CHECKING:
    from pyngx.config.include import Snapshot
    from pyngx.core.generation import Generation
    from pyngx.core.phases import Module
    from pyngx.core.runtime import Runtime


SETTINGS = (*blocks.SETTINGS, ConnectionSettings, AccessPhaseSettings)
"""The core's own directives, beside those of the modules."""


def make_schema(modules: Iterable[Module]) -> Schema:
    """All directives of the core and of the modules."""
    return Schema((*SETTINGS, *(cls for module in modules for cls in module.settings)))


def check_snapshot(snapshot: Snapshot, modules: Iterable[Module]) -> Checked:
    """What the files say; raises ConfigError with all that is wrong."""
    return check(snapshot, make_schema(modules))


def build(checked: Checked, modules: Sequence[Module], runtime: Runtime, number: int) -> Generation:
    """What the files become; raises ConfigError."""
    return assemble(checked.root, modules, runtime, number)
