"""What the command line says of a configuration: where it is, and what is said beside it."""

from __future__ import annotations

import os
from dataclasses import dataclass

DEFAULT_FILE = "conf/pyngx.conf"


@dataclass(frozen=True, slots=True)
class Options:
    """Paths are absolute, `error_log` is also "stderr"."""

    prefix: str
    conf_path: str
    globals_text: str = ""  # directives of -g
    error_log: str = "stderr"  # for what is said before the configuration names a log, or where it names none

    @property
    def conf_prefix(self) -> str:
        """Where relative paths of files that the configuration reads start."""
        return os.path.dirname(self.conf_path)

    def path(self, written: str) -> str:
        """A path of the configuration, made absolute."""
        return os.path.join(self.prefix, written)


def default_prefix() -> str:
    """The folder that holds conf/pyngx.conf of this installation, else the one we were started in.

    In a checkout it is beside the package, in an installation within it.
    """
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folders = (os.path.dirname(package), package)
    return next((folder for folder in folders if os.path.isfile(os.path.join(folder, DEFAULT_FILE))), os.getcwd())
