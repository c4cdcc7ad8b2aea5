"""Memory: connections that do nothing, transfers that are slow."""

from __future__ import annotations

from benchmarks.loads.memory import IDLE, idle, keep_alive, slow_download, slow_upload, websocket
from benchmarks.work import Goal, Work
from benchmarks.works.requests import BOTH

LEAN = (Goal("pyngx", "KiB/connection", most=8, is_ratio=False),)

WORKS = (
    Work("idle", f"{IDLE:,} idle keep-alive connections", BOTH, idle(keep_alive), LEAN, fresh=True),
    Work("idle-websocket", f"{IDLE:,} idle WebSockets", BOTH, idle(websocket), LEAN, fresh=True),
    Work("slow-download", "512 MiB download by a slow client", BOTH, slow_download, fresh=True),
    Work("slow-upload", "512 MiB upload to a slow upstream", BOTH, slow_upload, fresh=True),
)
