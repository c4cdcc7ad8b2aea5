"""What a client has sent and nobody has taken yet, and the heads of requests out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.http.request_head import HEAD_END
from pyngx.server.head_limits import read_head, read_partial_head

if TYPE_CHECKING:
    from pyngx.core.connection import ConnectionSettings
    from pyngx.http.request_head import FieldRules, RequestHead

LINE_END = b"\r\n"


class Inbox:
    """Bytes in their order."""

    __slots__ = ("_searched", "data", "head_size")

    def __init__(self) -> None:
        self.data = b""
        self.head_size = 0  # bytes of the head that was taken last
        self._searched = 0  # bytes that the end of a head isn't in

    def __len__(self) -> int:
        return len(self.data)

    def add(self, data: bytes) -> None:
        """More came."""
        self.data = self.data + data if self.data else data

    def take(self) -> bytes:
        """All there is."""
        data, self.data = self.data, b""
        return data

    @property
    def holds_head(self) -> bool:
        """Whether a whole head is there."""
        return HEAD_END.search(self.data) is not None

    @property
    def head_has_begun(self) -> bool:
        """Whether `take_head` has seen the beginning of a head that it waits for the end of."""
        return bool(self._searched)

    def take_head(self, settings: ConnectionSettings, rules: FieldRules) -> RequestHead | None:
        """The next head, if all of it is there; raises BadHead as soon as it can't become one."""
        data = self.data
        if data[:1] in LINE_END:  # nginx reads over empty lines before a request
            self.data = data = data.lstrip(LINE_END)
            if not data:
                return None
        # Only what is new is searched: a head that comes byte by byte must not cost its square.
        found = HEAD_END.search(data, max(0, self._searched - 2))
        if found is not None:
            end = found.end()
            parsed = read_head(data[:end], settings, rules)
        elif (partial := read_partial_head(data, settings, self._searched)) is not None:
            parsed, end = partial, data.index(b"\n") + 1
        else:
            self._searched = len(data)
            return None
        self._searched = 0
        self.head_size = end
        self.data = data[end:]
        return parsed
