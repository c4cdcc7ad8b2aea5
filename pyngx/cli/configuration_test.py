"""`-t` and `-T`: whether a configuration would do, said as nginx says it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyngx.cli.failure import tell_failure
from pyngx.config.diagnostics import ConfigError, Diagnostic
from pyngx.config.source import COMMAND_LINE
from pyngx.core.load import build
from pyngx.core.tasks import Tasks
from pyngx.modules import MODULES
from pyngx.process.load import findings, load_configuration
from pyngx.process.log_files import LogFiles
from pyngx.process.logs import make_log
from pyngx.process.runtime import make_runtime
from pyngx.process.telling import tell, tell_all

if TYPE_CHECKING:
    from pyngx.process.load import Loaded
    from pyngx.process.options import Options


def test_configuration(options: Options, *, dump: bool, quiet: bool) -> int:
    """Gives the exit code."""
    try:
        loaded = load_configuration(options)
        findings = asyncio.run(_build(loaded, options))
    except ConfigError as error:
        tell_failure(error, options)
        tell(f"configuration file {options.conf_path} test failed")
        return 1
    tell_all(finding for finding in findings if finding.severity != "notice" or not quiet)
    if not quiet:
        tell(f"the configuration file {options.conf_path} syntax is ok")
        tell(f"configuration file {options.conf_path} test is successful")
    if dump:
        _dump(loaded)
    return 0


async def _build(loaded: Loaded, options: Options) -> Sequence[Diagnostic]:
    """Build all, so that everything is looked at, and give what is remarkable."""
    log = make_log(())
    tasks = Tasks(lambda name, error: None)  # noqa: ARG005 -- nothing runs for long
    runtime = make_runtime(options, LogFiles(), log, tasks, loaded.main, testing=True)
    generation = build(loaded.checked, MODULES, runtime, 1)
    found = (*loaded.notices, *findings(generation))
    await runtime.close()
    await tasks.close()
    return found


def _dump(loaded: Loaded) -> None:
    """All files, each once."""
    for source in loaded.snapshot.sources:
        if source.path != COMMAND_LINE:
            text = f"# configuration file {source.path}:\n{source.text}\n"
            sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()
