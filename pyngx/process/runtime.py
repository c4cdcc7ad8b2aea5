"""The one place where what outlives generations is put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.core.runtime import Runtime
from pyngx.process.open_logs import OpenLogs
from pyngx.upstream.aiohttp import AiohttpTransport

if TYPE_CHECKING:
    from pyngx.core.tasks import Tasks
    from pyngx.process.log_files import LogFiles
    from pyngx.process.logs import Log
    from pyngx.process.options import Options


def make_runtime(options: Options, files: LogFiles, log: Log, tasks: Tasks, *, testing: bool = False) -> Runtime:
    """The runtime of this process."""
    return Runtime(
        prefix=options.prefix,
        conf_prefix=options.conf_prefix,
        logs=OpenLogs(files),
        log=log,
        transport=AiohttpTransport(tasks.spawn),
        spawn=tasks.spawn,
        testing=testing,
    )
