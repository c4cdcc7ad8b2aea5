"""Active health checks: peers of a group are asked again and again, and left out while they fail.

A check belongs to a location and watches all peers of its group, each by a task of its own. Checks outlive reloads:
the desk goes on with those that the next configuration has as well, and what they know of the peers stays.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyngx.core.logs import Log
    from pyngx.core.tasks import Spawn
    from pyngx.upstream.group import Group
    from pyngx.upstream.peer import Peer

Ask = Callable[["Peer"], Awaitable[str]]
"""Asks a peer, and gives what is wrong with it; nothing for a check that passes."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When peers are asked, and what follows (`health_check`); times in seconds."""

    interval: float = 5.0
    jitter: float = 0.0  # each check is late by up to this much
    fails: int = 1  # in a row, until a peer is unhealthy
    passes: int = 1  # in a row, until it is healthy again
    mandatory: bool = False  # a peer isn't used before its first check has passed
    persistent: bool = False  # but for one that was healthy before the configuration changed


@dataclass(frozen=True, slots=True)
class Check:
    """What one location wants to be checked. Checks with equal keys are the same, whichever configuration has them."""

    key: Hashable
    group: Group
    rhythm: Rhythm
    ask: Ask
    log: Callable[[], Log]


@dataclass(slots=True)
class _Watch:
    """How one peer fares in one check."""

    peer: Peer
    task: asyncio.Task[None] | None = None
    is_new: bool = True  # no check of it has come to an end
    passed: int = 0  # in a row
    failed: int = 0

    def __repr__(self) -> str:
        return f"<Watch {self.peer.address} passed={self.passed} failed={self.failed}{' new' if self.is_new else ''}>"


class Desk:
    """All checks of a process."""

    def __init__(self, spawn: Spawn) -> None:
        self._spawn = spawn
        self._running: dict[Hashable, _Running] = {}

    def __repr__(self) -> str:
        return f"<Desk {list(self._running.values())}>"

    def begin(self, check: Check) -> None:
        """Have a check made from now on, in place of the one that had its key."""
        running = self._running.get(check.key)
        if running is None:
            running = self._running[check.key] = _Running(self._spawn)
        running.take(check)

    def end_others(self, keys: set[Hashable]) -> None:
        """End all checks but these."""
        for key in [key for key in self._running if key not in keys]:
            self._running.pop(key).end()

    def close(self) -> None:
        """End all."""
        self.end_others(set())


class _Running:
    """A check that is being made."""

    def __init__(self, spawn: Spawn) -> None:
        self._spawn = spawn
        self._check: Check | None = None
        self._watches: dict[Peer, _Watch] = {}

    def __repr__(self) -> str:
        return f"<Check {list(self._watches.values())}>"

    def take(self, check: Check) -> None:
        """Go on as this says, with the peers that its group has now."""
        self._check = check
        peers = {peer for peer in check.group.peers if not peer.settings.down}
        for gone in self._watches.keys() - peers:
            self._forget(gone)
        for new in [peer for peer in check.group.peers if peer in peers and peer not in self._watches]:
            self._begin(check, new)

    def end(self) -> None:
        """Nobody wants it any more."""
        for peer in list(self._watches):
            self._forget(peer)

    def _begin(self, check: Check, peer: Peer) -> None:
        watch = self._watches[peer] = _Watch(peer)
        rhythm = check.rhythm
        if rhythm.mandatory and not (rhythm.persistent and peer.is_proven):
            peer.bar(check.key)
        watch.task = self._spawn(self._go_on(watch), f"check {peer.address}")

    def _forget(self, peer: Peer) -> None:
        watch = self._watches.pop(peer)
        if watch.task is not None:
            watch.task.cancel()
        assert self._check is not None
        peer.unbar(self._check.key)

    async def _go_on(self, watch: _Watch) -> None:
        while (check := self._check) is not None:
            if check.rhythm.jitter:
                await asyncio.sleep(check.rhythm.jitter * random.random())
            self._judge(watch, await check.ask(watch.peer))
            await asyncio.sleep(check.rhythm.interval)

    def _judge(self, watch: _Watch, problem: str) -> None:
        assert self._check is not None
        rhythm = self._check.rhythm
        is_first, watch.is_new = watch.is_new, False
        if problem:
            watch.passed, watch.failed = 0, watch.failed + 1
        else:
            watch.passed, watch.failed = watch.passed + 1, 0
        key, peer = self._check.key, watch.peer
        was_mandatory = is_first and key in peer.bars
        if problem and (was_mandatory or (key not in peer.bars and watch.failed >= rhythm.fails)):
            self._condemn(self._check, peer, problem, watch.failed)
        elif not problem and (was_mandatory or (key in peer.bars and watch.passed >= rhythm.passes)):
            self._acquit(self._check, peer, watch.passed, is_first=was_mandatory)
        elif not problem and not peer.bars:
            peer.is_proven = True

    def _condemn(self, check: Check, peer: Peer, problem: str, failed: int) -> None:
        peer.bar(check.key)
        peer.is_proven = False
        peer.is_recovering = bool(peer.settings.slow_start)
        message = f"health check of {peer.address} failed: {problem}"
        check.log().write(
            "warn", "peer_unhealthy", message, upstream=check.group.name, peer=str(peer.address), reason=problem,
            checks=failed,
        )  # fmt: skip

    def _acquit(self, check: Check, peer: Peer, passed: int, *, is_first: bool) -> None:
        peer.unbar(check.key)
        if peer.bars:
            return
        peer.is_proven = True
        if peer.is_recovering:
            peer.warm_since, peer.is_recovering = time.monotonic(), False
        message = f"health check of {peer.address} passed"
        reason = "first check" if is_first else "checks pass again"
        check.log().write(
            "notice", "peer_healthy", message, upstream=check.group.name, peer=str(peer.address), reason=reason,
            checks=passed,
        )  # fmt: skip
        check.group.peer_freed()
