"""Fixtures for the modules' tests."""

from __future__ import annotations

from tests.modules.asgi_apps import serve

__all__ = ["serve"]
