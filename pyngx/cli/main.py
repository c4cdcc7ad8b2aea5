"""The command line: answers at once what needs no configuration, and hands all else to who does it.

What takes time to import is imported where it is needed: -V and -s are asked by scripts.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

from pyngx.cli.arguments import Arguments, InvalidOption, parse_arguments
from pyngx.cli.version_text import feature_lines, help_lines, version_lines
from pyngx.process.options import DEFAULT_FILE, Options, default_prefix

FAILED = 1


def run(words: Sequence[str]) -> int:
    """Do what the command line asks for; gives the exit code."""
    began = time.perf_counter()
    try:
        arguments = parse_arguments(words)
    except InvalidOption as error:
        sys.stderr.write(f"pyngx: {error}\n")
        return FAILED
    if arguments.version or arguments.features or arguments.help:
        sys.stderr.write(_about(arguments))
        if not (arguments.test or arguments.dump):
            return 0
    options = _options(arguments)
    if arguments.test or arguments.dump:
        from pyngx.cli.configuration_test import test_configuration  # noqa: PLC0415

        return test_configuration(options, dump=arguments.dump, quiet=arguments.quiet)
    if arguments.signal is not None:
        from pyngx.cli.signal_command import signal_process  # noqa: PLC0415

        return signal_process(options, arguments.signal)
    from pyngx.cli.start import start  # noqa: PLC0415

    return start(options, began)


def _about(arguments: Arguments) -> str:
    text = version_lines()
    if arguments.features:
        text += feature_lines()
    if arguments.help:
        text += help_lines(default_prefix())
    return text


def _options(arguments: Arguments) -> Options:
    prefix = os.path.abspath(default_prefix() if arguments.prefix is None else arguments.prefix)
    conf_path = os.path.join(prefix, arguments.conf or DEFAULT_FILE)
    error_log = arguments.error_log or "stderr"
    if error_log not in {"stdout", "stderr"} and not error_log.startswith("syslog:"):
        error_log = os.path.join(prefix, error_log)
    return Options(prefix, conf_path, arguments.directives or "", error_log)
