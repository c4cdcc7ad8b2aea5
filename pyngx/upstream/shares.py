"""Peers as stretches of a line, each as long as its weight: where a hash or a random number points to one of them."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TRIES = 20  # how often a request's number may point to a peer that can't be had, until round robin is taken


class Shares:
    """The weights of some peers, summed up."""

    __slots__ = ("_ends", "total")

    def __init__(self, weights: Iterable[int]) -> None:
        self._ends = tuple(accumulate(weights))
        self.total = self._ends[-1]

    def __repr__(self) -> str:
        return f"<Shares {self._ends}>"

    def at(self, point: int) -> int:
        """The index of the peer whose stretch has that point of the line; any number of times around."""
        return bisect_right(self._ends, point % self.total)
