"""How addresses are written: by those who listen, and by those who are asked."""

from __future__ import annotations


def show_address(host: str, port: int, path: str) -> str:
    """`host:port`, `[host]:port` for IPv6, `unix:path`."""
    if path:
        return f"unix:{path}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
