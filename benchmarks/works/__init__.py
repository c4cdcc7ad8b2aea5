"""All comparisons, in the order of the report."""

from __future__ import annotations

from benchmarks.work import Work
from benchmarks.works import download, events, logs, memory, requests, scale, websocket

WORKS: tuple[Work, ...] = (
    *requests.WORKS,
    *download.WORKS,
    *websocket.WORKS,
    *logs.WORKS,
    *scale.WORKS,
    *events.WORKS,
    *memory.WORKS,
)
