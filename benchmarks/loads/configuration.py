"""How long a configuration takes to be read and built."""

from __future__ import annotations

import os
import subprocess
import time

from benchmarks.failure import Failure
from benchmarks.work import Figures, Subject


def load_configuration(subject: Subject, _seconds: float) -> Figures:
    """The program's own check (-t), its start included; the time of a round is whatever it takes."""
    command = subject.command
    began = time.perf_counter()
    with subprocess.Popen(
        [*subject.pinned, *command.check],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **command.environment},
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failure(f"{' '.join(command.check)} failed with {process.returncode}")
    return {"seconds": time.perf_counter() - began, "CPU seconds": used.ru_utime + used.ru_stime}
