"""WebSockets: messages, and their round trips."""

from __future__ import annotations

from benchmarks.loads.websocket import echo
from benchmarks.work import Goal, Work
from benchmarks.works.requests import PLAIN

WORKS = (
    Work(
        "websocket",
        "WebSocket echo, 64 connections",
        PLAIN,
        echo(64),
        (Goal("pyngx", "messages/s", least=0.75),),
    ),
    Work("websocket-1", "WebSocket echo, 1 connection", PLAIN, echo(1)),
)
