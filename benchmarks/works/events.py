"""Server-sent events."""

from __future__ import annotations

from benchmarks.loads.events import events_added
from benchmarks.work import Work
from benchmarks.works.requests import BOTH

WORKS = (Work("events", "server-sent events, delay added by the proxy", BOTH, events_added),)
