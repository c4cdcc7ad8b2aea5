"""`python -m benchmarks`: pyngx and nginx side by side, in one run, on the same work."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.arguments import Arguments, parse_arguments
from benchmarks.failure import Failure
from benchmarks.machine import check_programs, describe_machine, find_cores, raise_file_limit, versions
from benchmarks.report import rows_of, write_header, write_table
from benchmarks.rounds import Stage, run
from benchmarks.upstreams.start import upstreams
from benchmarks.works import WORKS

FAILED = 1


def main(words: Sequence[str] | None = None) -> int:
    """The report goes to stdout, all else to stderr."""
    arguments = parse_arguments(words, WORKS)
    if arguments.lists:
        sys.stdout.writelines(f"{work.name:16} {work.title}\n" for work in arguments.works)
        return 0
    try:
        check_programs()
        return _compare(arguments)
    except Failure as failure:
        _tell(str(failure))
        return FAILED


def _compare(arguments: Arguments) -> int:
    cores = find_cores()
    machine = describe_machine(cores)
    raise_file_limit()
    # What this process starts inherits its cores; only the proxies are put elsewhere.
    os.sched_setaffinity(0, cores.others)
    rows: list[tuple[str, ...]] = []
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="pyngx-benchmark-") as name, upstreams(Path(name)) as behind:
        stage = Stage(cores, behind, arguments.rounds, arguments.seconds)
        for work in arguments.works:
            try:
                rows += rows_of(work, run(work, stage, _tell))
            except (Failure, OSError) as failure:
                failures.append(f"{work.name} failed: {failure}")
                _tell(failures[-1])
    today = date.today().isoformat()
    sys.stdout.write(write_header(today, machine, versions(), arguments))
    sys.stdout.write(f"\n{write_table(rows)}")
    sys.stdout.writelines(f"\n{failure}\n" for failure in failures)
    return FAILED if failures else 0


def _leave(number: int, _frame: object) -> None:
    """Whoever ends this process ends what it has started, too: an exception passes all the blocks."""
    sys.exit(128 + number)


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _leave)
    sys.exit(main())
