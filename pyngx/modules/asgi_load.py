"""From `module:attribute` to an application, with errors that say what to do."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, cast

from pyngx.config.diagnostics import ConfigError, did_you_mean

if TYPE_CHECKING:
    from pyngx.config.source import Span
    from pyngx.modules.asgi_messages import App

NOT_OURS = ("flask.", "django.core.handlers.wsgi", "bottle", "pyramid.")  # modules of well-known WSGI applications


@dataclass(frozen=True, slots=True)
class Reference:
    """Where an application is: `attribute` may be dotted."""

    module: str
    attribute: str
    span: Span | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.module}:{self.attribute}"


def search_in(directories: Sequence[str]) -> None:
    """Have modules looked for in these directories before all others, as Python itself does with a script's own."""
    sys.path[:0] = [path for path in directories if path not in sys.path]


def load_application(reference: Reference, directories: Sequence[str]) -> App:
    """Import an application; raises ConfigError with what is wrong and where it was looked for."""
    was_there = reference.module in sys.modules
    importlib.invalidate_caches()  # files may have been written a moment ago
    try:
        module = importlib.import_module(reference.module)
    except (Exception, SystemExit) as error:
        raise _import_failed(reference, error, directories) from error
    try:
        return _application(reference, module)
    except ConfigError:
        if not was_there:  # a reload is to see the module as it will be
            sys.modules.pop(reference.module, None)
        raise


def _application(reference: Reference, module: ModuleType) -> App:
    found: object = module
    for name in reference.attribute.split("."):
        if not hasattr(found, name):
            raise ConfigError(
                f'no "{name}" in module "{reference.module}"',
                reference.span,
                help="\n".join(filter(None, [did_you_mean(name, _public(found)), f"the module is {_file(module)}"])),
            )
        found = getattr(found, name)
    if not callable(found):
        raise ConfigError(f'"{reference}" is not an application but {_described(found)}', reference.span)
    if problem := _misfit(found):
        raise ConfigError(f'"{reference}" is not an ASGI 3 application', reference.span, help=problem)
    return cast("App", found)


def _misfit(found: object) -> str:
    """Why a callable can't be called with scope, receive and send; empty if it can."""
    try:
        signature = inspect.signature(found)  # type: ignore[arg-type] # it is callable
    except (TypeError, ValueError):  # written in C: take it as it is
        return ""
    if _takes(signature, 3):
        return ""
    if _takes(signature, 0):
        return "it takes no arguments: if it makes the application, call it in the module and name the result here"
    if _takes(signature, 2) or type(found).__module__.startswith(NOT_OURS):
        return "it looks like a WSGI application: wrap it, for example with a2wsgi.WSGIMiddleware(app)"
    return f"it must be callable with (scope, receive, send), and its arguments are {signature}"


def _takes(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _import_failed(reference: Reference, error: BaseException, directories: Sequence[str]) -> ConfigError:
    searched = f"searched in {', '.join(directories)}, and where {sys.executable} looks"
    message = f'cannot import "{reference.module}"'
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        if f"{reference.module}.".startswith(f"{error.name}."):
            help = "\n".join(filter(None, [did_you_mean(error.name, _modules(directories)), searched]))
            return ConfigError(f'{message}: there is no module "{error.name}"', reference.span, help=help)
        help = f'it needs "{error.name}", which is not installed for {sys.executable}'
        return ConfigError(f"{message}: {error}", reference.span, help=_with_place(help, error))
    return ConfigError(f"{message}: {type(error).__name__}: {error}", reference.span, help=_with_place("", error))


def _with_place(help: str, error: BaseException) -> str:
    """The line of the application's own code that raised, below a help text."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    if not frames or frames[-1].filename == __file__:
        return help
    last = frames[-1]
    return "\n".join(filter(None, [help, f"raised in {last.filename}:{last.lineno}: {last.line}"]))


def _modules(directories: Sequence[str]) -> list[str]:
    """Names of the modules and packages that lie in some directories."""
    names = [name for path in directories if os.path.isdir(path) for name in os.listdir(path)]
    return [name.removesuffix(".py") for name in names if name.endswith(".py") or "." not in name]


def _public(found: object) -> list[str]:
    return [name for name in dir(found) if not name.startswith("_")]


def _file(module: ModuleType) -> str:
    return getattr(module, "__file__", None) or f"a directory: {list(module.__path__)}"


def _described(found: object) -> str:
    return f"the module {found.__name__}" if isinstance(found, ModuleType) else f"of type {type(found).__name__}"
