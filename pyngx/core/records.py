"""What is written down of a request's way, for variables and logs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pyngx.http.headers import Headers


class Try(msgspec.Struct):
    """One attempt to have an upstream answer; times are seconds from its start, None where it didn't get so far."""

    addr: str
    started: float
    status: int | None = None
    connect_time: float | None = None
    header_time: float | None = None
    response_time: float | None = None
    bytes_sent: int = 0
    bytes_received: int = 0
    response_length: int = 0
    fields: Headers | None = None
    is_anew: bool = False  # the first after an internal redirect, behind those before it


@dataclass(slots=True)
class Messages:
    """What went over a WebSocket that was passed on message by message; sizes are in bytes."""

    received: int = 0  # from the client
    bytes_received: int = 0
    sent: int = 0
    bytes_sent: int = 0
    close_code: int = 0
    closed_by_upstream: bool = False
