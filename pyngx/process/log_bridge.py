"""What uvicorn, aiohttp, asyncio, Python's warnings and hosted applications say goes through pyngx's log as well."""

import logging
from collections.abc import Callable

from pyngx.process.log_styles import Level
from pyngx.process.logs import Log
from pyngx.server.asgi import is_worth_logging

_LEVELS = (
    (logging.CRITICAL, Level.CRIT),
    (logging.ERROR, Level.ERROR),
    (logging.WARNING, Level.WARN),
    (logging.INFO, Level.INFO),
)
_LIBRARIES = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "aiohttp", "asyncio", "watchfiles")
# Below warnings these only say what pyngx knows and says itself, or chat for each poll.
_TERSE = ("asyncio", "watchfiles", "uvicorn.access", "uvicorn.error", "websockets")


class _LogHandler(logging.Handler):
    """The one handler of the standard library's root logger."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        level = _level_of(record.levelno)
        if not self._log.passes(level):
            return
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            # Arguments that don't fit their text are the caller's fault and no reason to lose the line.
            message = str(record.msg)
        facts: dict[str, object] = {"logger": record.name, "message": message.strip()}
        if record.exc_info and record.exc_info[1] is not None:
            facts["exc_info"] = record.exc_info[1]
        self._log.say(level, "python_warning" if record.name == "py.warnings" else "library_message", facts)


def bridge_stdlib(log: Log) -> Callable[[], None]:
    """Make `log` the only way out for the standard library's logging; what is returned puts things back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = [_LogHandler(log)]
    # The handler asks the log's own threshold; a reload may lower that at any time.
    root.setLevel(logging.INFO)
    for name in _LIBRARIES:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name in _TERSE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(is_worth_logging)
    logging.captureWarnings(True)

    def undo() -> None:
        logging.captureWarnings(False)
        logging.getLogger("uvicorn.error").removeFilter(is_worth_logging)
        root.handlers[:] = handlers
        root.setLevel(level)

    return undo


def _level_of(number: int) -> Level:
    return next((level for bound, level in _LEVELS if number >= bound), Level.DEBUG)
