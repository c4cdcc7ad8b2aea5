"""A log that keeps its events."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that was logged."""

    level: str
    name: str
    message: str
    facts: dict[str, object]


@dataclass(slots=True)
class EventLog:
    """A `Log`."""

    events: list[Event] = field(default_factory=list)

    def enabled(self, level: str) -> bool:
        return level != "debug"

    def write(self, level: str, event: str, message: str = "", **facts: object) -> None:
        self.events.append(Event(level, event, message, facts))

    def named(self, name: str) -> list[Event]:
        """All events of a name."""
        return [event for event in self.events if event.name == name]
