"""How many clients there are: the port that a server implements, and what is said where none does."""

from __future__ import annotations

from typing import Protocol


class Census(Protocol):
    """The connections of a process, counted when somebody asks."""

    @property
    def accepted(self) -> int:
        """Connections since the start."""

    @property
    def active(self) -> int:
        """Connections that are open."""

    @property
    def reading(self) -> int:
        """Connections that some of a request's head has come by, and not all."""


class Uncounted:
    """Under a host that has the connections itself nothing is known of them."""

    accepted = 0
    active = 0
    reading = 0
