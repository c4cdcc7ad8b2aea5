"""Of the directives that each answer all requests of a location, the last one does, as in nginx."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyngx.core.build import Build

ANSWERING = ("proxy_pass", "asgi_pass", "stub_status", "empty_gif")  # each sets `clcf->handler`


def has_last_word(build: Build, name: str) -> bool:
    """Whether no other directive of that kind stands behind this one in its block."""
    written = [directive for _, directive in build.scope.given if directive in ANSWERING]
    return not written or written[-1] == name
