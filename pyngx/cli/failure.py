"""What is said when a configuration can't be used."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from pyngx.process.telling import tell_all

if TYPE_CHECKING:
    from pyngx.config.diagnostics import ConfigError
    from pyngx.process.options import Options


def tell_failure(error: ConfigError, options: Options) -> None:
    """All that is wrong; and where the file may be, if it was looked for in a wrong place."""
    written = os.path.relpath(options.conf_path, options.prefix)
    here = os.path.abspath(written)
    first, *rest = error.diagnostics
    if not os.path.exists(options.conf_path) and os.path.isfile(here):
        advice = f'a relative path starts at the prefix; did you mean "{here}"?'
        first = replace(first, help=advice)
    tell_all([first, *rest])
