"""What a location says of relaying to an upstream, decided when the configuration is built."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from pyngx.core.answers import Answer, Response, Status
from pyngx.core.ports import Failure, Timeouts
from pyngx.http.headers import HOP_BY_HOP
from pyngx.upstream.outlet import direct

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange
    from pyngx.core.ports import Fields, Transport
    from pyngx.http.headers import Headers
    from pyngx.upstream.group import Group
    from pyngx.upstream.outlet import OpenOutlet

IDEMPOTENCE_MATTERS = frozenset({"POST", "LOCK", "PATCH"})
STATUS_CONDITIONS = frozenset({403, 404, 429, 500, 502, 503, 504})
NOT_FAILURES = frozenset({403, 404})  # the peer did its work


# What frames or routes a message can't come behind its body (RFC 9110 6.5.1).
NO_TRAILERS = frozenset(
    {b"content-length", b"transfer-encoding", b"trailer", b"connection", b"host", b"te"}
) | frozenset({b"content-type", b"content-encoding", b"content-range", b"set-cookie", b"location", b"authorization"})

# What no informational response has: it frames nothing, and the connection is ours.
NO_HINTS = HOP_BY_HOP | {b"content-length"}


class Condition(Enum):
    """When the next peer is tried: the words of `proxy_next_upstream`, but for the http_ ones."""

    ERROR = "error"
    TIMEOUT = "timeout"
    INVALID_HEADER = "invalid_header"
    NON_IDEMPOTENT = "non_idempotent"


CONDITIONS = {
    Failure.CONNECT: Condition.ERROR,
    Failure.ERROR: Condition.ERROR,
    Failure.TRUNCATED: Condition.ERROR,
    Failure.TIMEOUT: Condition.TIMEOUT,
    Failure.INVALID_HEADER: Condition.INVALID_HEADER,
}

ReadHead = Callable[["Exchange", int, bytes, "Headers"], "Response | Answer"]
PassHints = Callable[["Exchange", "Fields"], "Fields"]
"""Which fields of early hints the client gets; none, and it gets no hints."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a location says of relaying: decided when the configuration is built."""

    transport: Transport
    read_head: ReadHead  # makes the response of an upstream's head, or an answer to give instead
    next_conditions: frozenset[Condition | int] = frozenset({Condition.ERROR, Condition.TIMEOUT})
    next_tries: int = 0  # 0: as many as there are peers
    next_timeout: float = 0.0  # seconds; 0: no limit
    timeouts: Timeouts = Timeouts()
    intercept_errors: bool = False
    ignore_client_abort: bool = False
    passes_trailers: bool = False
    streams_body: bool = False  # the request's body is passed on as it comes, and can't be sent twice
    pass_hints: PassHints | None = None
    open_outlet: OpenOutlet = direct  # what stands between the response's body and the client
    paces: bool = False  # whether that may let less through than comes

    def answer_to(self, exchange: Exchange, status: int, reason: bytes, fields: Headers) -> Response | Answer:
        """What a head is answered by: the response that it begins, unless error_page or a redirect takes its place."""
        if self.intercept_errors and status >= 300 and status in exchange.location.error_pages:
            challenges = fields.all(b"www-authenticate") if status == 401 else []
            return Status(status, headers=tuple((b"WWW-Authenticate", value) for value in challenges))
        return self.read_head(exchange, status, reason, fields)

    def tries(self, group: Group) -> int:
        """How many peers one request may try."""
        return min(group.tries, self.next_tries) if self.next_tries else group.tries

    def deadline(self) -> float:
        """Until when the next peer may be tried; 0 for ever."""
        return time.monotonic() + self.next_timeout if self.next_timeout else 0.0
