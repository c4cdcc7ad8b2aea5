"""A request's body on its way to an upstream, as it comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyngx.core.ports import Call, Fields


class Upload:
    """Passes a request's body to a call as it comes."""

    __slots__ = ("_call", "_refuse")

    def __init__(self, call: Call, refuse: Callable[[int], None]) -> None:
        self._call = call
        self._refuse = refuse

    def body_received(self, data: bytes) -> None:
        self._call.send_body(data)

    def body_ended(self, trailers: Fields) -> None:  # noqa: ARG002 -- a sink's interface
        self._call.end_body()  # as nginx: who takes trailers for fields would let a client write any

    def body_refused(self, status: int) -> None:
        self._refuse(status)
