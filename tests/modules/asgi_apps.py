"""What the tests of ASGI need: a location with an application that stands in the test itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from pyngx.core.generation import Generation
from pyngx.core.runtime import Runtime
from pyngx.modules import asgi, core
from tests.support.live import build_text

MODULES = (core.MODULE, asgi.MODULE)
Serve = Callable[..., Generation]


def module_with(monkeypatch: pytest.MonkeyPatch, name: str, **attributes: object) -> None:
    """Have a module of a name with some attributes."""
    module = ModuleType(name)
    module.__dict__.update(attributes)
    monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serve an application at `location /`; `inside` is what else the location says, `around` the server."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def make(app: object, inside: str = "", around: str = "", runtime: Runtime | None = None) -> Generation:
        module_with(monkeypatch, "app_under_test", app=app)
        return build_text(
            f"""
            events {{}}
            http {{
                server {{
                    listen 127.0.0.1:8080;
                    {around}
                    location / {{ asgi_pass app_under_test:app; {inside} }}
                }}
            }}
            """,
            MODULES,
            runtime,
        )

    return make
