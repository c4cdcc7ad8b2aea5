"""The one place where what outlives generations is put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pyngx.core.runtime import Runtime
from pyngx.process.open_logs import OpenLogs
from pyngx.upstream.aiohttp import AiohttpTransport
from pyngx.upstream.wire import WireTransport

if TYPE_CHECKING:
    from pyngx.core.ports import Transport
    from pyngx.core.tasks import Spawn, Tasks
    from pyngx.modules.main import MainSettings
    from pyngx.process.log_files import LogFiles
    from pyngx.process.logs import Log
    from pyngx.process.options import Options


TRANSPORTS: Mapping[str, Callable[[Spawn], Transport]] = {"fast": WireTransport, "aiohttp": AiohttpTransport}


def make_runtime(
    options: Options, files: LogFiles, log: Log, tasks: Tasks, main: MainSettings, *, testing: bool = False
) -> Runtime:
    """The runtime of this process."""
    return Runtime(
        prefix=options.prefix,
        conf_prefix=options.conf_prefix,
        logs=OpenLogs(files),
        log=log,
        transport=TRANSPORTS[main.http_client](tasks.spawn),
        spawn=tasks.spawn,
        testing=testing,
    )
