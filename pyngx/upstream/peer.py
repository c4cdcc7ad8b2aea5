"""One server of an upstream: what the configuration says of it, and how it has fared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from pyngx.core.ports import Address


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """The parameters of `server` in an upstream block, for one of the addresses its name stands for."""

    address: Address
    name: str  # as written in the configuration
    weight: int = 1
    max_fails: int = 1  # 0: failures don't count
    fail_timeout: int = 10  # seconds
    max_conns: int = 0  # 0: no limit
    backup: bool = False
    down: bool = False
    slow_start: float = 0.0  # seconds in which the weight grows from nothing after a recovery; 0: at once


class Peer:
    """The live state of one peer; it outlives reloads as long as its settings stay equal.

    `fails`, `checked` and `accessed` bear nginx's names (ngx_http_upstream_rr_peer_s): a peer is out of use while it
    has `max_fails` failures and `checked`, when it was last tried, is no more than `fail_timeout` ago.
    """

    __slots__ = (
        "accessed",
        "bars",
        "checked",
        "connections",
        "current_weight",
        "effective_weight",
        "fails",
        "is_limited",
        "is_proven",
        "is_recovering",
        "settings",
        "warm_since",
    )

    def __init__(self, settings: PeerSettings) -> None:
        self.settings = settings
        self.is_limited = settings.down or bool(settings.max_conns)  # whether it may have no room
        self.bars: set[Hashable] = set()  # the health checks that it fails, or has yet to pass
        self.is_proven = False  # whether the last health check that was made found it healthy
        self.is_recovering = False  # whether it had failed, and starts slowly when it is back
        self.warm_since = 0.0  # when it began to; 0: its weight is whole
        self.current_weight = 0
        self.effective_weight = settings.weight
        self.fails = 0
        self.checked = 0
        self.accessed = 0
        self.connections = 0

    def __repr__(self) -> str:
        settings = self.settings
        marks = "".join(f" {mark}" for mark in ("backup", "down") if getattr(settings, mark))
        marks += " unhealthy" if self.bars else ""
        return (
            f"<Peer {settings.address} weight={self.current_weight}/{self.effective_weight}/{settings.weight}"
            f" fails={self.fails}/{settings.max_fails} connections={self.connections}{marks}>"
        )

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self.settings.address

    def is_available(self, now: int) -> bool:
        """Whether it may be chosen: neither down, nor failed too often of late, nor full."""
        return self.has_room() and not self.is_failed(now)

    def bar(self, check: Hashable) -> None:
        """Have it not chosen as long as a health check says so."""
        self.bars.add(check)
        self.is_limited = True

    def unbar(self, check: Hashable) -> None:
        """Have it chosen again, as far as a health check is concerned."""
        self.bars.discard(check)
        self.is_limited = bool(self.bars or self.settings.down or self.settings.max_conns)

    def has_room(self) -> bool:
        """Whether it is neither down nor unhealthy nor at its `max_conns`."""
        if not self.is_limited:
            return True
        settings = self.settings
        if self.bars or settings.down:
            return False
        return not (settings.max_conns and self.connections >= settings.max_conns)

    def is_failed(self, now: int) -> bool:
        """Whether it has had its failures, and its `fail_timeout` isn't over."""
        if not self.fails:
            return False
        settings = self.settings
        return bool(
            settings.max_fails and self.fails >= settings.max_fails and now - self.checked <= settings.fail_timeout
        )
