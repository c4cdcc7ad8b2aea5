"""Runs a comparison: each round asks every contender once, one after the other."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.failure import Failure
from benchmarks.loads.http import ask_whole, connect
from benchmarks.machine import Cores, installed
from benchmarks.proxies import PROXIES
from benchmarks.servers import START_PATIENCE, free_port, serving
from benchmarks.sites import Upstreams
from benchmarks.work import Contender, Figures, Subject, Work

WARM = 0.5  # seconds of load before the first round, at most

NEEDED = ("pyngx", "nginx")
"""A comparison goes on without the others."""

Tell = Callable[[str], None]
Seen = Mapping[str, Sequence[Figures]]
"""By label, what each round gave."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where all comparisons of a run take place."""

    cores: Cores
    upstreams: Upstreams
    rounds: int
    seconds: float  # of load, for each contender in each round


def run(work: Work, stage: Stage, tell: Tell) -> Seen:
    """Raises Failure."""
    contenders = [contender for contender in work.contenders if installed(contender.program)]
    seen: dict[str, list[Figures]] = defaultdict(list)
    with ExitStack() as stack:
        started = {} if work.fresh else _start(contenders, work, stage, stack, tell)
        taking_part = [contender for contender in contenders if work.fresh or contender.label in started]
        for number in range(stage.rounds):
            for contender in _turned(taking_part, number):
                tell(f"{work.name}: round {number + 1} of {stage.rounds}, {contender.label}")
                with ExitStack() as fresh:
                    subject = started.get(contender.label) or fresh.enter_context(_subject(contender, work, stage))
                    seen[contender.label].append(work.load(subject, stage.seconds))
    return seen


def _start(
    contenders: Sequence[Contender], work: Work, stage: Stage, stack: ExitStack, tell: Tell
) -> Mapping[str, Subject]:
    """Those that could be started, each after a first short load."""
    started: dict[str, Subject] = {}
    for contender in contenders:
        try:
            subject = stack.enter_context(_subject(contender, work, stage))
            if work.serves:
                work.load(subject, min(WARM, stage.seconds))
        except (Failure, OSError) as failure:
            if contender.program in NEEDED:
                raise Failure(f"{contender.label}: {failure}") from failure
            tell(f"{work.name}: goes on without {contender.label}: {failure}")
        else:
            started[contender.label] = subject
    return started


def _turned(contenders: Sequence[Contender], number: int) -> Sequence[Contender]:
    """Who is first changes, for whatever slows a machine down may follow a rhythm."""
    at = number % len(contenders)
    return [*contenders[at:], *contenders[:at]]


@contextmanager
def _subject(contender: Contender, work: Work, stage: Stage) -> Iterator[Subject]:
    """The proxy with its own folder, configured, and running if the work needs it."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="pyngx-benchmark-") as name, ExitStack() as stack:
        folder = Path(name)
        command = PROXIES[contender.program](contender.site, port, stage.upstreams, folder)
        pinned = stage.cores.pinned
        pid = 0
        if work.serves:
            started = serving((*pinned, *command.serve), port, folder, command.environment)
            pid = stack.enter_context(started)
            # The kernel takes connections as soon as there is a socket, which may be long before somebody serves them.
            with connect(port, patience=START_PATIENCE) as client:
                ask_whole(client, "/small")
        yield Subject(port, pid, command, stage.upstreams, pinned)
