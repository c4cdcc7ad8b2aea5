"""WebSockets: messages, and their round trips."""

from __future__ import annotations

from benchmarks.loads.websocket import echo
from benchmarks.work import Goal, Work
from benchmarks.works.requests import ALL

WORKS = (
    Work(
        "websocket",
        "WebSocket echo, 64 connections",
        ALL,
        echo(64),
        (Goal("pyngx", "messages/s", least=0.75),),
    ),
    Work("websocket-1", "WebSocket echo, 1 connection", ALL, echo(1)),
)
