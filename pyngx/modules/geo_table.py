"""What the lines of a `geo` block become: sorted runs of addresses with a value each, and a bisection to find one.

Networks are nested or apart, and the longest one counts. Ranges are apart, or lie within another which they split. They
are put in by nginx's own rules, which cut them at each /16; so a hundred thousand take half a second.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pyngx.core.networks import LENGTHS, NO_ADDRESS, Network, parse_address, show_number

CHUNK = 0x10000  # the addresses of a /16


class Overlap(Exception):
    """A range that crosses the border of one that is there."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of addresses that touch each other: each goes from its start to the next one's."""

    starts: tuple[int, ...]
    values: tuple[str, ...]

    def find(self, number: int) -> str:
        """The value of an address."""
        return self.values[bisect_right(self.starts, number) - 1]


@dataclass(frozen=True, slots=True)
class Table:
    """The values of all addresses."""

    ipv4: Runs
    ipv6: Runs

    def find(self, text: str) -> str:
        """The value of an address as text; what is none counts as 255.255.255.255, as in nginx."""
        found = parse_address(text)
        return self.find_number(*found) if found is not None else self.ipv4.find(NO_ADDRESS)

    def find_number(self, version: int, number: int) -> str:
        """The value of an address."""
        if version == 4:
            return self.ipv4.find(number)
        if number >> 32 == 0xFFFF:  # IPv4 in IPv6
            return self.ipv4.find(number & 0xFFFFFFFF)
        return self.ipv6.find(number)


# networks


@dataclass(slots=True)
class Tree:
    """Networks and their values, while they are read."""

    values: dict[Network, str] = field(default_factory=dict)

    def add(self, network: Network, value: str) -> str | None:
        """Give a network a value; gives the one that it had."""
        old = self.values.get(network)
        self.values[network] = value
        return old

    def delete(self, network: Network) -> bool:
        """Take a network out; says whether it was there."""
        return self.values.pop(network, None) is not None

    def table(self) -> Table:
        """The values of all addresses; those of no network are empty."""
        runs = {
            version: _flattened(
                (network, self.values[network]) for network in self.values if network.version == version
            )
            for version in LENGTHS
        }
        return Table(runs[4], runs[6])


def _flattened(networks: Iterable[tuple[Network, str]]) -> Runs:
    """Nested networks as runs, the innermost in front."""
    starts, values = [0], [""]
    around: list[tuple[int, str]] = []  # last address and value of those that are open

    def close(before: int) -> None:
        while around and around[-1][0] < before:
            last, _ = around.pop()
            _begin(starts, values, last + 1, around[-1][1] if around else "")

    for network, value in sorted(networks, key=lambda each: (each[0].first, -each[0].last)):
        close(network.first)
        _begin(starts, values, network.first, value)
        around.append((network.last, value))
    while around:
        close(around[-1][0] + 1)
    return Runs(tuple(starts), tuple(values))


def _begin(starts: list[int], values: list[str], start: int, value: str) -> None:
    """Add a run; one at the same place takes the place of the last, one of the same value makes it longer."""
    if starts[-1] == start:
        values[-1] = value
    elif values[-1] != value:
        starts.append(start)
        values.append(value)


# ranges


@dataclass(slots=True)
class _Chunk:
    """The ranges within one /16, sorted and apart."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    values: list[str] = field(default_factory=list)

    def replace(self, at: int, until: int, ranges: Sequence[tuple[int, int, str]]) -> None:
        """Put ranges in the place of others."""
        self.starts[at:until] = [start for start, _, _ in ranges]
        self.ends[at:until] = [end for _, end, _ in ranges]
        self.values[at:until] = [value for _, _, value in ranges]

    def add(self, start: int, end: int, value: str) -> str | None:
        """Add a range; gives the value of the same range, raises Overlap."""
        at = bisect_right(self.starts, end) - 1
        if at < 0 or self.ends[at] < start:
            self.replace(at + 1, at + 1, [(start, end, value)])
            return None
        first, last, old = self.starts[at], self.ends[at], self.values[at]
        if start < first or end > last:
            raise Overlap(f"{show_number(4, first)}-{show_number(4, last)}")
        before = [(first, start - 1, old)] if first < start else []
        after = [(end + 1, last, old)] if end < last else []
        self.replace(at, at + 1, [*before, (start, end, value), *after])
        return old if first == start and end == last else None

    def delete(self, start: int, end: int) -> bool:
        """Take exactly this range out; says whether it was there."""
        at = bisect_right(self.starts, start) - 1
        if at < 0 or self.starts[at] != start or self.ends[at] != end:
            return False
        self.replace(at, at + 1, [])
        return True


@dataclass(slots=True)
class Ranges:
    """Ranges of IPv4 addresses and their values, while they are read."""

    chunks: dict[int, _Chunk] = field(default_factory=dict)

    def add(self, first: int, last: int, value: str) -> str | None:
        """Give a range a value; gives the one that it, or a part of it, had; raises Overlap."""
        olds = [self._chunk(start).add(start, end, value) for start, end in _pieces(first, last)]
        return next((old for old in olds if old is not None), None)

    def delete(self, first: int, last: int) -> bool:
        """Take a range out; says whether all of it was there."""
        found = [self._chunk(start).delete(start, end) for start, end in _pieces(first, last)]
        return all(found)

    def table(self, default: str) -> Table:
        """The values of all addresses; those of no range, and all IPv6, have the default."""
        starts, values, after = [0], [default], 0
        for _, chunk in sorted(self.chunks.items()):
            for start, end, value in zip(chunk.starts, chunk.ends, chunk.values, strict=True):
                if start > after:
                    _begin(starts, values, after, default)
                _begin(starts, values, start, value)
                after = end + 1
        if after <= NO_ADDRESS:
            _begin(starts, values, after, default)
        runs = Runs(tuple(starts), tuple(values))
        return Table(runs, Runs((0,), (runs.find(NO_ADDRESS),)))

    def _chunk(self, start: int) -> _Chunk:
        return self.chunks.setdefault(start // CHUNK, _Chunk())


def _pieces(first: int, last: int) -> Iterable[tuple[int, int]]:
    """A range cut at each /16."""
    for start in (first, *range((first // CHUNK + 1) * CHUNK, last + 1, CHUNK)):
        yield start, min(last, start | CHUNK - 1)
